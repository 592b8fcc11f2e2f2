package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

func reloadCommand() command {
	return command{name: "reload", run: reload, help: []string{
		"reload \t\tRestart the remote supervisord.",
	}}
}

func reload(s *session, words []string) error {
	if len(words) > 0 {
		s.usage(reloadCommand(), exitGeneric, "Error: reload accepts no arguments")
		return nil
	}
	if really, err := s.confirm("Really restart the remote supervisord process y/N? "); !really {
		return err
	}
	var done bool
	err := s.call(&done, "restart")
	switch {
	case err == nil:
		s.printf("Restarted supervisord")
	case faultCode(err) == rpcinterface.CodeShutdownState:
		s.refuse("ERROR: already shutting down")
	default:
		return err
	}
	return nil
}
