package supervisor

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Config is what a Supervisor is made of.
type Config struct {
	Identifier string
	// Groups are those of the configuration file, in the order to add them.
	Groups  []*core.GroupSpec
	Effects Effects
	Logger  core.Logger
	// Clock tells the time of day by which ticks are sent; nil means the machine's.
	Clock core.Clock
	// Serials numbers the events; a daemon that restarts goes on with the same.
	Serials *event.Serials
}

// Supervisor owns the state of all processes. Its methods may be called by many
// goroutines at once.
type Supervisor struct {
	identifier string
	effects    Effects
	logger     core.Logger
	clock      core.Clock
	inbox      *inbox
	done       chan struct{}
	state      atomic.Int32
	journal    *journal
	// wanted has a bit for each kind of event that a pool wants, for those who
	// would make one.
	wanted atomic.Uint32

	// mu guards the membership of groups and of the list of groups. Only the loop
	// takes it for writing.
	mu     sync.RWMutex
	groups map[string]*group
	order  []*group
	byName atomic.Pointer[[]*group] // the same sorted, nil after a change
	// membership tells of changes under mu, when they can be seen.
	membership membersWatch

	reopened atomic.Uint64 // how often ReopenLogs was called

	// The rest belongs to the loop.
	configured []*core.GroupSpec
	// configuredIsRead says that others have the list too, so that it must not change.
	configuredIsRead bool
	places           map[string]int // of the groups in it, by name; nil until asked for
	persisted        persisted
	deadlines        deadlines
	begun            bool
	preparing        int      // groups' additions whose log files are being made
	prepared         []func() // to run when there are none
	stopping         shutdown
	serials          *event.Serials
	pools            event.Subscriptions[*group]
	ticks            ticks
	// toDispatch are the groups whose listeners may have an event to take.
	toDispatch []*group
}

// New makes a supervisor with the configured groups; nothing is started before
// Begin.
func New(cfg Config) *Supervisor {
	s := &Supervisor{
		identifier: cfg.Identifier,
		effects:    cfg.Effects,
		logger:     cfg.Logger,
		clock:      cfg.Clock,
		inbox:      newInbox(),
		done:       make(chan struct{}),
		groups:     map[string]*group{},
		configured: cfg.Groups, configuredIsRead: true,
		journal: newJournal(),
		serials: cfg.Serials,
	}
	if s.clock == nil {
		s.clock = core.SystemClock{}
	}
	s.state.Store(int32(rpcinterface.SupervisorRunning))
	for _, spec := range cfg.Groups {
		if s.groups[spec.Name] == nil { // of two with one name the first counts
			s.addGroup(spec, func() {})
		}
	}
	return s
}

// Run is the loop. It returns when a shutdown or restart that was asked for has
// stopped every process.
func (s *Supervisor) Run() {
	defer close(s.done)
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	for {
		if next := s.nextDeadline(); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		select {
		case <-s.inbox.wake:
		case <-timer.C:
		}
		for _, message := range s.inbox.take() {
			message()
		}
		s.runDue()
		s.tick()
		over := s.stopping.begun && s.shutDown()
		s.dispatch()
		if over {
			s.journal.close()
			return
		}
	}
}

func (s *Supervisor) nextDeadline() time.Time {
	next := s.deadlines.next()
	for _, other := range [...]time.Time{s.stopping.nextReport, s.ticks.next} {
		if !other.IsZero() && (next.IsZero() || other.Before(next)) {
			next = other
		}
	}
	return next
}

// runDue handles the deadlines that have passed. Those that come due while it
// runs wait for the next turn.
func (s *Supervisor) runDue() {
	now := time.Now()
	last := s.deadlines.seq
	for {
		if len(s.deadlines.items) > 0 && s.deadlines.items[0].dueSeq > last {
			return
		}
		p := s.deadlines.pop(now)
		if p == nil {
			return
		}
		s.step(p, process.Event{Kind: process.Deadline})
	}
}

// Done is closed when Run has returned.
func (s *Supervisor) Done() <-chan struct{} { return s.done }

// call runs f on the loop and waits for f to answer. f is given the function to
// answer with, which may be called later, from the loop.
func call[T any](ctx context.Context, s *Supervisor, f func(answer func(T, error))) (T, error) {
	type result struct {
		value T
		err   error
	}
	answers := make(chan result, 1)
	s.inbox.post(func() { f(func(v T, err error) { answers <- result{v, err} }) })
	select {
	case r := <-answers:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	case <-s.done:
	}
	select {
	case r := <-answers:
		return r.value, r.err
	default:
		var zero T
		return zero, rpcinterface.NewFault(rpcinterface.CodeShutdownState)
	}
}

