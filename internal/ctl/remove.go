package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

func removeCommand() command {
	return command{name: "remove", run: remove, complete: completeActiveGroups, help: []string{
		"remove <name> [...]\tRemoves process/group from active config",
	}}
}

func remove(s *session, names []string) error {
	for _, name := range names {
		var done bool
		err := s.call(&done, "removeProcessGroup", name)
		if err == nil {
			s.printf("%s: removed process group", name)
			continue
		}
		switch faultCode(err) {
		case rpcinterface.CodeStillRunning:
			s.refuse("ERROR: process/group still running: %s", name)
		case rpcinterface.CodeBadName:
			s.refuse("ERROR: no such process/group: %s", name)
		default:
			return err
		}
	}
	return nil
}
