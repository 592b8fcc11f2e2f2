package ctl

import (
	"errors"
	"fmt"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// result is the outcome of an operation on one process: an element of what group
// operations answer, or made from the fault of a single one.
type result struct {
	Name        string `xmlrpc:"name"`
	Group       string `xmlrpc:"group"`
	Status      int    `xmlrpc:"status"`
	Description string `xmlrpc:"description"`
}

// operation is what the commands on named processes have in common.
type operation struct {
	// one, group and all are methods of the supervisor namespace. Without one for
	// groups, a group is a process that nobody knows.
	one, group, all string
	args            []any // arguments behind the name

	done         string // "started"
	harmless     int    // the fault that says that nothing needed doing
	unknownGroup int    // exit code for a group that is not there
	// errorText gives what is printed in place of done for a fault, whole; "" for
	// a fault that the operation does not know.
	errorText func(r result) string
}

// apply runs the operation on each name.
func (s *session) apply(op operation, names []string) error {
	for _, name := range names {
		if name == "all" {
			return s.applyMany(op, op.all, op.args...)
		}
	}
	for _, name := range names {
		t := parseTarget(name)
		var err error
		if t.whole && op.group != "" {
			err = s.applyMany(op, op.group, append([]any{t.group}, op.args...)...)
			if faultCode(err) == rpcinterface.CodeBadName {
				s.printf("%s: ERROR (no such group)", t.group)
				s.exit = op.unknownGroup
				continue
			}
		} else {
			err = s.applyOne(op, name, t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// applyMany calls a method that answers one result for each process.
func (s *session) applyMany(op operation, method string, args ...any) error {
	var results []result
	if err := s.call(&results, method, args...); err != nil {
		return err
	}
	for _, r := range results {
		if err := s.printResult(op, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) applyOne(op operation, name string, t target) error {
	r := result{Name: t.process, Group: t.group, Status: rpcinterface.CodeSuccess}
	if t.whole {
		r.Name = "None" // what the reference shows for no name
	}
	var done bool
	if err := s.call(&done, op.one, append([]any{name}, op.args...)...); err != nil {
		var f xmlrpc.FaultError
		if !errors.As(err, &f) {
			return err
		}
		r.Status, r.Description = f.Code, f.String
	}
	return s.printResult(op, r)
}

func (s *session) printResult(op operation, r result) error {
	name := rpcinterface.Namespec(r.Group, r.Name)
	if r.Status == rpcinterface.CodeSuccess {
		s.printf("%s: %s", name, op.done)
	} else if text := op.errorText(r); text != "" {
		s.printf("%s", s.paint(red, text))
	} else {
		return fmt.Errorf("Unknown result code %d for %s", r.Status, name)
	}
	s.noteResult(r.Status, op.harmless)
	return nil
}

// failed writes the line for a process that the operation failed on.
func (r result) failed(why string) string {
	return fmt.Sprintf("%s: ERROR (%s)", rpcinterface.Namespec(r.Group, r.Name), why)
}
