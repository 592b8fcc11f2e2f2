package namespace

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// maxResults bounds what the results of one multicall take, in bytes. A small
// request can ask for any number of large answers.
const maxResults = 64 << 20

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
	tooLarge := error(rpcinterface.NewFault(rpcinterface.CodeFailed,
		fmt.Sprintf("not called: the results before it take more than %d MiB", maxResults>>20)))
	size := 0
	for _, element := range calls {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var result rpcinterface.Value
		err := tooLarge
		if size <= maxResults {
			result, err = s.element(ctx, element, call.Caller)
			size += sizeOf(result)
		}
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

// sizeOf is roughly what a value takes on its way to the client, in bytes.
func sizeOf(v rpcinterface.Value) int {
	const scalar = 48
	size := scalar
	switch v := v.(type) {
	case rpcinterface.String:
		size += len(v)
	case rpcinterface.Bytes:
		size += len(v)
	case rpcinterface.Array:
		for _, element := range v {
			size += sizeOf(element)
		}
	case rpcinterface.Struct:
		for _, m := range v {
			size += scalar + len(m.Name) + sizeOf(m.Value)
		}
	}
	return size
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
