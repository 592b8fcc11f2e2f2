package supervisor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// program is what the processes of one program in one group have in common. The loop
// alone uses it.
type program struct {
	name   string
	source *core.ProgramSource // as it is declared: a process may be behind it
	procs  []*proc             // in the order of their numbers
}

// enrol enters p with its program.
func (g *group) enrol(p *proc) {
	spec := p.spec.Load()
	if g.programs == nil {
		g.programs = map[string]*program{}
	}
	a := g.programs[spec.Program]
	if a == nil {
		a = &program{name: spec.Program, source: cmp.Or(spec.Source, &core.ProgramSource{})}
		g.programs[spec.Program] = a
	}
	p.program = a
	i, _ := slices.BinarySearchFunc(a.procs, spec.Number, func(other *proc, n int64) int {
		return cmp.Compare(other.spec.Load().Number, n)
	})
	a.procs = slices.Insert(a.procs, i, p)
}

// strike takes p from its program, which goes with the last.
func (g *group) strike(p *proc) {
	a := p.program
	a.procs = slices.DeleteFunc(a.procs, func(other *proc) bool { return other == p })
	if len(a.procs) == 0 {
		delete(g.programs, a.name)
	}
}

// ProgramAddition is a program to add.
type ProgramAddition struct {
	// Group is its group, "" for one of its own that has the program's name.
	Group, Program string
	Source         *core.ProgramSource
	Specs          []*core.ProcessSpec
	// Err is what went wrong while its options were parsed: the group is looked at
	// first.
	Err error
}

// groupName is the group that it is in.
func (a *ProgramAddition) groupName() string { return cmp.Or(a.Group, a.Program) }

// AddPrograms adds programs, all or none, and returns when their automatic log files
// exist. The faults are those of AddProcesses, ALREADY_ADDED for a group of its own
// that exists, and FAILED for what cannot be persisted.
func (s *Supervisor) AddPrograms(ctx context.Context, list []ProgramAddition) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		s.addPrograms(nil, list, func(err error) { answer(nothing{}, err) })
	})
	return err
}

func (s *Supervisor) addPrograms(groups []*core.GroupSpec, list []ProgramAddition, done func(error)) {
	if err := s.checkAdditions(groups, list); err != nil {
		done(err)
		return
	}
	left := 1
	ready := func() {
		if left--; left == 0 {
			done(nil)
		}
	}
	for _, spec := range groups {
		left++
		s.addGroup(spec, ready)
		s.persisted.addGroup(spec)
	}
	for _, a := range list {
		left++
		if a.Source.Persisted {
			s.persisted.add(a)
		}
		if a.Group != "" {
			s.addProcesses(s.groups[a.Group], a.Specs, ready)
			continue
		}
		s.addGroup(ownGroup(a.Program, a.Specs, a.Source), ready)
	}
	ready()
}

// ownGroup is the group of a program that has one of its own. Its priority is the
// program's, as for a program that stands alone in the file.
func ownGroup(name string, specs []*core.ProcessSpec, source *core.ProgramSource) *core.GroupSpec {
	spec := &core.GroupSpec{Name: name, Priority: 999, Processes: specs, Dynamic: true, Persisted: source.Persisted}
	if len(specs) > 0 {
		spec.Priority = specs[0].Priority
	}
	return spec
}

// checkAdditions refuses what cannot be added, in the order of the list.
func (s *Supervisor) checkAdditions(groups []*core.GroupSpec, list []ProgramAddition) error {
	made := map[string]bool{}     // groups
	taken := map[[2]string]bool{} // processes
	programs := map[[2]string]bool{}
	named := map[string]string{} // the groups of persisted programs
	for _, spec := range groups {
		if s.groups[spec.Name] != nil || made[spec.Name] || spec.Persisted && s.counts(spec.Name) {
			return fault(rpcinterface.CodeAlreadyAdded, spec.Name)
		}
		made[spec.Name] = true
	}
	for i := range list {
		a := &list[i]
		name := a.groupName()
		g := s.groups[name]
		switch {
		case a.Group == "" && (g != nil || made[name]):
			return fault(rpcinterface.CodeAlreadyAdded, name)
		case a.Group != "" && g == nil && !made[name]:
			return fault(rpcinterface.CodeBadName, "group: "+name)
		case a.Err != nil:
			return a.Err
		}
		made[name] = true
		for _, spec := range a.Specs {
			key := [2]string{name, spec.Name}
			if taken[key] || g != nil && g.members[spec.Name] != nil {
				return fault(rpcinterface.CodeBadName, spec.Name)
			}
			taken[key] = true
		}
		if programs[[2]string{name, a.Program}] || g != nil && g.programs[a.Program] != nil {
			return fault(rpcinterface.CodeBadName, a.Program)
		}
		programs[[2]string{name, a.Program}] = true
		if !a.Source.Persisted {
			continue
		}
		if a.Group == "" && s.counts(name) {
			return fault(rpcinterface.CodeAlreadyAdded, name)
		}
		if other, ok := s.persisted.groupOf(a.Program); ok {
			named[a.Program] = other
		}
		if other, ok := named[a.Program]; ok {
			return fault(rpcinterface.CodeFailed, fmt.Sprintf(
				"program %s cannot be persisted: there is another of its name, in group %s", a.Program, other))
		}
		named[a.Program] = name
		if g != nil && g.source.Dynamic && !g.source.Persisted {
			return fault(rpcinterface.CodeFailed, fmt.Sprintf(
				"program %s cannot be persisted: its group %s was added at run time and is not", a.Program, name))
		}
	}
	return nil
}

