package supervisor

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// AddConfigured adds the group of the last configuration that was read. It returns
// when the group's automatic log files exist. The faults are BAD_NAME and
// ALREADY_ADDED, and FAILED when a FastCGI
// program's socket cannot be made.
func (s *Supervisor) AddConfigured(ctx context.Context, name string) error {
	find := func() (*core.GroupSpec, error) {
		configured, i := s.findConfigured(name)
		switch {
		case i < 0:
			return nil, fault(rpcinterface.CodeBadName, name)
		case s.groups[name] != nil:
			return nil, fault(rpcinterface.CodeAlreadyAdded, name)
		}
		return configured[i], nil
	}
	spec, err := call(ctx, s, func(answer func(*core.GroupSpec, error)) { answer(find()) })
	if err != nil {
		return err
	}
	if spec.FastCGI != nil {
		if err := s.effects.CheckSocket(spec.FastCGI); err != nil {
			return fault(rpcinterface.CodeFailed, err.Error())
		}
	}
	_, err = call(ctx, s, func(answer func(nothing, error)) {
		spec, err := find()
		if err != nil {
			answer(nothing{}, err)
			return
		}
		s.addGroup(spec, func() { answer(nothing{}, nil) })
	})
	return err
}

// AddGroup adds an empty group, which counts as configured where it is persisted.
// ALREADY_ADDED when there is one of the name, or one that counts as configured where
// it is to do so too.
func (s *Supervisor) AddGroup(ctx context.Context, info rpcinterface.GroupInfo, persisted bool) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		if s.groups[info.Name] != nil || persisted && s.counts(info.Name) {
			answer(nothing{}, fault(rpcinterface.CodeAlreadyAdded, info.Name))
			return
		}
		spec := &core.GroupSpec{Name: info.Name, Priority: info.Priority, Dynamic: true, Persisted: persisted}
		s.persisted.addGroup(spec)
		s.addGroup(spec, func() { answer(nothing{}, nil) })
	})
	return err
}

// findConfigured gives what counts as configured, and the place of a group in it, -1
// where it is not there.
func (s *Supervisor) findConfigured(name string) ([]*core.GroupSpec, int) {
	if s.persisted.empty() {
		return s.configured, s.placeOf(name)
	}
	configured := s.persisted.configured(s.configured)
	return configured, slices.IndexFunc(configured, func(g *core.GroupSpec) bool { return g.Name == name })
}

// placeOf gives the place of a group in the list of the file's groups, or -1.
func (s *Supervisor) placeOf(name string) int {
	if s.places == nil {
		s.places = make(map[string]int, len(s.configured))
		for i, g := range slices.Backward(s.configured) {
			s.places[g.Name] = i // of two the first
		}
	}
	if i, ok := s.places[name]; ok {
		return i
	}
	return -1
}

// RemoveGroup removes a group whose processes are all stopped. It waits for
// automatic log files that are being made. What is persisted goes on counting as
// configured. The faults are BAD_NAME and STILL_RUNNING.
func (s *Supervisor) RemoveGroup(ctx context.Context, name string) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		s.removeNamed(name, func(err error) { answer(nothing{}, err) })
	})
	return err
}

// RemoveForGood is RemoveGroup for a group that does not count as configured any
// more either. With lasting one that the configuration file has is FAILED.
func (s *Supervisor) RemoveForGood(ctx context.Context, name string, lasting bool) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		if lasting && s.inFile(name) != nil && (s.groups[name] != nil || s.persisted.in(name)) {
			answer(nothing{}, fault(rpcinterface.CodeFailed, fmt.Sprintf(
				"group %s stands in the configuration file, so its removal would not last: remove it there", name)))
			return
		}
		if s.groups[name] == nil && s.persisted.dropGroup(name) {
			answer(nothing{}, nil)
			return
		}
		s.removeNamed(name, func(err error) {
			if err == nil {
				s.persisted.dropGroup(name)
			}
			answer(nothing{}, err)
		})
	})
	return err
}

func (s *Supervisor) removeNamed(name string, done func(error)) {
	g := s.groups[name]
	switch {
	case g == nil:
		done(fault(rpcinterface.CodeBadName, name))
		return
	case g.unstopped > 0:
		done(fault(rpcinterface.CodeStillRunning, name))
		return
	}
	for p := g.first; p != nil; p = p.after {
		if p.preparing {
			p.prepared = append(p.prepared, func() { s.removeNamed(name, done) })
			return
		}
	}
	s.removeGroup(g)
	done(nil)
}

