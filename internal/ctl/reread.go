package ctl

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func rereadCommand() command {
	return command{name: "reread", json: true, run: reread, help: []string{
		"reread \t\t\tReload the daemon's configuration files without add/remove",
	}}
}

func reread(s *session, words []string) error {
	if len(words) > 0 {
		s.usage(rereadCommand(), exitGeneric, "Error: reread accepts no arguments")
		return nil
	}
	found, err := s.reloadConfig()
	var extensions configChanges
	if err == nil {
		extensions, err = s.reloadExtensions()
	}
	var f xmlrpc.FaultError
	switch {
	case errors.As(err, &f) && f.Code == rpcinterface.CodeShutdownState:
		return s.refuse("ERROR: supervisor shutting down")
	case errors.As(err, &f) && f.Code == rpcinterface.CodeCantReread:
		return s.refuse("ERROR: %s", f.String)
	case err != nil:
		return err
	}
	kinds := found.kinds()
	var changes []row
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if s.json {
			changes = append(changes, row{"name": name, "change": kinds[name]})
		} else {
			s.printf("%s: %s", name, kinds[name])
		}
	}
	if len(kinds) == 0 && !s.json {
		s.printf("No config updates to processes")
	}
	kinds = extensions.kinds()
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if s.json {
			changes = append(changes, row{"name": name, "change": kinds[name], "kind": "extension"})
		} else {
			s.printf("extension %s: %s", name, kinds[name])
		}
	}
	if s.json {
		return s.printRows(changes)
	}
	return nil
}

// configChanges are names of groups or extensions, as reloadConfig answers them.
type configChanges struct{ added, changed, removed []string }

// kinds says what became of each name. One in two lists is shown once, as the
// reference's dictionary does.
func (c configChanges) kinds() map[string]string {
	kinds := map[string]string{}
	for _, name := range c.added {
		kinds[name] = "available"
	}
	for _, name := range c.changed {
		kinds[name] = "changed"
	}
	for _, name := range c.removed {
		kinds[name] = "disappeared"
	}
	return kinds
}

// reloadConfig asks what has changed in the file of the groups.
func (s *session) reloadConfig() (configChanges, error) { return s.changes("supervisor.reloadConfig") }

// reloadExtensions asks what has changed in the file of the extensions. A server that
// has none, as Supervisor's, has no changes.
func (s *session) reloadExtensions() (configChanges, error) {
	found, err := s.changes("extension.reloadConfig")
	if faultCode(err) == rpcinterface.CodeUnknownMethod {
		return configChanges{}, nil
	}
	return found, err
}

func (s *session) changes(method string) (configChanges, error) {
	s.stdout.Flush()
	var answer [][][]string
	if err := s.client.call(s.ctx, &answer, method); err != nil {
		return configChanges{}, err
	}
	if len(answer) == 0 || len(answer[0]) != 3 {
		return configChanges{}, fmt.Errorf("cannot read answer of %s: it is not [[added, changed, removed]]", method)
	}
	return configChanges{answer[0][0], answer[0][1], answer[0][2]}, nil
}
