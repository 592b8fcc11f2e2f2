package sdk

import (
	"context"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// serving is the context of what the plugin does for the supervisor.
type serving struct {
	context.Context
	call *rpcinterface.Call // nil for a result handler
	log  hclog.Logger
	// what is "method" or "handler", and name its name.
	what, name string
}

type servingKey struct{}

func (s *serving) Value(key any) any {
	if key == (servingKey{}) {
		return s
	}
	return s.Context.Value(key)
}

func servingFrom(ctx context.Context) *serving {
	s, _ := ctx.Value(servingKey{}).(*serving)
	return s
}

func callFrom(ctx context.Context) *rpcinterface.Call {
	if s := servingFrom(ctx); s != nil {
		return s.call
	}
	return nil
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