// programIn finds a program. The faults are BAD_NAME for the group ("group: NAME")
// or the program.
func (s *Supervisor) programIn(groupName, name string) (*group, *program, error) {
	g := s.groups[groupName]
	if g == nil {
		return nil, nil, fault(rpcinterface.CodeBadName, "group: "+groupName)
	}
	a := g.programs[name]
	if a == nil {
		return nil, nil, fault(rpcinterface.CodeBadName, name)
	}
	return g, a, nil
}

// ProgramState is a program of a group as it stands.
type ProgramState struct {
	Source *core.ProgramSource
	// Specs are the configurations that its processes have or will have at their next
	// start, in the order of their numbers.
	Specs []*core.ProcessSpec
}

// Program tells of a program. The faults are BAD_NAME for the group ("group: NAME")
// or the program, and FAILED where processes of one group were added as several
// programs of the name.
func (s *Supervisor) Program(ctx context.Context, group, name string) (ProgramState, error) {
	return call(ctx, s, func(answer func(ProgramState, error)) {
		_, a, err := s.programIn(group, name)
		if err == nil && a.mixed() {
			err = fault(rpcinterface.CodeFailed, fmt.Sprintf("group %s has several programs %s, with options of their own", group, name))
		}
		if err != nil {
			answer(ProgramState{}, err)
			return
		}
		answer(a.state(), nil)
	})
}

// mixed says whether the program's processes do not all come from one configuration.
func (a *program) mixed() bool {
	return slices.ContainsFunc(a.procs, func(p *proc) bool {
		source := p.nextSpec().Source
		return source != nil && source != a.source
	})
}

func (a *program) state() ProgramState {
	state := ProgramState{Source: a.source, Specs: make([]*core.ProcessSpec, len(a.procs))}
	for i, p := range a.procs {
		state.Specs[i] = p.nextSpec()
	}
	return state
}

// nextSpec is the configuration of the process's next start.
func (p *proc) nextSpec() *core.ProcessSpec { return cmp.Or(p.next.Load(), p.spec.Load()) }

// DynamicProcesses lists the processes of programs that were added at run time, as
// clients address them ("process", "group:process"), sorted by the names of group and
// process.
func (s *Supervisor) DynamicProcesses() []string {
	var out []string
	for _, p := range s.all() {
		if source := p.spec.Load().Source; source != nil && source.Dynamic {
			out = append(out, p.namespec())
		}
	}
	return out
}

// RemoveProgram removes a program with its processes, which must have stopped, and
// the group that was made for it. The faults are Program's, and STILL_RUNNING with
// the process.
func (s *Supervisor) RemoveProgram(ctx context.Context, group, name string) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		s.removeProgram(group, name, func(err error) { answer(nothing{}, err) })
	})
	return err
}

func (s *Supervisor) removeProgram(groupName, name string, done func(error)) {
	g, a, err := s.programIn(groupName, name)
	if err != nil {
		if s.persisted.drop(groupName, name) {
			err = nil // its group was removed before, and would have come back with it
		}
		done(err)
		return
	}
	for _, p := range a.procs {
		if p.preparing {
			p.prepared = append(p.prepared, func() { s.removeProgram(groupName, name, done) })
			return
		}
		if p.machine.PID() != 0 || !p.machine.State().Public().Stopped() {
			done(fault(rpcinterface.CodeStillRunning, p.name))
			return
		}
	}
	s.persisted.drop(groupName, name)
	s.mu.Lock()
	for _, p := range slices.Clone(a.procs) {
		s.forget(p)
		g.remove(p)
	}
	s.mu.Unlock()
	s.membership.tell()
	s.removedAll(g, a)
	done(nil)
}

