package namespace

import (
	"context"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	systemName    = "system"
	multicallName = systemName + ".multicall"
)

const (
	listMethodsHelp = `List the methods that can be called, by full name.

@return array result  The names (strings), sorted.`

	methodHelpHelp = `Show the documentation of a method.

@param string name  The full name of the method.
@return string result  Its documentation.`

	methodSignatureHelp = `Show the types of a method as [result, parameter, parameter, …].

@param string name  The full name of the method.
@return array result  The names of the types.`

	multicallHelp = `Make several calls in one request, one after the other.

Each call is a struct {'methodName': string, 'params': array}. Each result is
the value that the method answered, or a struct {'faultCode': int,
'faultString': string}; one fault does not keep the other calls from being made.

@param array calls  The calls.
@return array result  Their results, in the same order.`
)

// index describes the methods of one table.
type index struct {
	names  rpcinterface.Array // sorted
	byName map[string]rpcinterface.Method
}

func makeIndex(entries []Entry, system rpcinterface.Namespace) *index {
	x := &index{byName: map[string]rpcinterface.Method{}}
	var names []string
	add := func(name string, ns rpcinterface.Namespace) {
		for _, m := range ns.Methods() {
			if strings.HasPrefix(m.Name, "_") {
				continue
			}
			full := name + "." + m.Name
			if _, seen := x.byName[full]; !seen {
				names = append(names, full)
			}
			x.byName[full] = m
		}
	}
	for _, e := range entries {
		if e.Name != systemName {
			add(e.Name, e.Namespace)
		}
	}
	add(systemName, system)
	slices.Sort(names)
	x.names = make(rpcinterface.Array, len(names))
	for i, name := range names {
		x.names[i] = rpcinterface.String(name)
	}
	return x
}

// system is the namespace that describes its registry.
type system struct {
	registry *Registry
}

func newSystem(r *Registry) rpcinterface.Namespace {
	s := system{registry: r}
	return NewTable([]Def{
		{Name: "listMethods", Help: listMethodsHelp, Func: s.listMethods},
		{Name: "methodHelp", Help: methodHelpHelp, Min: 1, Max: 1, Func: s.methodHelp},
		{Name: "methodSignature", Help: methodSignatureHelp, Min: 1, Max: 1, Func: s.methodSignature},
		{Name: "multicall", Help: multicallHelp, Min: 1, Max: 1, Func: s.multicall},
	})
}

func (s system) listMethods(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return s.registry.current.Load().index().names, nil
}

// describe finds the method that a parameter names. Whatever is no known name is
// SIGNATURE_UNSUPPORTED, also what is no string.
func (s system) describe(param rpcinterface.Value) (rpcinterface.Method, error) {
	name, _ := param.(rpcinterface.String)
	m, ok := s.registry.current.Load().index().byName[string(name)]
	if !ok {
		return m, rpcinterface.NewFault(rpcinterface.CodeSignatureUnsupported)
	}
	return m, nil
}

func (s system) methodHelp(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	m, err := s.describe(call.Params[0])
	if err != nil {
		return nil, err
	}
	return rpcinterface.String(m.Help), nil
}

func (s system) methodSignature(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	m, err := s.describe(call.Params[0])
	if err != nil {
		return nil, err
	}
	if len(m.Signature) == 0 {
		return nil, rpcinterface.NewFault(rpcinterface.CodeSignatureUnsupported)
	}
	types := make(rpcinterface.Array, len(m.Signature))
	for i, name := range m.Signature {
		types[i] = rpcinterface.String(name)
	}
	return types, nil
}
