package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

func addCommand() command {
	return command{name: "add", run: add, complete: completeNewGroups, help: []string{
		"add <name> [...]\tActivates any updates in config for process/group",
	}}
}

func add(s *session, names []string) error {
	for _, name := range names {
		var done bool
		err := s.call(&done, "addProcessGroup", name)
		if err == nil {
			s.printf("%s: added process group", name)
			continue
		}
		switch faultCode(err) {
		case rpcinterface.CodeShutdownState:
			s.refuse("ERROR: shutting down")
		case rpcinterface.CodeAlreadyAdded:
			// No failure, in the reference either.
			s.printf("ERROR: process group already active")
		case rpcinterface.CodeBadName:
			s.refuse("ERROR: no such process/group: %s", name)
		default:
			return err
		}
	}
	return nil
}
