package extension

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// endpoint is an extension as the registry has it. Its methods are those of one
// description; when a plugin comes back with others, it gets another endpoint.
type endpoint struct {
	x       *extension
	methods []rpcinterface.Method
}

var _ rpcinterface.Namespace = (*endpoint)(nil)

func (e *endpoint) Methods() []rpcinterface.Method { return e.methods }

func (e *endpoint) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	return e.x.call(ctx, call)
}

// call sends a call to the plugin, once at most.
func (x *extension) call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	timeout := x.callTimeout()
	parent := ctx
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	open := &openCall{ctx: ctx, cancel: cancel, caller: call.Caller, depth: depthOf(parent)}
	s, token, err := x.begin(ctx, call.Method, open)
	if err != nil {
		return nil, err
	}
	defer s.calls.finish(token)
	sent := *call
	sent.Token = token
	value, err := s.plugin.Call(ctx, &sent)
	if err == nil {
		return value, nil
	}
	var fault *rpcinterface.Fault
	if errors.As(err, &fault) {
		return nil, fault
	}
	lost := unreachable(err)
	if lost {
		s.proc.await(endGrace)
	}
	switch {
	case s.proc.ended.Err() != nil:
		return nil, x.fault("%s during the call; the outcome is unknown", s.proc.fate())
	case errors.Is(parent.Err(), context.Canceled):
		return nil, x.fault("had not answered when the caller left; the outcome is unknown")
	case errors.Is(parent.Err(), context.DeadlineExceeded):
		return nil, x.fault("did not answer by the caller's deadline; the outcome is unknown")
	case ctx.Err() != nil:
		return nil, x.fault("did not answer within %v (plugin.call_timeout); the outcome is unknown", timeout)
	case lost:
		go x.probe(s)
		return nil, x.fault("could not be reached; the outcome is unknown")
	default:
		return nil, x.fault("failed: %s", oneLine(err.Error()))
	}
}

func (x *extension) callTimeout() time.Duration {
	if x.spec.CallTimeout > 0 {
		return x.spec.CallTimeout
	}
	return rpcinterface.DefaultCallTimeout
}

// begin finds the session that a call goes to, and enters the call there. It waits
// while the extension starts.
func (x *extension) begin(ctx context.Context, method string, open *openCall) (*session, string, error) {
	for {
		v := x.current.Load()
		if _, ok := v.methods[method]; !ok && v.methods != nil && v.life.state != Starting {
			return nil, "", rpcinterface.NewFault(rpcinterface.CodeUnknownMethod)
		}
		switch v.life.state {
		case Running:
			if token, ok := v.session.calls.begin(open); ok {
				return v.session, token, nil
			}
			// It has just ended, and the next thing that changes is the state.
		case Starting:
		case Backoff:
			return nil, "", x.fault("is in BACKOFF, to be started again in %v: %s",
				max(0, v.life.due.Sub(x.now())).Round(time.Second/10), v.life.reason)
		case Stopping:
			return nil, "", x.fault("is STOPPING")
		default:
			return nil, "", x.fault("is %v: %s", v.life.state, v.life.reason)
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			return nil, "", x.fault("did not start in time; the call was not made")
		}
	}
}

// probe looks, once at a time, whether a plugin that could not be reached serves at
// all. One that does not is ended, and so started again.
func (x *extension) probe(s *session) {
	if !s.probing.CompareAndSwap(false, true) {
		return
	}
	defer s.probing.Store(false)
	// The health check has no deadline of its own; the end of the process ends it.
	answer := make(chan error, 1)
	go func() {
		client, err := s.client.Client()
		if err == nil {
			err = client.Ping()
		}
		answer <- err
	}()
	timer := time.NewTimer(probeTimeout)
	defer timer.Stop()
	select {
	case err := <-answer:
		if err == nil {
			return
		}
	case <-timer.C:
	}
	x.say(rpcinterface.LevelWarn, "extension '%s' cannot be reached any more and is killed", x.spec.Name)
	s.proc.Kill(context.Background())
}

// probeTimeout is how long a plugin that could not be reached may take to say that
// it serves.
const probeTimeout = 5 * time.Second

func (x *extension) fault(format string, args ...any) error {
	return rpcinterface.NewFault(rpcinterface.CodeFailed,
		fmt.Sprintf("extension '%s' ", x.spec.Name)+fmt.Sprintf(format, args...))
}
