package extension

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// drainLimit is how long calls under way may go on when an extension is disabled.
const drainLimit = 10 * time.Second

// Why the life of an extension is ended.
var (
	errShutdown = errors.New("the supervisor ends")
	errDisabled = errors.New("disabled by an operator")
	errItself   = errors.New("disabled by itself")
	errRemoved  = errors.New("its section was removed")

	errNotEnabled = errors.New("plugin.enabled is false")
)

// errExclusive: the plugin that was to take over must not run beside another.
var errExclusive = errors.New("it must not run beside another instance")

// order is the wish that an extension starts, or that its process is exchanged for
// another. The outcome is sent once.
type order struct {
	spec    core.ExtensionSpec // the section from now on
	once    bool               // a failure ends the life
	outcome chan error         // buffered
}

func newOrder(spec core.ExtensionSpec) *order {
	return &order{spec: spec, outcome: make(chan error, 1)}
}

// trial is a launch that is under way.
type trial struct {
	spec    core.ExtensionSpec
	order   *order // nil for a restart of our own
	instead bool   // a process that served was ended for it
	cancel  context.CancelFunc
	outcome chan launched
}

type launched struct {
	session *session
	err     error
}

// leader is the one goroutine that leads an extension from a start to the next time
// that it is DISABLED.
type leader struct {
	x       *extension
	ctx     context.Context // its cause is why the life ends
	order   *order          // of the next trial
	trial   *trial
	serving *session
	// retiring is closed when the process that was exchanged last is gone.
	retiring chan struct{}
}

// lead leads the extension until it is DISABLED. What happens next is the table's
// business; here each state has its one thing to do.
func (x *extension) lead(ctx context.Context, first *order, done chan<- struct{}) {
	defer close(done)
	l := &leader{x: x, ctx: ctx, order: first, retiring: make(chan struct{})}
	close(l.retiring)
	for l.step() {
	}
}

// step does what the state asks for, and says whether the life goes on.
func (l *leader) step() bool {
	x := l.x
	v := x.current.Load()
	switch v.life.state {
	case Starting:
		if l.trial == nil {
			l.try(nil, false)
		}
		select {
		case r := <-l.trial.outcome:
			l.tried(r)
		case <-l.ctx.Done():
			x.enter(v.life.enter(x.now(), stop), nil)
		}

	case Running:
		orders, retiring := x.orders, l.retiring
		var tried <-chan launched
		if l.trial != nil {
			orders, retiring, tried = nil, nil, l.trial.outcome
		}
		select {
		case <-retiring:
			retiring = nil
		default:
			orders = nil
		}
		select {
		case <-l.serving.proc.ended.Done():
			l.lost()
		case r := <-tried:
			l.tried(r)
		case l.order = <-orders:
			l.exchange()
		case <-retiring:
		case <-l.ctx.Done():
			x.enter(v.life.enter(x.now(), stop), nil)
		}

	case Backoff:
		timer := time.NewTimer(v.life.due.Sub(x.now()))
		defer timer.Stop()
		select {
		case <-timer.C:
			x.enter(v.life.enter(x.now(), due), nil)
		case l.order = <-x.orders:
			x.enter(v.life.anew(x.now()), nil)
		case <-l.ctx.Done():
			x.endWell(v.life.enter(x.now(), stop), context.Cause(l.ctx))
		}

	case Fatal:
		select {
		case l.order = <-x.orders:
			x.enter(v.life.anew(x.now()), nil)
		case <-l.ctx.Done():
			x.endWell(v.life.enter(x.now(), stop), context.Cause(l.ctx))
		}

	case Stopping:
		l.stop()
		x.endWell(v.life.enter(x.now(), stopped), context.Cause(l.ctx))

	case Disabled:
		return false
	}
	return true
}

// try launches a process, after the one before has retired where there is one. What
// takes over from a process that serves goes no further than to be described where
// it turns out that it must not.
func (l *leader) try(before *session, beside bool) {
	t := &trial{spec: l.x.current.Load().spec, order: l.order, instead: before != nil, outcome: make(chan launched, 1)}
	if l.order != nil {
		t.spec, l.order = l.order.spec, nil
	}
	ctx, cancel := context.WithCancel(l.ctx)
	t.cancel = cancel
	l.trial = t
	go func() {
		if before != nil {
			before.calls.close() // for who tells of the wait
			slow := l.x.tellOfWait()
			l.x.retire(ctx, before)
			slow.Stop()
		}
		s, err := l.x.launch(ctx, t.spec, beside)
		t.outcome <- launched{s, err}
	}()
}

