package supervisor

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// group is a live process group. Its membership is written by the loop under
// Supervisor.mu; readers hold the lock for reading.
type group struct {
	name     string
	priority int64
	// source is the configuration that it was made from. As in the reference the
	// two are one thing: what is added to the group is added to that configuration
	// too, until the file is read again.
	source *core.GroupSpec

	members     map[string]*proc
	first, last *proc
	programs    map[string]*program     // nil until there is one
	sorted      atomic.Pointer[[]*proc] // by name; nil after a change

	pool *pool // not nil for event listeners

	unstopped int // members that are not in a stopped state
}

// proc is one live process.
type proc struct {
	group         *group
	program       *program
	name          string
	before, after *proc // in the group's order

	machine     *process.Machine
	preparing   bool     // its log files are being made
	prepared    []func() // to run when they are there
	incarnation uint64
	waiters     []*waiter

	listener *process.Listener // of the run that is going on, nil for other programs
	inHand   *event.Event      // what the listener is busy with

	counts     core.ProcessCounts
	restarting bool // the spawn in flight will count as a restart

	due       time.Time
	dueSeq    uint64
	heapIndex int

	// next is the configuration that counts from the next start on, nil where that is
	// spec. Who looks at the command of that start reads it.
	next atomic.Pointer[core.ProcessSpec]

	// What readers see.
	spec   atomic.Pointer[core.ProcessSpec]
	record atomic.Pointer[record]
	child  atomic.Pointer[childRef]
	logged [2]atomic.Uint64 // bytes, by event.Channel
}

// record is what is told of a process, as of its last step.
type record struct {
	state       rpcinterface.ProcessState
	pid         int
	start, stop int64
	spawnErr    string
	exit        int
	killing     bool
	counts      core.ProcessCounts
}

type childRef struct{ Child }

// waiter is a call that waits for a process. check says whether it is over.
type waiter struct {
	check func(*proc) (done bool, err error)
	done  func(error)
	stop  bool // it waits for a stop
}

func (p *proc) namespec() string { return rpcinterface.Namespec(p.group.name, p.name) }

// publish makes the process's record, for readers.
func (p *proc) publish() {
	m := p.machine
	p.record.Store(&record{
		state: m.State().Public(), pid: m.PID(),
		start: unix(m.Started()), stop: unix(m.Ended()),
		spawnErr: m.SpawnErr(), exit: m.ExitStatus(), killing: m.Killing(),
		counts: p.counts,
	})
}

func unix(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func (p *proc) setSpec(spec *core.ProcessSpec) {
	p.machine.SetSpec(spec)
	p.spec.Store(spec)
}

// insert puts p at the end of the group. The caller holds the lock.
func (g *group) insert(p *proc) {
	p.group = g
	p.before = g.last
	if g.last == nil {
		g.first = p
	} else {
		g.last.after = p
	}
	g.last = p
	g.members[p.name] = p
	g.sorted.Store(nil)
	g.enrol(p)
}

// remove takes p out of the group. The caller holds the lock.
func (g *group) remove(p *proc) {
	if p.before == nil {
		g.first = p.after
	} else {
		p.before.after = p.after
	}
	if p.after == nil {
		g.last = p.before
	} else {
		p.after.before = p.before
	}
	delete(g.members, p.name)
	g.sorted.Store(nil)
	g.strike(p)
}

// inOrder lists the members as they were added.
func (g *group) inOrder() []*proc {
	out := make([]*proc, 0, len(g.members))
	for p := g.first; p != nil; p = p.after {
		out = append(out, p)
	}
	return out
}

// byPriority lists the members in the order in which they are started.
func (g *group) byPriority() []*proc {
	out := g.inOrder()
	slices.SortStableFunc(out, func(a, b *proc) int {
		return cmp.Compare(a.spec.Load().Priority, b.spec.Load().Priority)
	})
	return out
}

// byName lists the members sorted by name. The slice is shared: do not change it.
func (g *group) byName() []*proc {
	if sorted := g.sorted.Load(); sorted != nil {
		return *sorted
	}
	out := g.inOrder()
	slices.SortFunc(out, func(a, b *proc) int { return cmp.Compare(a.name, b.name) })
	g.sorted.Store(&out)
	return out
}

// current is the group's configuration as it stands now, for the next start.
func (g *group) current() *core.GroupSpec {
	spec := *g.source
	spec.Processes = nil
	for p := g.first; p != nil; p = p.after {
		spec.Processes = append(spec.Processes, p.nextSpec())
	}
	return &spec
}

// groupsByPriority sorts groups in the order in which they are started.
func groupsByPriority(groups []*group) []*group {
	out := slices.Clone(groups)
	slices.SortStableFunc(out, func(a, b *group) int { return cmp.Compare(a.priority, b.priority) })
	return out
}
