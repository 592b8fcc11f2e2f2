package ctl

import (
	"errors"
	"syscall"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func shutdownCommand() command {
	return command{name: "shutdown", run: shutdown, help: []string{
		"shutdown \tShut the remote supervisord down.",
	}}
}

func shutdown(s *session, words []string) error {
	if len(words) > 0 {
		s.usage(shutdownCommand(), exitGeneric, "Error: shutdown accepts no arguments")
		return nil
	}
	if really, err := s.confirm("Really shut the remote supervisord process down y/N? "); !really {
		return err
	}
	var done bool
	err := s.call(&done, "shutdown")
	switch {
	case err == nil:
		s.printf("Shut down")
	case faultCode(err) == rpcinterface.CodeShutdownState:
		s.printf("ERROR: already shutting down")
	case errors.Is(err, syscall.ECONNREFUSED):
		s.printf("ERROR: %s refused connection (already shut down?)", s.client.url)
		s.exit = exitGeneric
	case errors.Is(err, syscall.ENOENT):
		s.printf("ERROR: %s no such file (already shut down?)", s.client.url)
		s.exit = exitGeneric
	default:
		return err
	}
	return nil
}