func (s *Supervisor) removeGroup(g *group) {
	if i := s.placeOf(g.name); i >= 0 && s.configured[i] == g.source {
		if s.configuredIsRead {
			// Whoever has read the list goes on with what it was.
			s.configured, s.configuredIsRead = slices.Clone(s.configured), false
		}
		s.configured[i] = g.current()
	}
	for p := g.first; p != nil; p = p.after {
		s.forget(p)
	}
	s.mu.Lock()
	delete(s.groups, g.name)
	if i := slices.Index(s.order, g); i >= 0 {
		s.order = slices.Delete(s.order, i, i+1)
	}
	s.byName.Store(nil)
	s.mu.Unlock()
	s.membership.tell()
	s.closePool(g)
	s.notifyGroup(core.EventProcessGroupRemoved, g.name)
}

// forget drops what may still come for a process that is removed.
func (s *Supervisor) forget(p *proc) {
	p.incarnation++
	s.deadlines.set(p, time.Time{})
}

// AddProcesses adds processes to a group, all or none, and returns when their
// automatic log files exist. parseErr is what went wrong while their options were
// parsed: the group is looked at first. The faults are BAD_NAME for an unknown
// group ("group: NAME"), parseErr, and BAD_NAME for a name that exists.
func (s *Supervisor) AddProcesses(ctx context.Context, group string, specs []*core.ProcessSpec, parseErr error) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		g := s.groups[group]
		if g == nil {
			answer(nothing{}, fault(rpcinterface.CodeBadName, "group: "+group))
			return
		}
		if parseErr != nil {
			answer(nothing{}, parseErr)
			return
		}
		for _, spec := range specs {
			if g.members[spec.Name] != nil {
				answer(nothing{}, fault(rpcinterface.CodeBadName, spec.Name))
				return
			}
		}
		s.addProcesses(g, specs, func() { answer(nothing{}, nil) })
	})
	return err
}

// RemoveProcess removes a stopped process from a group, once its automatic log
// files are there. The faults are BAD_NAME for the group ("group: NAME") or the
// process, STILL_RUNNING, and FAILED for one of several of a persisted program, and
// with lasting for one that the configuration file has.
func (s *Supervisor) RemoveProcess(ctx context.Context, group, name string, lasting bool) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		if g := s.groups[group]; g != nil && g.members[name] != nil {
			if err := s.removable(g.members[name], lasting); err != nil {
				answer(nothing{}, err)
				return
			}
		}
		s.removeProcess(group, name, func(err error) { answer(nothing{}, err) })
	})
	return err
}

// removable refuses the removal of a process that would come back.
func (s *Supervisor) removable(p *proc, lasting bool) error {
	if source := p.program.source; source != nil && source.Persisted && len(p.program.procs) > 1 {
		return fault(rpcinterface.CodeFailed, fmt.Sprintf(
			"%s is one of %d processes of the persisted program %s: change their number, or remove the program",
			p.name, len(p.program.procs), p.program.name))
	}
	if !lasting {
		return nil
	}
	if source := p.spec.Load().Source; source != nil && source.Dynamic {
		return nil
	}
	g := s.inFile(p.group.name)
	if g == nil || !slices.ContainsFunc(g.Processes, func(spec *core.ProcessSpec) bool { return spec.Name == p.name }) {
		return nil // the file has had it
	}
	return fault(rpcinterface.CodeFailed, fmt.Sprintf(
		"process %s of group %s stands in the configuration file, so its removal would not last: remove it there", p.name, g.Name))
}

func (s *Supervisor) removeProcess(group, name string, done func(error)) {
	g := s.groups[group]
	if g == nil {
		done(fault(rpcinterface.CodeBadName, "group: "+group))
		return
	}
	p := g.members[name]
	switch {
	case p == nil:
		done(fault(rpcinterface.CodeBadName, name))
	case p.preparing:
		p.prepared = append(p.prepared, func() { s.removeProcess(group, name, done) })
	case p.machine.PID() != 0 || !p.machine.State().Public().Stopped():
		done(fault(rpcinterface.CodeStillRunning, name))
	default:
		s.forget(p)
		if len(p.program.procs) == 1 {
			s.persisted.drop(group, p.program.name)
		}
		s.mu.Lock()
		g.remove(p)
		s.mu.Unlock()
		s.membership.tell()
		s.removedAll(g, p.program)
		done(nil)
	}
}

// gone says whether a process has been removed.
func (s *Supervisor) gone(p *proc) bool {
	return s.groups[p.group.name] != p.group || p.group.members[p.name] != p
}

// SetConfigured replaces the configuration that AddConfigured and Configured
// speak of. It answers the live groups as they stand, in the order in which they
// were added, and what counts as configured: groups, and what is persisted.
func (s *Supervisor) SetConfigured(ctx context.Context, groups []*core.GroupSpec) (live, configured []*core.GroupSpec, err error) {
	both, err := call(ctx, s, func(answer func([2][]*core.GroupSpec, error)) {
		s.configured, s.configuredIsRead, s.places = groups, true, nil
		live := make([]*core.GroupSpec, len(s.order))
		for i, g := range s.order {
			live[i] = g.current()
		}
		configured := s.persisted.configured(groups)
		s.persisted.arrange(live, configured)
		answer([2][]*core.GroupSpec{live, configured}, nil)
	})
	return both[0], both[1], err
}

