package ctl

import (
	"slices"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func pidCommand() command {
	return command{name: "pid", run: pid, help: []string{
		"pid\t\t\tGet the PID of supervisord.",
		"pid <name>\t\tGet the PID of a single child process by name.",
		"pid all\t\t\tGet the PID of every child process, one per line.",
	}}
}

func pid(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	switch {
	case len(names) == 0:
		var n int
		if err := s.call(&n, "getPID"); err != nil {
			return err
		}
		s.printf("%d", n)
	case slices.Contains(names, "all"):
		var all []processInfo
		if err := s.call(&all, "getAllProcessInfo"); err != nil {
			return err
		}
		for _, p := range all {
			s.printf("%d", p.PID)
		}
	default:
		for _, name := range names {
			if err := s.printPID(name); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *session) printPID(name string) error {
	var p processInfo
	err := s.call(&p, "getProcessInfo", name)
	if faultCode(err) == rpcinterface.CodeBadName {
		s.printf("No such process %s", name)
		s.exit = exitGeneric
		return nil
	}
	if err != nil {
		return err
	}
	s.printf("%d", p.PID)
	if p.PID == 0 {
		s.exit = exitNotRunning
	}
	return nil
}