// nothing is the value of verbs that answer only an error.
type nothing = struct{}

// step takes one event to a process's machine and carries out what it says.
func (s *Supervisor) step(p *proc, ev process.Event) (killErr string) {
	return s.stepAt(p, time.Now(), ev)
}

// stepAt is step for an event that is older than its message.
func (s *Supervisor) stepAt(p *proc, at time.Time, ev process.Event) (killErr string) {
	before := p.machine.State()
	effects, ok := p.machine.Step(at, ev)
	if !ok {
		s.deadlines.set(p, p.machine.Deadline())
		return ""
	}
	p.count(before, ev.Kind, effects)
	p.publish()
	for _, effect := range effects {
		switch e := effect.(type) {
		case process.Log:
			s.logger.Log(e.Level, e.Message)
		case process.Change:
			s.count(p.group, e)
			if kind := event.StateKind(e.To); s.wants(kind) {
				s.notify(event.ProcessState(p.group.name, p.name, event.StateChange(e)))
			}
			if e.To == rpcinterface.ProcessRunning && p.listener != nil {
				s.dispatchLater(p.group)
			}
		case process.SpawnProcess:
			s.spawn(p)
		case process.Kill:
			if message := s.kill(p, e); message != "" {
				killErr = message
			}
		}
	}
	s.deadlines.set(p, p.machine.Deadline())
	if killErr != "" {
		s.step(p, process.Event{Kind: process.KillFailed, Message: killErr})
	}
	s.runWaiters(p)
	return killErr
}

func (s *Supervisor) count(g *group, c process.Change) {
	switch {
	case c.From.Stopped() && !c.To.Stopped():
		g.unstopped++
		s.stopping.unstopped++
	case !c.From.Stopped() && c.To.Stopped():
		g.unstopped--
		s.stopping.unstopped--
	}
}

// spawn has the process started. Answers carry the incarnation, and are dropped
// when it is old.
func (s *Supervisor) spawn(p *proc) {
	p.incarnation++
	incarnation := p.incarnation
	post := func(f func()) {
		s.inbox.post(func() {
			if p.incarnation == incarnation {
				f()
			}
		})
	}
	if next := p.next.Swap(nil); next != nil {
		p.setSpec(next)
	}
	spec, reopened := p.spec.Load(), s.reopened.Load()
	var living Child
	job := SpawnJob{
		Spec:   spec,
		Group:  p.group.name,
		Logged: [2]*atomic.Uint64{&p.logged[event.Stdout], &p.logged[event.Stderr]},
		Started: func(child Child, pid int, spawnErr string) {
			living = child
			post(func() {
				if pid == 0 {
					s.step(p, process.Event{Kind: process.SpawnFailed, Message: spawnErr})
					return
				}
				p.child.Store(&childRef{child})
				// What came while it was spawned.
				if now := p.spec.Load(); now != spec {
					child.Reconfigure(now)
				}
				if s.reopened.Load() != reopened {
					go child.ReopenLogs()
				}
				s.step(p, process.Event{Kind: process.Spawned, PID: pid})
			})
		},
		Ended: func(status process.Status, at time.Time) {
			s.inbox.post(func() {
				if p.incarnation == incarnation {
					p.child.Store(nil)
					s.stepAt(p, at, process.Event{Kind: process.Ended, Status: status})
					s.listenerEnded(p)
				}
				living.Release() // also of one that was removed meanwhile; before its next start
			})
		},
	}
	s.addTaps(p, &job)
	s.effects.Spawn(job)
}

// runWaiters ends the calls that waited for what has happened.
func (s *Supervisor) runWaiters(p *proc) {
	if len(p.waiters) == 0 {
		return
	}
	waiting := p.waiters
	p.waiters = nil
	report := false
	for _, w := range waiting {
		if over, err := w.check(p); over {
			w.done(err)
			continue
		}
		p.waiters = append(p.waiters, w)
		report = report || w.stop
	}
	if report && p.machine.State() == process.Stopping && !p.machine.Reporting() {
		s.step(p, process.Event{Kind: process.Report})
	}
}

func (s *Supervisor) wait(p *proc, w *waiter) {
	p.waiters = append(p.waiters, w)
	s.runWaiters(p)
}
