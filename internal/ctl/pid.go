package ctl

import (
	"slices"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func pidCommand() command {
	return command{name: "pid", json: true, run: pid, complete: completeProcesses, help: []string{
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
	case s.json:
		return s.pidJSON(names)
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

// pidJSON writes the daemon's pid as a number, those of processes as an array.
func (s *session) pidJSON(names []string) error {
	if len(names) == 0 {
		var n any
		if err := s.call(&n, "getPID"); err != nil {
			return err
		}
		return s.printJSON(n)
	}
	var infos []processInfo
	if slices.Contains(names, "all") {
		if err := s.call(&infos, "getAllProcessInfo"); err != nil {
			return err
		}
		names = nil
	}
	for _, name := range names {
		var p processInfo
		err := s.call(&p, "getProcessInfo", name)
		switch {
		case faultCode(err) == rpcinterface.CodeBadName:
			s.refuse("No such process %s", name)
			continue
		case err != nil:
			return err
		}
		infos = append(infos, p)
	}
	var pids []row
	for _, p := range infos {
		pids = append(pids, row{"group": p.Group, "name": p.Name, "pid": int64(p.PID)})
		if p.PID == 0 {
			s.exit = exitNotRunning
		}
	}
	return s.printRows(pids)
}
