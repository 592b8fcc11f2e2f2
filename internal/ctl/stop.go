package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

func stopCommand() command {
	return command{name: "stop", run: stop, complete: completeProcesses, help: []string{
		"stop <name>\t\tStop a process",
		"stop <gname>:*\t\tStop all processes in a group",
		"stop <name> <name>\tStop multiple processes or groups",
		"stop all\t\tStop all processes",
	}}
}

func stop(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	if len(names) == 0 {
		s.usage(stopCommand(), exitGeneric, "Error: stop requires a process name")
		return nil
	}
	return s.apply(operation{
		one: "stopProcess", group: "stopProcessGroup", all: "stopAllProcesses",
		done:         "stopped",
		harmless:     rpcinterface.CodeNotRunning,
		unknownGroup: exitGeneric,
		errorText:    signalErrorText,
	}, names)
}
