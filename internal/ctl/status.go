package ctl

import (
	"context"
	"slices"
	"strings"
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
	return command{name: "status", json: true, run: status, complete: completeProcesses, help: []string{
		"status <name>\t\tGet status for a single process",
		"status <gname>:*\tGet status for all processes in a group",
		"status <name> <name>\tGet status for multiple named processes",
		"status\t\t\tGet all process status info",
	}}
}

func status(s *session, names []string) error {
	ok, err := s.up()
	if err != nil {
		return err
	}
	if !ok {
		s.exit = exitStatusUnknown
		return nil
	}
	if s.json {
		return s.statusJSON(names)
	}
	var all []processInfo
	if err := s.call(&all, "getAllProcessInfo"); err != nil {
		return err
	}
	listed := selectProcesses(s, all, names, func(p processInfo) (group, name string) { return p.Group, p.Name })
	if s.terminal { // elsewhere the output is Supervisor's to the byte
		dynamic := s.dynamicProcesses()
		for i, p := range listed {
			if dynamic[rpcinterface.Namespec(p.Group, p.Name)] {
				listed[i].Description += "  (added at run time)"
			}
		}
	}
	s.printStatus(listed)
	for _, p := range listed {
		s.noteState(p.State)
	}
	return nil
}

// statusJSON writes the processes with all that the server tells of them.
func (s *session) statusJSON(names []string) error {
	var all []row
	if err := s.call(&all, "getAllProcessInfo"); err != nil {
		return err
	}
	listed := selectProcesses(s, all, names, func(r row) (group, name string) {
		group, _ = r["group"].(string)
		name, _ = r["name"].(string)
		return group, name
	})
	dynamic := s.dynamicProcesses()
	for _, r := range listed {
		state, _ := r["state"].(int64)
		s.noteState(int(state))
		group, _ := r["group"].(string)
		name, _ := r["name"].(string)
		if dynamic[rpcinterface.Namespec(group, name)] {
			r["dynamic"] = true
		}
	}
	return s.printRows(listed)
}

// dynamicProcesses gives the processes that were added at run time. A server that does
// not know, such as Supervisor's, has none.
func (s *session) dynamicProcesses() map[string]bool {
	ctx, cancel := context.WithTimeout(s.ctx, lookupPatience)
	defer cancel()
	var names []string
	if s.client.call(ctx, &names, "extension.getDynamicProcesses") != nil {
		return nil
	}
	dynamic := make(map[string]bool, len(names))
	for _, name := range names {
		dynamic[name] = true
	}
	return dynamic
}

// noteState sets the exit code for a process that was listed.
func (s *session) noteState(state int) {
	if rpcinterface.ProcessState(state).Stopped() {
		s.exit = exitStatusNotRunning
	}
}

// selectProcesses gives the processes that are named, in the order of the names,
// and complains about names that match none. Without names it gives all.
func selectProcesses[T any](s *session, all []T, names []string, namespec func(T) (group, name string)) []T {
	if len(names) == 0 || slices.Contains(names, "all") {
		return all
	}
	var out []T
	for _, name := range names {
		t := parseTarget(name)
		found := false
		for _, p := range all {
			group, name := namespec(p)
			if group == t.group && (t.whole || name == t.process) {
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
		state := s.paint(stateColor(p.State), p.StateName) + strings.Repeat(" ", max(0, 10-len(p.StateName)))
		s.printf("%-*s%s%s", width+3, rpcinterface.Namespec(p.Group, p.Name), state, p.Description)
	}
}
