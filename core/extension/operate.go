package extension

import (
	"context"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// find gives the extension of a section. Stand-ins are nobody's to operate.
func (m *Manager) find(name string) (*extension, error) {
	if mb, ok := m.member(name); ok && mb.ext != nil {
		return mb.ext, nil
	}
	return nil, rpcinterface.NewFault(rpcinterface.CodeBadName, name)
}

// Enable starts an extension that is DISABLED, or one that is in BACKOFF or FATAL
// once more. It lasts until the supervisor restarts.
//
// These three return when the extension is RUNNING or DISABLED, or has failed to be;
// without wait, and where the call came through the extension itself, as soon as it
// is known that the extension is in a state for it. The operation goes on when ctx
// ends. The error is a fault: BAD_NAME, ALREADY_STARTED, NOT_RUNNING, or FAILED with
// the reason.
func (m *Manager) Enable(ctx context.Context, name string, wait bool) error {
	return m.operate(ctx, name, wait, func(s State) error {
		if s == Starting || s == Running {
			return rpcinterface.NewFault(rpcinterface.CodeAlreadyStarted, name)
		}
		return nil
	}, (*extension).enable)
}

// Disable ends an extension: calls under way may end, for ten seconds, and others
// fail. A start that is under way is ended at once, whoever waits for it, and so is
// that of a successor. It lasts until the supervisor restarts.
func (m *Manager) Disable(ctx context.Context, name string, wait bool) error {
	cause := errDisabled
	if wayOf(ctx).passes(name) {
		cause = errItself
	}
	ending := false
	if x, err := m.find(name); err == nil {
		s := x.state()
		if ending = s == Starting || s == Running && x.operated(); ending {
			x.end(cause) // the operation that waits for the start would hold up this one
		}
	}
	return m.operate(ctx, name, wait, func(s State) error {
		if s == Disabled && !ending {
			return rpcinterface.NewFault(rpcinterface.CodeNotRunning, name)
		}
		return nil
	}, func(x *extension, ctx context.Context) error { return x.disable(ctx, cause) })
}

// Restart exchanges the process of an extension for one of the executable as it is
// now. No call is lost: the old process serves until the new one is configured, and
// ends when its calls have; where the new one cannot be, the old one goes on. One
// that is exclusive ends first, and calls wait. One in BACKOFF or FATAL is started.
func (m *Manager) Restart(ctx context.Context, name string, wait bool) error {
	return m.operate(ctx, name, wait, func(s State) error {
		if s == Disabled {
			return rpcinterface.NewFault(rpcinterface.CodeNotRunning, name)
		}
		return nil
	}, func(x *extension, ctx context.Context) error { return x.exchange(ctx, x.current.Load().spec) })
}

// operate does one operation on an extension at a time.
func (m *Manager) operate(ctx context.Context, name string, wait bool, allowed func(State) error,
	do func(*extension, context.Context) error) error {
	x, err := m.find(name)
	if err != nil {
		return err
	}
	if wayOf(ctx).passes(name) {
		wait = false // it would wait for the end of itself
	}
	if wait {
		return x.alone(ctx, func() error {
			if err := allowed(x.state()); err != nil {
				return err
			}
			return do(x, ctx)
		})
	}
	if err := allowed(x.state()); err != nil {
		return err
	}
	go func() {
		// What fails is in the log, and nobody waits for it here.
		_ = x.alone(m.life, func() error {
			if allowed(x.state()) != nil {
				return nil // another has done it
			}
			return do(x, m.life)
		})
	}()
	return nil
}

func (x *extension) state() State { return x.current.Load().life.state }

// alone does f while nobody else operates on the extension.
func (x *extension) alone(ctx context.Context, f func() error) error {
	select {
	case x.operating <- struct{}{}:
	case <-ctx.Done():
		return x.fault("is being changed by another call, which did not end in time")
	}
	defer func() { <-x.operating }()
	return f()
}

// operated says whether somebody operates on the extension at this moment.
func (x *extension) operated() bool { return len(x.operating) > 0 }

// enable starts an extension that does not run.
func (x *extension) enable(ctx context.Context) error {
	return x.exchange(ctx, x.current.Load().spec)
}

// exchange has the leader start a process for a section, with another in its place
// or not. The extension has the section from then on where that succeeds, or where
// nothing served before.
func (x *extension) exchange(ctx context.Context, spec core.ExtensionSpec) error {
	if err := x.m.claim(); err != nil {
		x.say(rpcinterface.LevelWarn, "cannot start extension '%s': %v", x.name, err)
		return x.fault("cannot be started: %v", err)
	}
	o := newOrder(spec)
	if x.state() == Disabled {
		x.enter(x.current.Load().life.anew(x.now()), nil)
		x.begin(o)
	} else if err := x.give(ctx, o); err != nil {
		return err
	}
	select {
	case err := <-o.outcome:
		if err != nil {
			return x.fault("cannot be started: %v", err)
		}
		return nil
	case <-ctx.Done():
		return x.fault("is still %v", x.state())
	}
}

// give waits until the leader takes an order.
func (x *extension) give(ctx context.Context, o *order) error {
	defer x.tellOfWait().Stop()
	select {
	case x.orders <- o:
		return nil
	case <-x.ended():
		return x.fault("is %v", x.state())
	case <-ctx.Done():
		return x.fault("is %v and did not take up the change in time; it was not made", x.state())
	}
}

// tellOfWait has the log say, after a while, what a change waits for, unless it is
// stopped before: the calls that a process has to answer which another takes over from.
func (x *extension) tellOfWait() *time.Timer {
	return time.AfterFunc(x.m.slowStart, func() {
		for _, s := range x.sessions() {
			if open, closed := s.calls.closing(); closed && open > 0 {
				x.say(rpcinterface.LevelWarn, "a change of extension '%s' waits until its process before (pid %s) has answered its calls (%d), for %v at most",
					x.name, s.proc.ID(), open, callTimeoutOf(s.spec))
			}
		}
	})
}

// disable ends an extension's life.
func (x *extension) disable(ctx context.Context, cause error) error {
	x.end(cause)
	select {
	case <-x.ended():
	case <-ctx.Done():
		return x.fault("is still %v", x.state())
	}
	x.say(rpcinterface.LevelInfo, "extension '%s' is disabled: %v", x.name, cause)
	return nil
}

// Find tells of one extension.
func (m *Manager) Find(name string) (core.ExtensionInfo, error) {
	x, err := m.find(name)
	if err != nil {
		return core.ExtensionInfo{}, err
	}
	return x.info(), nil
}

// List tells of all extensions in the sections' order, and then of those that run
// for result handlers alone; built-in namespaces are not among them.
func (m *Manager) List() []core.ExtensionInfo {
	var list []core.ExtensionInfo
	for _, x := range m.extensions() {
		list = append(list, x.info())
	}
	return list
}

// Changed is closed at the next change of an extension's state, or of the list.
func (m *Manager) Changed() <-chan struct{} { return m.changed.wait() }
