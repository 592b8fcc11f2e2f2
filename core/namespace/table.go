package namespace

import (
	"context"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Def defines one method of a built-in namespace.
type Def struct {
	Name string
	// Help is the method's documentation; its signature is read from it.
	Help string
	// Min and Max bound the number of parameters that Func is called with.
	Min, Max int
	Func     func(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error)
}

// NewTable makes a namespace of the methods, listed in their order. A call with
// fewer or more parameters than its method takes answers INCORRECT_PARAMETERS
// before the method sees it; an unknown method answers UNKNOWN_METHOD.
func NewTable(methods []Def) rpcinterface.Namespace {
	t := &defTable{byName: make(map[string]Def, len(methods))}
	for _, d := range methods {
		t.byName[d.Name] = d
		t.methods = append(t.methods, rpcinterface.Method{
			Name: d.Name, Help: d.Help, Signature: rpcinterface.SignatureFromHelp(d.Help),
		})
	}
	return t
}

type defTable struct {
	methods []rpcinterface.Method
	byName  map[string]Def
}

var _ rpcinterface.Namespace = (*defTable)(nil)

func (t *defTable) Methods() []rpcinterface.Method { return t.methods }

func (t *defTable) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	d, ok := t.byName[call.Method]
	if !ok {
		return nil, rpcinterface.NewFault(rpcinterface.CodeUnknownMethod)
	}
	if n := len(call.Params); n < d.Min || n > d.Max {
		return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
	}
	return d.Func(ctx, call)
}