// removedAll has the group that was made for a program go with the program's last
// process, unless it has others.
func (s *Supervisor) removedAll(g *group, a *program) {
	if len(a.procs) == 0 && len(g.members) == 0 && a.source.OwnGroup {
		s.removeGroup(g)
	}
}

// NumProcs is a change of the number of a program's processes.
type NumProcs struct {
	Group, Program string
	// Before is the program's source as it was when Source and Specs were made of it.
	Before, Source *core.ProgramSource
	Specs          []*core.ProcessSpec
}

// SetNumProcs gives a program the processes that it is to have: those that it lacks
// are added, and those that it has no more are stopped, the newest first, and then
// removed, all in one step. It answers the names of both. The faults are Program's,
// BAD_NAME for a process that is another program's, and those of Stop, after which
// some have stopped and nothing else has changed; or the error is one for which
// Outdated holds.
func (s *Supervisor) SetNumProcs(ctx context.Context, n NumProcs) (added, removed []string, err error) {
	state, err := s.Program(ctx, n.Group, n.Program)
	if err != nil {
		return nil, nil, err
	}
	n.Specs = keepingAuto(n.Before, n.Source, n.Specs, state.Specs)
	surplus, err := call(ctx, s, func(answer func([]*proc, error)) {
		_, _, surplus, err := s.numProcs(n)
		answer(surplus, err)
	})
	if err != nil {
		return nil, nil, err
	}
	for _, p := range surplus {
		err := s.Stop(ctx, p.namespec(), true)
		f := rpcinterface.AsFault(err)
		if f != nil && f.Code != rpcinterface.CodeNotRunning && f.Code != rpcinterface.CodeBadName {
			return nil, nil, err
		}
	}
	type names struct{ added, removed []string }
	done, err := call(ctx, s, func(answer func(names, error)) {
		s.setNumProcs(n, func(added, removed []string, err error) { answer(names{added, removed}, err) })
	})
	return done.added, done.removed, err
}

// numProcs finds what is to be added, and what removed, the newest first.
func (s *Supervisor) numProcs(n NumProcs) (a *program, more []*core.ProcessSpec, surplus []*proc, err error) {
	g, a, err := s.programIn(n.Group, n.Program)
	if err == nil && a.source != n.Before {
		err = errOutdated
	}
	if err != nil {
		return nil, nil, nil, err
	}
	wanted := map[string]bool{}
	for _, spec := range n.Specs {
		wanted[spec.Name] = true
		switch p := g.members[spec.Name]; {
		case p == nil:
			more = append(more, spec)
		case p.program != a:
			return nil, nil, nil, fault(rpcinterface.CodeBadName, spec.Name)
		}
	}
	for _, p := range slices.Backward(a.procs) {
		if !wanted[p.name] {
			surplus = append(surplus, p)
		}
	}
	return a, more, surplus, nil
}

// setNumProcs is the part of SetNumProcs that changes the table.
func (s *Supervisor) setNumProcs(n NumProcs, done func(added, removed []string, err error)) {
	a, more, surplus, err := s.numProcs(n)
	if err != nil {
		done(nil, nil, err)
		return
	}
	for _, p := range surplus {
		if p.preparing {
			p.prepared = append(p.prepared, func() { s.setNumProcs(n, done) })
			return
		}
		if p.machine.PID() != 0 || !p.machine.State().Public().Stopped() {
			done(nil, nil, fault(rpcinterface.CodeStillRunning, p.name))
			return
		}
	}
	g := s.groups[n.Group]
	for _, spec := range n.Specs {
		// Those that stay may be told how many they are, at their next start.
		if p := g.members[spec.Name]; p != nil && len(p.nextSpec().Changes(spec)) > 0 {
			p.next.Store(spec)
		}
	}
	var added, removed []string
	s.mu.Lock()
	for _, p := range surplus {
		s.forget(p)
		g.remove(p)
		removed = append(removed, p.name)
	}
	s.mu.Unlock()
	s.membership.tell()
	if len(a.procs) == 0 { // none of them is one that it had
		g.programs[a.name] = a
	}
	for _, spec := range more {
		added = append(added, spec.Name)
	}
	s.addProcesses(g, more, func() { done(added, removed, nil) })
	s.declare(n.Group, a, n.Source, n.Specs)
}

