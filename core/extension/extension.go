package extension

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// extension is one [rpcinterface:x] section that a plugin serves, with all the
// processes that come and go for it. A single goroutine leads its life, from each
// time it is enabled until it is DISABLED; whoever else is interested reads the
// view, which is replaced whole at each change.
type extension struct {
	m             *Manager
	name, section string // "x", "rpcinterface:x"
	log           hclog.Logger
	counts        counts
	complaints    complaints

	current atomic.Pointer[view]
	latest  atomic.Pointer[session] // the last that was begun
	orders  chan *order             // for the leader

	operating chan struct{} // held by the operation under way

	mu     sync.Mutex
	cancel context.CancelCauseFunc // ends the life
	done   <-chan struct{}         // closed when there is no life
	procs  map[*session]struct{}   // those that may have a process
}

// view is what is true of an extension until changed is closed.
type view struct {
	life life
	// spec is its section. Another takes its place when a process has accepted it.
	spec     core.ExtensionSpec
	factory  string   // what the section's factory was last resolved to
	protocol int      // the version of the contract that was last spoken
	session  *session // in Running
	// desc is what the plugin last said of itself, also while it is down.
	desc    rpcinterface.Description
	grants  rpcinterface.Grants
	methods map[string]struct{}
	ran     bool // desc, grants and methods are set
	changed chan struct{}
}

func newExtension(m *Manager, spec core.ExtensionSpec) *extension {
	x := &extension{
		m: m, name: spec.Name, section: spec.Section,
		log:       m.cfg.HCLog(spec.Name),
		orders:    make(chan *order),
		operating: make(chan struct{}, 1),
		procs:     map[*session]struct{}{},
	}
	v := &view{life: life{state: Starting, since: m.cfg.Clock.Now()}, spec: spec, changed: make(chan struct{})}
	if !spec.Enabled {
		v.life.state, v.life.reason = Disabled, errNotEnabled.Error()
	}
	x.current.Store(v)
	done := make(chan struct{})
	close(done)
	x.done = done
	return x
}

// begin begins the life of an extension that has none, for a first order or none. It
// ends with end. After the manager's Stop it is over at once.
func (x *extension) begin(first *order) {
	x.m.mu.Lock()
	defer x.m.mu.Unlock()
	x.beginLocked(first)
}

// beginLocked is begin where the manager is locked.
func (x *extension) beginLocked(first *order) {
	if x.m.stopped {
		x.enter(life{state: Disabled, since: x.now(), reason: errShutdown.Error()}, nil)
		if first != nil {
			first.outcome <- errShutdown
		}
		return
	}
	ctx, cancel := context.WithCancelCause(x.m.life)
	done := make(chan struct{})
	x.mu.Lock()
	x.cancel, x.done = cancel, done
	x.mu.Unlock()
	go x.lead(ctx, first, done)
}

// end ends the life of an extension; ended tells when it is over.
func (x *extension) end(cause error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.cancel != nil {
		x.cancel(cause)
	}
}

func (x *extension) ended() <-chan struct{} {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.done
}

// keep has a session killed by kill, until it is forgotten.
func (x *extension) keep(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.procs[s] = struct{}{}
}

func (x *extension) forget(s *session) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.procs, s)
}

// sessions are those that may have a process.
func (x *extension) sessions() []*session {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Collect(maps.Keys(x.procs))
}

// kill ends the processes of this moment without asking them.
func (x *extension) kill() {
	x.mu.Lock()
	defer x.mu.Unlock()
	for s := range x.procs {
		s.proc.Kill(context.Background())
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
	x.m.changed.tell()
}

// endWell is enter for an end that somebody wanted, and why.
func (x *extension) endWell(l life, why error) {
	l.reason = why.Error()
	x.enter(l, nil)
}

// ready takes a configured plugin into service, in the place of another or not.
func (x *extension) ready(s, instead *session) {
	old := x.current.Load()
	methods := make(map[string]struct{}, len(s.desc.Methods))
	for _, m := range s.desc.Methods {
		methods[m.Name] = struct{}{}
	}
	x.counts.starts.Add(1) // before anybody can have been answered by it
	x.change(func(v *view) {
		v.life = v.life.enter(x.now(), ready)
		v.spec, v.factory, v.protocol = s.spec, s.factory.String(), s.client.NegotiatedVersion()
		v.session, v.desc, v.grants, v.methods, v.ran = s, s.desc, s.host.grants, methods, true
	})
	switch {
	case instead != nil:
		x.say(rpcinterface.LevelInfo, "extension '%s' runs with pid %s now, instead of %s", x.name, s.proc.ID(), instead.proc.ID())
	case old.ran:
		x.say(rpcinterface.LevelInfo, "extension '%s' runs again, with pid %s", x.name, s.proc.ID())
	}
	if lacks := missing(s.desc.Grants, s.host.grants); len(lacks) > 0 {
		x.say(rpcinterface.LevelWarn, "extension '%s' asks for grants that it lacks: %s (plugin.grants of [%s])",
			x.name, joinGrants(lacks), x.section)
	}
	if !slices.EqualFunc(old.desc.Methods, s.desc.Methods, sameMethod) {
		x.m.republish(x)
	}
}

// endpoint is what the registry gets, for the methods of this moment.
func (x *extension) endpoint() *endpoint {
	return &endpoint{x: x, methods: x.current.Load().desc.Methods}
}

func sameMethod(a, b rpcinterface.Method) bool {
	return a.Name == b.Name && a.Help == b.Help && slices.Equal(a.Signature, b.Signature)
}

// sameSection says whether two readings of a section say the same.
func sameSection(a, b core.ExtensionSpec) bool {
	a.File, b.File = "", ""
	return reflect.DeepEqual(a, b)
}

// fail is a failed attempt, or the end of the session that ran.
func (x *extension) fail(reason string, s *session) {
	x.failed(reason)
	l := x.current.Load().life.fail(x.now(), reason, x.m.restart)
	x.enter(l, nil)
	what := "cannot start extension '" + x.name + "': " + reason
	if s != nil {
		what = fmt.Sprintf("extension '%s' (pid %s) ended: %s", x.name, s.proc.ID(), reason)
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
		x.say(rpcinterface.LevelWarn, "extension '%s' did not end in order: %s", x.name, oneLine(err.Error()))
	}
}

func (x *extension) say(level rpcinterface.LogLevel, format string, args ...any) {
	if x.m.cfg.Logger.Enabled(level) {
		x.m.cfg.Logger.Log(level, fmt.Sprintf(format, args...))
	}
}
