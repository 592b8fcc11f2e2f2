package sdk

import (
	"context"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

type callKey struct{}

func withCall(ctx context.Context, call *rpcinterface.Call) context.Context {
	return context.WithValue(ctx, callKey{}, call)
}

func callFrom(ctx context.Context) *rpcinterface.Call {
	call, _ := ctx.Value(callKey{}).(*rpcinterface.Call)
	return call
}

// CallerFrom tells who made the call that ctx belongs to. Outside of a call it
// is nobody.
func CallerFrom(ctx context.Context) Caller {
	if call := callFrom(ctx); call != nil {
		return call.Caller
	}
	return Caller{}
}

// StateFrom gives the supervisor's state when the call that ctx belongs to came
// in. Outside of a call, where it is not known, it is SupervisorRunning; there
// Host.State tells.
func StateFrom(ctx context.Context) SupervisorState {
	if call := callFrom(ctx); call != nil {
		return call.State
	}
	return SupervisorRunning
}

// tokenHost makes calls of other namespaces on behalf of the caller that ctx
// belongs to.
type tokenHost struct{ rpcinterface.Host }

func (h tokenHost) Call(ctx context.Context, token, method string, params []Value) (Value, error) {
	if call := callFrom(ctx); token == "" && call != nil {
		token = call.Token
	}
	return h.Host.Call(ctx, token, method, params)
}
