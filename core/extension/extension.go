package extension

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// extension is one [rpcinterface:x] section that a plugin serves, with all the
// processes that come and go for it. A single goroutine leads its life; whoever
// else is interested reads the view, which is replaced whole at each change.
type extension struct {
	m    *Manager
	spec core.ExtensionSpec
	log  hclog.Logger

	resolved factory
	known    bool // resolved is set

	current atomic.Pointer[view]
	latest  atomic.Pointer[session] // the last that was begun

	cancel context.CancelFunc
	done   chan struct{} // closed when the life is over
}

// view is what is true of an extension until changed is closed.
type view struct {
	life    life
	session *session // in Running
	// desc is what the plugin last said of itself, also while it is down.
	desc    rpcinterface.Description
	grants  rpcinterface.Grants
	methods map[string]struct{}
	changed chan struct{}
}

func newExtension(m *Manager, spec core.ExtensionSpec) *extension {
	x := &extension{m: m, spec: spec, log: m.cfg.HCLog(spec.Name), done: make(chan struct{})}
	v := &view{life: life{state: Starting, since: m.cfg.Clock.Now()}, changed: make(chan struct{})}
	if !spec.Enabled {
		v.life = life{state: Disabled, since: v.life.since, reason: "plugin.enabled is false"}
		close(x.done)
	}
	x.current.Store(v)
	return x
}

// factory gives the resolved factory. A required one was resolved before anything
// started; any other is looked for again at each attempt.
func (x *extension) factory() (factory, error) {
	if !x.known {
		f, err := x.m.sources().resolve(x.spec)
		if err != nil {
			return factory{}, err
		}
		x.resolved, x.known = f, true
	}
	return x.resolved, nil
}

// lead is the life of the extension, from its first start to its end. The outcome
// of the first attempt goes to first; a required extension whose first attempt
// fails ends. What happens next is the table's business; here each state has its
// one thing to do.
func (x *extension) lead(ctx context.Context, first chan<- error) {
	defer close(x.done)
	var s *session
	for {
		v := x.current.Load()
		switch v.life.state {
		case Starting:
			var err error
			s, err = x.launch(ctx)
			switch {
			case ctx.Err() != nil, err != nil && first != nil && x.spec.Required:
				x.enter(v.life.enter(x.now(), stop), nil)
			case err != nil:
				x.fail(err.Error(), nil)
			default:
				x.ready(s)
			}
			if first != nil {
				first <- err
				first = nil
			}

		case Running:
			select {
			case <-s.proc.ended.Done():
				fate := s.proc.fate()
				x.fail("it "+fate, s)
				x.discard(s.close())
				s = nil
			case <-ctx.Done():
				x.enter(v.life.enter(x.now(), stop), nil)
			}

		case Backoff:
			timer := time.NewTimer(v.life.due.Sub(x.now()))
			select {
			case <-timer.C:
				x.enter(v.life.enter(x.now(), due), nil)
			case <-ctx.Done():
				x.enter(v.life.enter(x.now(), stop), nil)
			}
			timer.Stop()

		case Fatal:
			<-ctx.Done()
			x.enter(v.life.enter(x.now(), stop), nil)

		case Stopping:
			if s != nil {
				x.discard(s.stop(x.m.stopTimeout))
			}
			x.enter(v.life.enter(x.now(), stopped), nil)

		case Disabled:
			return
		}
	}
}

func (x *extension) now() time.Time { return x.m.cfg.Clock.Now() }

// enter makes l the truth and wakes who waits for a change.
func (x *extension) enter(l life, s *session) {
	x.change(func(v *view) { v.life, v.session = l, s })
}

func (x *extension) change(f func(*view)) {
	old := x.current.Load()
	v := *old
	v.changed = make(chan struct{})
	f(&v)
	x.current.Store(&v)
	close(old.changed)
}

// ready takes a configured plugin into service.
func (x *extension) ready(s *session) {
	old := x.current.Load()
	again := old.methods != nil
	methods := make(map[string]struct{}, len(s.desc.Methods))
	for _, m := range s.desc.Methods {
		methods[m.Name] = struct{}{}
	}
	x.change(func(v *view) {
		v.life = v.life.enter(x.now(), ready)
		v.session, v.desc, v.grants, v.methods = s, s.desc, s.host.grants, methods
	})
	if again {
		x.say(rpcinterface.LevelInfo, "extension '%s' runs again, with pid %s", x.spec.Name, s.proc.ID())
	}
	if lacks := missing(s.desc.Grants, s.host.grants); len(lacks) > 0 {
		x.say(rpcinterface.LevelWarn, "extension '%s' asks for grants that it lacks: %s (plugin.grants of [%s])",
			x.spec.Name, joinGrants(lacks), x.spec.Section)
	}
	if !slices.EqualFunc(old.desc.Methods, s.desc.Methods, sameMethod) {
		x.m.republish(x)
	}
}

// endpoint is what the registry gets, for the methods of this moment.
func (x *extension) endpoint() *endpoint {
	return &endpoint{x: x, methods: x.current.Load().desc.Methods}
}

// kill ends the process of this moment without asking it.
func (x *extension) kill() {
	if s := x.latest.Load(); s != nil {
		s.proc.Kill(context.Background())
	}
}

func (x *extension) info() Info {
	v := x.current.Load()
	info := Info{
		Name:    x.spec.Name,
		Factory: x.spec.Factory,
		State:   v.life.state,
		Since:   v.life.since,
		Version: v.desc.Version,
		Methods: v.desc.Methods,
		Grants:  v.grants,
		Lacking: missing(v.desc.Grants, v.grants),
	}
	switch info.State {
	case Backoff, Fatal, Disabled:
		info.Reason = v.life.reason
	case Running:
		info.PID = v.session.proc.pid
	}
	return info
}

func sameMethod(a, b rpcinterface.Method) bool {
	return a.Name == b.Name && a.Help == b.Help && slices.Equal(a.Signature, b.Signature)
}

// fail is a failed attempt, or the end of the session that ran.
func (x *extension) fail(reason string, s *session) {
	l := x.current.Load().life.fail(x.now(), reason, x.m.restart)
	x.enter(l, nil)
	what := "cannot start extension '" + x.spec.Name + "': " + reason
	if s != nil {
		what = fmt.Sprintf("extension '%s' (pid %s) ended: %s", x.spec.Name, s.proc.ID(), reason)
	}
	switch l.state {
	case Starting:
		x.say(rpcinterface.LevelWarn, "%s; starting it again", what)
	case Backoff:
		x.say(rpcinterface.LevelWarn, "%s; next attempt in %v", what, l.due.Sub(l.since))
	case Fatal:
		x.say(rpcinterface.LevelErro, "%s; given up after %d failures", what, l.failures)
	}
}

// discard reports what went wrong while a session was ended.
func (x *extension) discard(err error) {
	if err != nil {
		x.say(rpcinterface.LevelWarn, "extension '%s' did not end in order: %s", x.spec.Name, oneLine(err.Error()))
	}
}

func (x *extension) say(level rpcinterface.LogLevel, format string, args ...any) {
	if x.m.cfg.Logger.Enabled(level) {
		x.m.cfg.Logger.Log(level, fmt.Sprintf(format, args...))
	}
}
