package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

func clearCommand() command {
	return command{name: "clear", run: clearLogs, complete: completeProcesses, help: []string{
		"clear <name>\t\tClear a process' log files.",
		"clear <name> <name>\tClear multiple process' log files",
		"clear all\t\tClear all process' log files",
	}}
}

func clearLogs(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	if len(names) == 0 {
		s.usage(clearCommand(), exitGeneric, "Error: clear requires a process name")
		return nil
	}
	return s.apply(operation{
		one: "clearProcessLogs", all: "clearAllProcessLogs",
		done:      "cleared",
		errorText: clearErrorText,
	}, names)
}

func clearErrorText(r result) string {
	switch r.Status {
	case rpcinterface.CodeBadName:
		return r.failed("no such process")
	case rpcinterface.CodeFailed:
		return r.failed("failed")
	default:
		return ""
	}
}