// ConfiguredGroup is a group of the last configuration that was read.
type ConfiguredGroup struct {
	Spec  *core.GroupSpec
	InUse bool // there is a live group of the name
}

// Configured lists the groups of the last configuration that was read.
func (s *Supervisor) Configured(ctx context.Context) ([]ConfiguredGroup, error) {
	return call(ctx, s, func(answer func([]ConfiguredGroup, error)) {
		configured := s.persisted.configured(s.configured)
		out := make([]ConfiguredGroup, len(configured))
		for i, spec := range configured {
			g := s.groups[spec.Name]
			out[i] = ConfiguredGroup{Spec: spec, InUse: g != nil}
			if g != nil && g.source == spec {
				out[i].Spec = g.current()
			}
		}
		answer(out, nil)
	})
}

// addGroup makes a group live. done is called when its log files exist.
func (s *Supervisor) addGroup(spec *core.GroupSpec, done func()) {
	g := &group{name: spec.Name, priority: spec.Priority, source: spec, members: map[string]*proc{}}
	s.mu.Lock()
	s.groups[g.name] = g
	s.order = append(s.order, g)
	s.byName.Store(nil)
	s.mu.Unlock()
	s.membership.tell()
	if spec.Listener != nil {
		s.openPool(g, spec.Listener)
	}
	s.notifyGroup(core.EventProcessGroupAdded, g.name)
	s.addProcesses(g, spec.Processes, done)
}

// addProcesses puts processes into a group, has their automatic logs made, and
// then lets them start.
func (s *Supervisor) addProcesses(g *group, specs []*core.ProcessSpec, done func()) {
	added := make([]*proc, 0, len(specs))
	var automatic []*proc
	var automaticSpecs []*core.ProcessSpec
	s.mu.Lock()
	for _, spec := range specs {
		if g.members[spec.Name] != nil {
			continue // two programs of the file that make the same name: the first stays
		}
		p := &proc{name: spec.Name, machine: process.New(spec), heapIndex: -1}
		p.spec.Store(spec)
		p.publish()
		if s.stopping.begun {
			p.machine.Freeze()
		}
		g.insert(p)
		added = append(added, p)
		if spec.Stdout.File.Kind == core.LogAuto || spec.Stderr.File.Kind == core.LogAuto {
			p.preparing = true
			automatic = append(automatic, p)
			automaticSpecs = append(automaticSpecs, spec)
		}
	}
	s.mu.Unlock()
	s.membership.tell()
	ready := func() {
		if s.begun {
			s.arm(added)
		}
		done()
	}
	if len(automatic) == 0 {
		ready()
		return
	}
	s.preparing++
	s.effects.PrepareLogs(automaticSpecs, func(made []*core.ProcessSpec) {
		s.inbox.post(func() {
			for i, p := range automatic {
				p.setSpec(made[i])
				p.preparing = false
			}
			s.preparing--
			ready()
			for _, p := range automatic {
				runAll(&p.prepared)
			}
			if s.preparing == 0 {
				runAll(&s.prepared)
			}
		})
	})
}

func runAll(waiting *[]func()) {
	run := *waiting
	*waiting = nil
	for _, f := range run {
		f()
	}
}

// arm makes processes that are to start by themselves due.
func (s *Supervisor) arm(procs []*proc) {
	now := time.Now()
	for _, p := range procs {
		p.machine.Arm(now)
		s.deadlines.set(p, p.machine.Deadline())
	}
}

// Settle waits until the automatic logs of all that was added exist, or the
// supervisor has ended. As in the reference, no call is answered before
// (supervisord.py, run).
func (s *Supervisor) Settle() {
	_, _ = call(context.Background(), s, func(answer func(nothing, error)) { // it fails when it has ended
		s.whenPrepared(func() { answer(nothing{}, nil) })
	})
}

// Begin lets the processes that have autostart start, by priority, once all log
// files exist. It is called once, when the daemon is ready for them.
func (s *Supervisor) Begin() {
	s.inbox.post(func() {
		s.whenPrepared(func() {
			s.begun = true
			s.notifyState(core.EventSupervisorStateChangeRunning)
			for _, g := range groupsByPriority(s.order) {
				s.arm(g.inOrder())
			}
		})
	})
}

// whenPrepared runs f once no log files are being made.
func (s *Supervisor) whenPrepared(f func()) {
	if s.preparing > 0 {
		s.prepared = append(s.prepared, f)
		return
	}
	f()
}
