package ctl

import (
	"slices"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// processInfo is the part of supervisor.getProcessInfo that the commands show.
type processInfo struct {
	Name        string `xmlrpc:"name"`
	Group       string `xmlrpc:"group"`
	State       int    `xmlrpc:"state"`
	StateName   string `xmlrpc:"statename"`
	Description string `xmlrpc:"description"`
	PID         int    `xmlrpc:"pid"`
}

func statusCommand() command {
	return command{name: "status", run: status, help: []string{
		"status <name>\t\tGet status for a single process",
		"status <gname>:*\tGet status for all processes in a group",
		"status <name> <name>\tGet status for multiple named processes",
		"status\t\t\tGet all process status info",
	}}
}

func status(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		s.exit = exitStatusUnknown
		return err
	}
	var all []processInfo
	if err := s.call(&all, "getAllProcessInfo"); err != nil {
		return err
	}
	listed := all
	if len(names) > 0 && !slices.Contains(names, "all") {
		listed = s.selectProcesses(all, names)
	}
	s.printStatus(listed)
	for _, p := range listed {
		if rpcinterface.ProcessState(p.State).Stopped() {
			s.exit = exitStatusNotRunning
		}
	}
	return nil
}

// selectProcesses gives the processes that are named, in the order of the names,
// and complains about names that match none.
func (s *session) selectProcesses(all []processInfo, names []string) []processInfo {
	var out []processInfo
	for _, name := range names {
		t := parseTarget(name)
		found := false
		for _, p := range all {
			if p.Group == t.group && (t.whole || p.Name == t.process) {
				found = true
				out = append(out, p)
			}
		}
		if found {
			continue
		}
		if t.whole {
			s.printf("%s: ERROR (no such group)", t.group)
		} else {
			s.printf("%s: ERROR (no such process)", name)
		}
		s.exit = exitStatusUnknown
	}
	return out
}

// printStatus prints the table: name, state, description. The first column is
// three wider than the longest name, at least 33.
func (s *session) printStatus(infos []processInfo) {
	width := 30
	for _, p := range infos {
		width = max(width, utf8.RuneCountInString(rpcinterface.Namespec(p.Group, p.Name)))
	}
	for _, p := range infos {
		s.printf("%-*s%-10s%s", width+3, rpcinterface.Namespec(p.Group, p.Name), p.StateName, p.Description)
	}
}
