package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// variables are names that expansions may use, in insertion order.
type variables struct {
	names  []string
	values map[string]rpcinterface.Value
}

func (v *variables) has(name string) bool {
	_, ok := v.values[name]
	return ok
}

func (v *variables) set(name string, value rpcinterface.Value) {
	if !v.has(name) {
		v.names = append(v.names, name)
	}
	if v.values == nil {
		v.values = map[string]rpcinterface.Value{}
	}
	v.values[name] = value
}

// remove forgets the names that other has.
func (v *variables) remove(other *variables) {
	v.names = slices.DeleteFunc(v.names, func(name string) bool {
		if other.has(name) {
			delete(v.values, name)
			return true
		}
		return false
	})
}

func (v *variables) clone() *variables {
	return &variables{names: slices.Clone(v.names), values: maps.Clone(v.values)}
}

// layers are variables put on top of each other: the value is the last layer's,
// the order that of first appearance, as of a dictionary updated with others.
type layers []*variables

// Lookup and Names make it a pytext.Mapping.
func (l layers) Lookup(name string) (rpcinterface.Value, bool) {
	for i := len(l) - 1; i >= 0; i-- {
		if value, ok := l[i].values[name]; ok {
			return value, true
		}
	}
	return nil, false
}

func (l layers) Names() []string {
	var out []string
	for i, v := range l {
		for _, name := range v.names {
			if !slices.ContainsFunc(l[:i], func(below *variables) bool { return below.has(name) }) {
				out = append(out, name)
			}
		}
	}
	return out
}

// expand replaces the expansions in s. name is the option's, for the error.
func expand(s string, m pytext.Mapping, name string) (string, error) {
	out, err := pytext.Format(s, m)
	if err == nil {
		return out, nil
	}
	var missing *pytext.KeyError
	if errors.As(err, &missing) {
		names := m.Names()
		slices.Sort(names)
		return "", fmt.Errorf("Format string %s for %s contains names (%w) which cannot be expanded. Available names: %s", //nolint:staticcheck // the reference's text
			pytext.ReprString(s), pytext.ReprString(name), missing, strings.Join(names, ", "))
	}
	return "", badlyFormatted(pytext.ReprString(s), name, err.Error())
}

func badlyFormatted(repr, name, reason string) error {
	return fmt.Errorf("Format string %s for %s is badly formatted: %s", repr, pytext.ReprString(name), reason) //nolint:staticcheck // the reference's text
}
