package namespace

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// multicall makes the calls of an array in turn. Results stand in the answer as
// they are, not in arrays of one element, and a fault takes the place of a result
// (supervisor.xmlrpc.SystemNamespaceRPCInterface.multicall). Where the reference
// breaks, over an element that is no struct, that element alone is a fault.
func (s system) multicall(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	calls, ok := call.Params[0].(rpcinterface.Array)
	if !ok && call.Params[0] != rpcinterface.String("") {
		return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
	}
	results := make(rpcinterface.Array, 0, len(calls))
	for _, element := range calls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		result, err := s.element(ctx, element, call.Caller)
		if err != nil {
			fault := rpcinterface.AsFault(err)
			result = rpcinterface.Struct{
				{Name: "faultCode", Value: rpcinterface.Int(fault.Code)},
				{Name: "faultString", Value: rpcinterface.String(fault.Message)},
			}
		}
		results = append(results, result)
	}
	return results, nil
}

// element makes one call of a multicall.
func (s system) element(ctx context.Context, element rpcinterface.Value, caller rpcinterface.Caller) (rpcinterface.Value, error) {
	spec, ok := element.(rpcinterface.Struct)
	if !ok {
		return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
	}
	name, _ := spec.Get("methodName")
	if rpcinterface.KindOf(name) == rpcinterface.KindNil {
		return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "No methodName")
	}
	method, ok := name.(rpcinterface.String)
	if !ok {
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed,
			fmt.Sprintf("<class 'AttributeError'>:'%s' object has no attribute 'split'", pytext.TypeName(name)))
	}
	if method == multicallName {
		return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "Recursive system.multicall forbidden")
	}
	params, ok := spec.Get("params")
	if !ok {
		params = rpcinterface.Array{}
	}
	args, ok := spread(params)
	if !ok {
		code := rpcinterface.CodeIncorrectParameters
		if _, known := s.registry.current.Load().index().byName[string(method)]; !known {
			code = rpcinterface.CodeUnknownMethod
		}
		return nil, rpcinterface.NewFault(code)
	}
	return s.registry.Call(ctx, string(method), args, caller)
}

// spread gives the arguments that a params member stands for, as Python's f(*x)
// takes them: an array's elements, a string's characters, a struct's names.
func spread(params rpcinterface.Value) ([]rpcinterface.Value, bool) {
	switch p := params.(type) {
	case rpcinterface.Array:
		return p, true
	case rpcinterface.String:
		args := make([]rpcinterface.Value, 0, utf8.RuneCountInString(string(p)))
		for _, c := range string(p) {
			args = append(args, rpcinterface.String(c))
		}
		return args, true
	case rpcinterface.Struct:
		args := make([]rpcinterface.Value, len(p))
		for i, m := range p {
			args[i] = rpcinterface.String(m.Name)
		}
		return args, true
	}
	return nil, false
}