// declare makes source what is said of a program: by itself, by what its processes
// have, by what is persisted, and by the group that was made for it.
func (s *Supervisor) declare(group string, a *program, source *core.ProgramSource, specs []*core.ProcessSpec) {
	a.source = source
	if g := s.groups[group]; source.OwnGroup && len(specs) > 0 && g.priority != specs[0].Priority {
		other := *g.source
		other.Priority = specs[0].Priority
		s.mu.Lock()
		g.source, g.priority = &other, other.Priority
		s.mu.Unlock()
	}
	for _, p := range a.procs {
		if next := p.next.Load(); next != nil {
			p.next.Store(withSource(next, source))
		}
		p.setSpec(withSource(p.spec.Load(), source))
	}
	s.persisted.change(group, a.name, source, specs)
}

func withSource(spec *core.ProcessSpec, source *core.ProgramSource) *core.ProcessSpec {
	out := *spec
	out.Source = source
	return &out
}

// Update is a change of a program's options.
type Update struct {
	Group, Program string
	// Before is the program's source as it was when Source and Specs were made of it.
	Before, Source *core.ProgramSource
	Specs          []*core.ProcessSpec
	Strategy       rpcinterface.UpdateStrategy
	DryRun         bool
}

// errOutdated: the program was changed by somebody else meanwhile.
var errOutdated = fault(rpcinterface.CodeFailed, "the program was changed by another call")

// Outdated says that an update was refused since the program was changed after its
// configuration was read.
func Outdated(err error) bool { return err == errOutdated }

// UpdateProgram changes a program as Host.UpdateProgram says. Nothing is done when
// there is an error: Program's faults, or one for which Outdated holds.
func (s *Supervisor) UpdateProgram(ctx context.Context, u Update) ([]rpcinterface.ProcessUpdate, error) {
	state, err := s.Program(ctx, u.Group, u.Program)
	if err != nil {
		return nil, err
	}
	u.Specs = keepingAuto(u.Before, u.Source, u.Specs, state.Specs)
	if !u.DryRun {
		if u.Specs, err = s.prepareLogs(ctx, u.Specs); err != nil {
			return nil, err
		}
	}
	anew, err := call(ctx, s, func(answer func([]change, error)) {
		s.update(u, answer)
	})
	if err != nil || u.DryRun {
		return updates(anew), err
	}
	switch u.Strategy {
	case rpcinterface.UpdateNow:
		var wg sync.WaitGroup
		for i := range anew {
			wg.Go(func() { s.startAnew(ctx, &anew[i]) })
		}
		wg.Wait()
	case rpcinterface.UpdateRolling:
		kept := false
		for i := range anew {
			c := &anew[i]
			if kept && c.How == rpcinterface.UpdatedRestarted {
				c.How = rpcinterface.UpdatedKept
				continue
			}
			s.startAnew(ctx, c)
			kept = kept || c.How == rpcinterface.UpdatedFailed
		}
	}
	return updates(anew), nil
}

// change is what an update does to one process.
type change struct {
	rpcinterface.ProcessUpdate
	proc *proc
	spec *core.ProcessSpec
}

func updates(list []change) []rpcinterface.ProcessUpdate {
	out := make([]rpcinterface.ProcessUpdate, len(list))
	for i, c := range list {
		out[i] = c.ProcessUpdate
	}
	return out
}

// plan says what an update means to each process.
func (a *program) plan(u Update) []change {
	byName := map[string]*core.ProcessSpec{}
	for _, spec := range u.Specs {
		byName[spec.Name] = spec
	}
	var out []change
	for _, p := range a.procs {
		spec := byName[p.name]
		if spec == nil {
			continue
		}
		c := change{proc: p, spec: spec}
		c.Name, c.How = p.name, rpcinterface.UpdatedNone
		live := true
		for _, o := range p.nextSpec().Changes(spec) {
			c.Changed = append(c.Changed, o.Option)
			live = live && o.Live
		}
		state := p.machine.State()
		switch {
		case len(c.Changed) == 0:
		case live:
			c.How = rpcinterface.UpdatedLive
		case u.Strategy == rpcinterface.UpdateNext || !state.Public().Running() || state == process.Backoff:
			c.How = rpcinterface.UpdatedNext
		default:
			c.How = rpcinterface.UpdatedRestarted
		}
		out = append(out, c)
	}
	return out
}

