package ctl

import (
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func signalCommand() command {
	return command{name: "signal", run: sendSignal, complete: completeSignal, help: []string{
		"signal <signal name> <name>\t\tSignal a process",
		"signal <signal name> <gname>:*\t\tSignal all processes in a group",
		"signal <signal name> <name> <name>\tSignal multiple processes or groups",
		"signal <signal name> all\t\tSignal all processes",
	}}
}

func sendSignal(s *session, words []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	if len(words) < 2 {
		s.usage(signalCommand(), exitGeneric, "Error: signal requires a signal name and a process name")
		return nil
	}
	return s.apply(operation{
		one: "signalProcess", group: "signalProcessGroup", all: "signalAllProcesses",
		args:         []any{words[0]},
		done:         "signalled",
		unknownGroup: exitGeneric,
		errorText:    signalErrorText,
	}, words[1:])
}

// signalErrorText is for stop too, which is a signal.
func signalErrorText(r result) string {
	switch r.Status {
	case rpcinterface.CodeBadName:
		return r.failed("no such process")
	case rpcinterface.CodeBadSignal:
		return r.failed("bad signal name")
	case rpcinterface.CodeNotRunning:
		return r.failed("not running")
	case rpcinterface.CodeFailed:
		return r.Description
	default:
		return ""
	}
}

// completeSignal offers the signals that a program may be sent; a server takes
// others, and numbers, too.
func completeSignal(s *session, before []string, word string) []string {
	if len(before) == 0 {
		return strings.Fields("HUP INT QUIT KILL TERM USR1 USR2 CONT STOP TSTP TTIN TTOU ALRM WINCH URG ABRT")
	}
	return completeProcesses(s, before, word)
}
