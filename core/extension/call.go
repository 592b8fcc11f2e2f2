package extension

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
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

func (x *extension) call(ctx context.Context, call *rpcinterface.Call) (value rpcinterface.Value, err error) {
	err = x.send(ctx, errand{
		what:   x.name + "." + call.Method,
		caller: call.Caller,
		admit: func(v *view) error {
			if _, ok := v.methods[call.Method]; !ok && v.methods != nil {
				return rpcinterface.NewFault(rpcinterface.CodeUnknownMethod)
			}
			return nil
		},
		do: func(ctx context.Context, s *session, token string) (err error) {
			sent := *call
			sent.Token = token
			value, err = s.plugin.Call(ctx, &sent)
			return err
		},
	})
	return value, err
}

// errand is one message to a plugin whose answer is waited for.
type errand struct {
	what   string              // as the log names it
	caller rpcinterface.Caller // on whose behalf it is sent
	// admit refuses what the plugin, as it was last seen, does not have.
	admit func(v *view) error
	// patient: it waits for a plugin that is down as for one that starts.
	patient bool
	do      func(ctx context.Context, s *session, token string) error
}

// send does an errand, once at most. It is cancelled when the client has left for which
// it is done, or the extension that does it on a client's behalf. A client that only has
// nothing more to say looks the same, and gets what is answered soon.
func (x *extension) send(parent context.Context, e errand) error {
	timeout := x.callTimeout()
	ctx, cancel := context.WithTimeout(parent, timeout)
	defer cancel()
	client := core.ClientOf(parent)
	if client != nil {
		defer context.AfterFunc(client, func() { time.AfterFunc(x.m.leaveGrace, cancel) })()
	}
	open := &openCall{ctx: ctx, cancel: cancel, caller: e.caller, way: wayOf(parent)}
	s, token, err := x.admit(ctx, e, open)
	if err != nil {
		return err
	}
	defer s.calls.finish(token)
	x.counts.calls.Add(1)
	if err = e.do(ctx, s, token); err == nil {
		return nil
	}
	var fault *rpcinterface.Fault
	if errors.As(err, &fault) && !errors.As(err, new(*wire.SizeError)) {
		x.counts.faults.Add(1)
		return fault
	}
	if client != nil && client.Err() != nil && errors.Is(ctx.Err(), context.Canceled) {
		parent = client
	}
	err = x.unanswered(parent, ctx, s, timeout, e.what, err)
	x.counts.errors.Add(1)
	x.failed(strings.TrimPrefix(err.Error(), "FAILED: "))
	return err
}

// unanswered is the fault of a call that a plugin did not answer. What the end of
// the process does not explain is told in the log. A plugin that let a call wait for
// long is probed: one that is stopped would let all of them wait.
func (x *extension) unanswered(parent, ctx context.Context, s *session, timeout time.Duration, what string, err error) error {
	lost := unreachable(err)
	if lost {
		s.proc.await(x.m.endGrace)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		// The plugin's clock was the first to say so, by a moment.
		select {
		case <-ctx.Done():
		case <-time.After(x.m.endGrace):
		}
	}
	switch {
	case s.proc.ended.Err() != nil:
		return x.fault("%s during the call; the outcome is unknown", s.fate())
	case errors.Is(parent.Err(), context.Canceled):
		go x.probe(s)
		return x.fault("had not answered when the caller left; the outcome is unknown")
	case errors.Is(parent.Err(), context.DeadlineExceeded):
		go x.probe(s)
		return x.fault("did not answer by the caller's deadline; the outcome is unknown")
	case ctx.Err() != nil:
		go x.probe(s)
		x.complain("extension '%s' did not answer %s within %v (plugin.call_timeout)", x.name, what, timeout)
		return x.fault("did not answer within %v (plugin.call_timeout); the outcome is unknown", timeout)
	case lost:
		go x.probe(s)
		return x.fault("could not be reached; the outcome is unknown")
	}
	var fault *rpcinterface.Fault
	if errors.As(err, &fault) { // a message that was too large, either way
		why := oneLine(strings.TrimPrefix(fault.Message, "FAILED: "))
		x.complain("extension '%s' failed to answer %s: %s", x.name, what, why)
		return x.fault("failed to answer %s: %s", what, why)
	}
	x.complain("extension '%s' failed to answer %s: %s", x.name, what, oneLine(err.Error()))
	return x.fault("failed: %s", oneLine(err.Error()))
}

func (x *extension) callTimeout() time.Duration { return callTimeoutOf(x.current.Load().spec) }

func callTimeoutOf(spec core.ExtensionSpec) time.Duration {
	if limit := spec.CallTimeout; limit > 0 {
		return limit
	}
	return rpcinterface.DefaultCallTimeout
}

// admit finds the session that an errand goes to, and enters the call there. It
// waits while the extension starts.
func (x *extension) admit(ctx context.Context, e errand, open *openCall) (*session, string, error) {
	for {
		v := x.current.Load()
		if v.life.state != Starting {
			if err := e.admit(v); err != nil {
				return nil, "", err
			}
		}
		if v.life.state == Running {
			if token, ok := v.session.calls.begin(open); ok {
				return v.session, token, nil
			}
			// It has just ended, and the next thing that changes is the state.
		}
		if down := x.down(v); down != nil && !(e.patient && v.life.state != Stopping) {
			return nil, "", down
		}
		if open.way.passes(x.name) {
			// It would wait for the end of itself.
			return nil, "", x.fault("is %v, and the call comes from itself", v.life.state)
		}
		select {
		case <-v.changed:
		case <-ctx.Done():
			if down := x.down(v); down != nil {
				return nil, "", down
			}
			return nil, "", x.fault("did not start in time; the call was not made")
		}
	}
}

// down is why an extension takes no calls, nil where it does or soon will.
func (x *extension) down(v *view) error {
	if x.m.life.Err() != nil {
		return rpcinterface.NewFault(rpcinterface.CodeShutdownState) // as all the others answer
	}
	switch v.life.state {
	case Running, Starting:
		return nil
	case Backoff:
		return x.fault("is in BACKOFF, to be started again in %v: %s",
			max(0, v.life.due.Sub(x.now())).Round(time.Second/10), v.life.reason)
	case Stopping:
		return x.fault("is STOPPING")
	default:
		return x.fault("is %v: %s", v.life.state, v.life.reason)
	}
}

// probe looks, once at a time, whether a plugin that did not answer serves at all.
// One that does not is ended, and so started again.
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
	timer := time.NewTimer(x.m.probeTimeout)
	defer timer.Stop()
	why := fmt.Sprintf("did not answer a health check within %v", x.m.probeTimeout)
	select {
	case err := <-answer:
		if err == nil {
			return
		}
		why = "could not be reached"
		s.proc.await(x.m.endGrace)
	case <-timer.C:
	}
	if s.proc.ended.Err() != nil || x.current.Load().session != s {
		return // it is being ended, or has
	}
	s.verdict.Store(&why)
	s.proc.Kill(context.Background())
}

func (x *extension) fault(format string, args ...any) error {
	return rpcinterface.NewFault(rpcinterface.CodeFailed,
		fmt.Sprintf("extension '%s' ", x.name)+fmt.Sprintf(format, args...))
}