// keepingAuto leaves their automatic log files to processes whose options go on
// asking for them.
func keepingAuto(before, after *core.ProgramSource, specs, old []*core.ProcessSpec) []*core.ProcessSpec {
	same := func(option string) bool {
		was, _ := before.Options.Get(option)
		is, _ := after.Options.Get(option)
		return was == is
	}
	out := make([]*core.ProcessSpec, len(specs))
	for i, spec := range specs {
		kept := *spec
		out[i] = &kept
		j := slices.IndexFunc(old, func(o *core.ProcessSpec) bool { return o.Name == spec.Name })
		if j < 0 {
			continue
		}
		if kept.Stdout.File.Kind == core.LogAuto && same("stdout_logfile") {
			kept.Stdout.File = old[j].Stdout.File
		}
		if kept.Stderr.File.Kind == core.LogAuto && same("stderr_logfile") && kept.RedirectStderr == old[j].RedirectStderr {
			kept.Stderr.File = old[j].Stderr.File
		}
	}
	return out
}

// prepareLogs makes the automatic log files that are missing.
func (s *Supervisor) prepareLogs(ctx context.Context, specs []*core.ProcessSpec) ([]*core.ProcessSpec, error) {
	if !slices.ContainsFunc(specs, func(p *core.ProcessSpec) bool {
		return p.Stdout.File.Kind == core.LogAuto || p.Stderr.File.Kind == core.LogAuto
	}) {
		return specs, nil
	}
	made := make(chan []*core.ProcessSpec, 1)
	s.effects.PrepareLogs(specs, func(list []*core.ProcessSpec) { made <- list })
	select {
	case list := <-made:
		return list, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// update is UpdateProgram's part of the loop. It waits for log files of processes
// that were just added.
func (s *Supervisor) update(u Update, answer func([]change, error)) {
	_, a, err := s.programIn(u.Group, u.Program)
	if err == nil && a.source != u.Before {
		err = errOutdated
	}
	if err != nil {
		answer(nil, err)
		return
	}
	for _, p := range a.procs {
		if p.preparing {
			p.prepared = append(p.prepared, func() { s.update(u, answer) })
			return
		}
	}
	changes := a.plan(u)
	if !u.DryRun {
		s.apply(u, a, changes)
	}
	answer(changes, nil)
}

// apply makes an update the truth, but for what needs restarts.
func (s *Supervisor) apply(u Update, a *program, changes []change) {
	s.mu.Lock() // the order by priority may be another
	for _, c := range changes {
		p := c.proc
		switch {
		case c.How == rpcinterface.UpdatedRestarted && u.Strategy == rpcinterface.UpdateRolling:
			// What it cannot take now it gets when its turn comes.
			p.setSpec(p.spec.Load().Taking(c.spec))
			if next := p.next.Load(); next != nil {
				p.next.Store(next.Taking(c.spec))
			}
		case c.How == rpcinterface.UpdatedRestarted, c.How == rpcinterface.UpdatedNext, p.next.Load() != nil:
			p.setSpec(p.spec.Load().Taking(c.spec))
			p.next.Store(c.spec)
		default:
			p.setSpec(c.spec)
		}
		if child := p.child.Load(); child != nil {
			child.Reconfigure(p.spec.Load())
		}
	}
	s.mu.Unlock()
	s.declare(u.Group, a, u.Source, u.Specs)
}

// startAnew has a process that must be restarted take its new configuration.
func (s *Supervisor) startAnew(ctx context.Context, c *change) {
	if c.How != rpcinterface.UpdatedRestarted {
		return
	}
	err := s.restart(ctx, c.proc, c.spec)
	if err != nil {
		c.How, c.Reason = rpcinterface.UpdatedFailed, rpcinterface.AsFault(err).Message
	}
}

func (s *Supervisor) restart(ctx context.Context, p *proc, spec *core.ProcessSpec) error {
	name := p.namespec()
	// A command that is not there is no reason to stop one that works.
	if err := s.effects.CheckCommand(spec); err != nil {
		return err
	}
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		if s.gone(p) {
			answer(nothing{}, fault(rpcinterface.CodeBadName, name))
			return
		}
		p.next.Store(spec)
		answer(nothing{}, nil)
	})
	if err != nil {
		return err
	}
	err = s.Stop(ctx, name, true)
	if f := rpcinterface.AsFault(err); f != nil && f.Code != rpcinterface.CodeNotRunning {
		return err
	}
	return s.Start(ctx, name, true)
}
