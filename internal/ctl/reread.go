package ctl

import (
	"errors"
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
	var f xmlrpc.FaultError
	switch {
	case errors.As(err, &f) && f.Code == rpcinterface.CodeShutdownState:
		return s.refuse("ERROR: supervisor shutting down")
	case errors.As(err, &f) && f.Code == rpcinterface.CodeCantReread:
		return s.refuse("ERROR: %s", f.String)
	case err != nil:
		return err
	}
	// A name in two lists is shown once, as the reference's dictionary does.
	kinds := map[string]string{}
	for _, name := range found.added {
		kinds[name] = "available"
	}
	for _, name := range found.changed {
		kinds[name] = "changed"
	}
	for _, name := range found.removed {
		kinds[name] = "disappeared"
	}
	var changes []row
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		if s.json {
			changes = append(changes, row{"name": name, "change": kinds[name]})
		} else {
			s.printf("%s: %s", name, kinds[name])
		}
	}
	if s.json {
		return s.printRows(changes)
	}
	if len(kinds) == 0 {
		s.printf("No config updates to processes")
	}
	return nil
}

// configChanges are names of groups, as supervisor.reloadConfig answers them.
type configChanges struct{ added, changed, removed []string }

func (s *session) reloadConfig() (configChanges, error) {
	var answer [][][]string
	if err := s.call(&answer, "reloadConfig"); err != nil {
		return configChanges{}, err
	}
	if len(answer) == 0 || len(answer[0]) != 3 {
		return configChanges{}, errors.New("cannot read answer of supervisor.reloadConfig: it is not [[added, changed, removed]]")
	}
	return configChanges{answer[0][0], answer[0][1], answer[0][2]}, nil
}
