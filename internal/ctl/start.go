package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

func startCommand() command {
	return command{name: "start", run: start, complete: completeProcesses, help: []string{
		"start <name>\t\tStart a process",
		"start <gname>:*\t\tStart all processes in a group",
		"start <name> <name>\tStart multiple processes or groups",
		"start all\t\tStart all processes",
	}}
}

func start(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	if len(names) == 0 {
		s.usage(startCommand(), exitInvalidArgs, "Error: start requires a process name")
		return nil
	}
	return s.apply(operation{
		one: "startProcess", group: "startProcessGroup", all: "startAllProcesses",
		done:         "started",
		harmless:     rpcinterface.CodeAlreadyStarted,
		unknownGroup: exitInvalidArgs,
		errorText:    startErrorText,
	}, names)
}

func startErrorText(r result) string {
	switch r.Status {
	case rpcinterface.CodeBadName:
		return r.failed("no such process")
	case rpcinterface.CodeNoFile:
		return r.failed("no such file")
	case rpcinterface.CodeNotExecutable:
		return r.failed("file is not executable")
	case rpcinterface.CodeAlreadyStarted:
		return r.failed("already started")
	case rpcinterface.CodeSpawnError:
		return r.failed("spawn error")
	case rpcinterface.CodeAbnormalTermination:
		return r.failed("abnormal termination")
	default:
		return ""
	}
}
