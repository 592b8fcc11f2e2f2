package supervisor

import (
	"context"
	"slices"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Result is what became of one member of a group operation.
type Result struct {
	Group, Process string
	Fault          *rpcinterface.Fault // nil: done
}

// collector gathers the results of a group operation: first those that were
// decided at once, in the order of the members, then the others as they complete.
type collector struct {
	early, late []Result
	open        int
	started     bool
	finish      func([]Result, error)
}

func (c *collector) add(p *proc) func(error) {
	c.open++
	return func(err error) {
		r := Result{Group: p.group.name, Process: p.name, Fault: rpcinterface.AsFault(err)}
		if c.started {
			c.late = append(c.late, r)
		} else {
			c.early = append(c.early, r)
		}
		c.end()
	}
}

// ordered is add for results that the reference knows at once though they take us
// a message: they keep their place.
func (c *collector) ordered(p *proc) func(error) {
	c.open++
	i := len(c.early)
	c.early = append(c.early, Result{Group: p.group.name, Process: p.name})
	return func(err error) {
		c.early[i].Fault = rpcinterface.AsFault(err)
		c.end()
	}
}

func (c *collector) end() {
	c.open--
	if c.open == 0 {
		c.finish(append(c.early, c.late...), nil)
	}
}

// many runs an operation on the selected processes that want it, in the order of
// priorities.
func (s *Supervisor) many(ctx context.Context, group Selection, wants func(*proc) bool, run func(p *proc, name string, c *collector)) ([]Result, error) {
	return call(ctx, s, func(answer func([]Result, error)) {
		members, err := s.members(group)
		if err != nil {
			answer(nil, err)
			return
		}
		c := &collector{finish: answer, open: 1}
		for _, p := range members {
			if wants(p) {
				run(p, p.namespec(), c)
			}
		}
		c.started = true
		c.end()
	})
}

// Selection says which processes an operation is for: those of one group, or all.
type Selection struct {
	All   bool
	Group string
}

// All selects every process.
func All() Selection { return Selection{All: true} }

// InGroup selects the processes of a group.
func InGroup(name string) Selection { return Selection{Group: name} }

func isRunning(p *proc) bool  { return p.record.Load().state.Running() }
func notRunning(p *proc) bool { return !isRunning(p) }

// StartMany starts the selected processes that are not running. With
// wait it returns when each is RUNNING or has failed. BAD_NAME when there is no
// such group; members' faults are in the results.
func (s *Supervisor) StartMany(ctx context.Context, group Selection, wait bool) ([]Result, error) {
	members, err := s.members(group)
	if err != nil {
		return nil, err
	}
	commandErrs := map[*proc]error{}
	for _, p := range members {
		if notRunning(p) {
			if err := s.effects.CheckCommand(p.nextSpec()); err != nil {
				commandErrs[p] = err
			}
		}
	}
	return s.many(ctx, group, notRunning, func(p *proc, name string, c *collector) {
		done := c.add
		if !wait || p.spec.Load().StartSecs <= 0 || commandErrs[p] != nil {
			done = c.ordered
		}
		s.start(p, name, wait, commandErrs[p], done(p))
	})
}

// StopMany stops the selected processes that run.
func (s *Supervisor) StopMany(ctx context.Context, group Selection, wait bool) ([]Result, error) {
	return s.many(ctx, group, isRunning, func(p *proc, name string, c *collector) {
		s.stop(p, name, wait, c.add(p))
	})
}

// SignalMany sends a signal to the selected processes that take
// signals.
func (s *Supervisor) SignalMany(ctx context.Context, group Selection, signal int) ([]Result, error) {
	return s.many(ctx, group, isSignallable, func(p *proc, name string, c *collector) {
		c.add(p)(s.signal(p, name, signal))
	})
}

func isSignallable(p *proc) bool { return p.record.Load().state.Signallable() }

// Signallable lists the selected processes that take signals.
func (s *Supervisor) Signallable(group Selection) ([]Result, error) {
	members, err := s.members(group)
	if err != nil {
		return nil, err
	}
	var out []Result
	for _, p := range members {
		if isSignallable(p) {
			out = append(out, Result{Group: p.group.name, Process: p.name})
		}
	}
	return out, nil
}

// ClearAllLogs empties the log files of every process.
func (s *Supervisor) ClearAllLogs() []Result {
	members, _ := s.members(All())
	out := make([]Result, 0, len(members))
	for _, p := range members {
		err := s.clearLogs(p, p.namespec())
		out = append(out, Result{Group: p.group.name, Process: p.name, Fault: rpcinterface.AsFault(err)})
	}
	return out
}

// members lists the selected processes, by priority.
func (s *Supervisor) members(which Selection) ([]*proc, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if !which.All {
		g := s.groups[which.Group]
		if g == nil {
			return nil, fault(rpcinterface.CodeBadName, which.Group)
		}
		return g.byPriority(), nil
	}
	var out []*proc
	for _, g := range groupsByPriority(s.order) {
		out = append(out, g.byPriority()...)
	}
	return slices.Clip(out), nil
}