// exchange carries out an order while a process serves: the new one is started
// beside it, unless one of the two must not have the other beside it.
func (l *leader) exchange() {
	x, s := l.x, l.serving
	if !exclusive(s.desc, s.spec) && !exclusive(s.desc, l.order.spec) {
		l.try(nil, true)
		return
	}
	l.serving = nil
	v := x.current.Load()
	x.enter(v.life.enter(x.now(), again), nil)
	l.try(s, false)
}

// exclusive says whether a plugin with a section must be the only instance.
func exclusive(desc rpcinterface.Description, spec core.ExtensionSpec) bool {
	if desc.Exclusive {
		return true
	}
	for _, key := range desc.ExclusiveKeys {
		for _, o := range spec.Options {
			if o.Name == key {
				return true
			}
		}
	}
	return false
}

// tried takes the outcome of a trial.
func (l *leader) tried(r launched) {
	x, t := l.x, l.trial
	t.cancel()
	l.trial = nil
	v := x.current.Load()
	old := l.serving
	switch {
	case r.err == nil:
		l.serving = r.session
		x.ready(r.session, old)
		if old != nil {
			l.retire(old)
		}
	case l.ctx.Err() != nil: // the next step ends it
		r.err = l.stopped()
	case t.order != nil && t.order.once:
		x.endWell(v.life.enter(x.now(), stop).enter(x.now(), stopped), r.err)
	case errors.Is(r.err, errExclusive):
		l.order, l.serving = t.order, nil
		x.enter(v.life.enter(x.now(), again), nil)
		l.try(old, false)
		return
	case old != nil:
		x.failed(r.err.Error())
		x.say(rpcinterface.LevelWarn, "cannot exchange extension '%s' (pid %s goes on): %v", x.name, old.proc.ID(), r.err)
	case t.instead && !sameSection(t.spec, v.spec):
		// The process before had to end first. Its section is the one to go on with.
		x.failed(r.err.Error())
		x.say(rpcinterface.LevelWarn, "cannot start extension '%s' with its new section, which is left: %v", x.name, r.err)
	default:
		if t.order != nil {
			x.change(func(v *view) { v.spec = t.spec })
		}
		x.fail(r.err.Error(), nil)
	}
	if t.order != nil {
		t.order.outcome <- r.err
	}
}

// lost is the end of the process that served. Where another is being started
// already, that is the restart.
func (l *leader) lost() {
	x, s := l.x, l.serving
	l.serving = nil
	fate := "it " + s.fate()
	if l.trial != nil {
		x.failed(fate)
		x.enter(x.current.Load().life.enter(x.now(), ended), nil)
		x.say(rpcinterface.LevelWarn, "extension '%s' (pid %s) ended: %s; its successor is being started", x.name, s.proc.ID(), fate)
	} else {
		x.fail(fate, s)
	}
	x.discard(s.close())
}

// retire ends a process that another has taken over from, when its calls have ended.
func (l *leader) retire(s *session) {
	l.retiring = make(chan struct{})
	go func() {
		defer close(l.retiring)
		l.x.retire(l.ctx, s)
	}()
}

// retire lets a process's calls end, which they do at their deadlines at the latest,
// and then the process. It is quicker when ctx ends.
func (x *extension) retire(ctx context.Context, s *session) {
	s.calls.close()
	select {
	case <-s.calls.drained:
	case <-s.proc.ended.Done():
	case <-ctx.Done():
		x.drain(s)
	}
	x.discard(s.stop(x.m.stopTimeout))
}

// drain waits for the calls of a process for as long as a disabled extension has.
func (x *extension) drain(s *session) {
	s.calls.close()
	timer := time.NewTimer(drainLimit)
	defer timer.Stop()
	select {
	case <-s.calls.drained:
	case <-s.proc.ended.Done():
	case <-x.m.life.Done():
	case <-timer.C:
	}
}

// stopped is the outcome of an order that the end of the life cut short.
func (l *leader) stopped() error { return fmt.Errorf("it was stopped: %w", context.Cause(l.ctx)) }

// stop ends everything that runs for the extension.
func (l *leader) stop() {
	x := l.x
	if t := l.trial; t != nil {
		t.cancel()
		r := <-t.outcome
		if r.err == nil {
			x.discard(r.session.stop(x.m.stopTimeout))
		}
		if t.order != nil {
			t.order.outcome <- l.stopped()
		}
	}
	if s := l.serving; s != nil {
		x.drain(s)
		x.discard(s.stop(x.m.stopTimeout))
	}
	<-l.retiring
}
