package supervisor

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// persisted is what was added at run time and counts as configured, whether it lives
// or not, in the order in which it was added.
type persisted struct {
	groups   []*core.GroupSpec // without processes
	programs []ProgramAddition
	index    map[string]string // the groups of the programs
	// restored are the files that were taken in, and owner is who did that.
	restored []string
	owner    string
}

func (t *persisted) empty() bool { return len(t.groups)+len(t.programs) == 0 }

func (t *persisted) addGroup(spec *core.GroupSpec) {
	if spec.Persisted {
		t.groups = append(t.groups, spec)
	}
}

func (t *persisted) add(a ProgramAddition) {
	t.programs = append(t.programs, a)
	if t.index == nil {
		t.index = map[string]string{}
	}
	t.index[a.Program] = a.groupName()
}

// groupOf gives the group of a persisted program.
func (t *persisted) groupOf(program string) (string, bool) {
	group, ok := t.index[program]
	return group, ok
}

// find gives the place of a program, -1 where it is not persisted.
func (t *persisted) find(group, program string) int {
	if g, ok := t.index[program]; !ok || g != group {
		return -1
	}
	return slices.IndexFunc(t.programs, func(a ProgramAddition) bool { return a.Program == program })
}

// drop forgets a program, and says whether it was there. Where others are in the
// group that was made for it, that becomes a group like any other.
func (t *persisted) drop(group, program string) bool {
	i := t.find(group, program)
	if i < 0 {
		return false
	}
	a := t.programs[i]
	t.programs = slices.Delete(t.programs, i, i+1)
	delete(t.index, program)
	if a.Group == "" && slices.ContainsFunc(t.programs, func(b ProgramAddition) bool { return b.Group == a.Program }) {
		g := ownGroup(a.Program, a.Specs, a.Source)
		g.Processes = nil
		t.groups = append(t.groups, g)
	}
	return true
}

// hasGroup says whether a group of the name counts as configured.
func (t *persisted) hasGroup(name string) bool {
	if slices.ContainsFunc(t.groups, func(g *core.GroupSpec) bool { return g.Name == name }) {
		return true
	}
	i := t.find(name, name)
	return i >= 0 && t.programs[i].Group == ""
}

// in says whether something persisted is, or would be, in a group.
func (t *persisted) in(group string) bool {
	return t.hasGroup(group) || slices.ContainsFunc(t.programs, func(a ProgramAddition) bool { return a.groupName() == group })
}

// counts says whether a group of the name counts as configured, by the file or since
// it is persisted.
func (s *Supervisor) counts(group string) bool {
	return s.persisted.hasGroup(group) || s.inFile(group) != nil
}

// inFile gives a group as the configuration file had it when it was last read, nil
// where it has none of the name.
func (s *Supervisor) inFile(group string) *core.GroupSpec {
	if i := slices.IndexFunc(s.configured, func(g *core.GroupSpec) bool { return g.Name == group }); i >= 0 {
		return s.configured[i]
	}
	return nil
}

// arrange puts the processes of those groups that persisted programs are in into the
// order that they are configured in: which was added first makes no difference.
func (t *persisted) arrange(live, configured []*core.GroupSpec) {
	with := map[string]bool{}
	for _, a := range t.programs {
		with[a.groupName()] = true
	}
	places := map[string]map[string]int{}
	for _, g := range configured {
		if with[g.Name] {
			places[g.Name] = map[string]int{}
			for i, p := range g.Processes {
				places[g.Name][p.Name] = i
			}
		}
	}
	for _, g := range live {
		place := places[g.Name]
		if place == nil {
			continue
		}
		of := func(p *core.ProcessSpec) int {
			if i, ok := place[p.Name]; ok {
				return i
			}
			return len(place)
		}
		slices.SortStableFunc(g.Processes, func(p, q *core.ProcessSpec) int { return cmp.Compare(of(p), of(q)) })
	}
}

// dropGroup forgets a group and its programs, and says whether it was there.
func (t *persisted) dropGroup(name string) bool {
	count := len(t.groups) + len(t.programs)
	t.groups = slices.DeleteFunc(t.groups, func(g *core.GroupSpec) bool { return g.Name == name })
	t.programs = slices.DeleteFunc(t.programs, func(a ProgramAddition) bool {
		gone := a.groupName() == name
		if gone {
			delete(t.index, a.Program)
		}
		return gone
	})
	return len(t.groups)+len(t.programs) < count
}

func (t *persisted) change(group, program string, source *core.ProgramSource, specs []*core.ProcessSpec) {
	if i := t.find(group, program); i >= 0 {
		t.programs[i].Source, t.programs[i].Specs = source, specs
	}
}

// configured adds what is persisted to the groups of a file. Where nothing is, the
// groups are the same.
func (t *persisted) configured(groups []*core.GroupSpec) []*core.GroupSpec {
	if t.empty() {
		return groups
	}
	out := slices.Clone(groups)
	find := func(name string) int {
		return slices.IndexFunc(out, func(g *core.GroupSpec) bool { return g.Name == name })
	}
	for _, g := range t.groups {
		if find(g.Name) < 0 {
			out = append(out, g)
		}
	}
	for _, a := range t.programs {
		i := find(a.groupName())
		switch {
		case i < 0 && a.Group == "":
			out = append(out, ownGroup(a.Program, a.Specs, a.Source))
		case i < 0: // the file has its group no more
		case !slices.ContainsFunc(out[i].Processes, func(p *core.ProcessSpec) bool { return p.Program == a.Program }):
			g := *out[i]
			g.Processes = slices.Concat(g.Processes, a.Specs)
			out[i] = &g
		}
	}
	slices.SortStableFunc(out, func(a, b *core.GroupSpec) int {
		return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// Persisted gives what counts as configured although it was added at run time.
func (s *Supervisor) Persisted(ctx context.Context) (groups []rpcinterface.GroupInfo, programs []ProgramAddition, err error) {
	type both struct {
		groups   []rpcinterface.GroupInfo
		programs []ProgramAddition
	}
	b, err := call(ctx, s, func(answer func(both, error)) {
		var b both
		for _, g := range s.persisted.groups {
			b.groups = append(b.groups, rpcinterface.GroupInfo{Name: g.Name, Priority: g.Priority})
		}
		b.programs = slices.Clone(s.persisted.programs)
		answer(b, nil)
	})
	return b.groups, b.programs, err
}

// Restore adds the groups and programs of a file, all or none, for the one who owns
// what is persisted: that is whoever asks first. A file that was taken in before is not
// looked at again: what became of its groups and programs since is known here. The
// faults are those of AddPrograms, and FAILED for another owner.
func (s *Supervisor) Restore(ctx context.Context, owner, file string, groups []*core.GroupSpec, programs []ProgramAddition) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		t := &s.persisted
		if len(t.restored) > 0 && t.owner != owner {
			answer(nothing{}, fault(rpcinterface.CodeFailed, fmt.Sprintf(
				"what is added at run time is kept already, by %s in %s", t.owner, t.restored[len(t.restored)-1])))
			return
		}
		if slices.Contains(t.restored, file) {
			answer(nothing{}, nil)
			return
		}
		s.addPrograms(groups, programs, func(err error) {
			if err == nil {
				t.owner = owner
				t.restored = append(t.restored, file)
			}
			answer(nothing{}, err)
		})
	})
	return err
}

// Restored lists the files that were taken in.
func (s *Supervisor) Restored(ctx context.Context) ([]string, error) {
	return call(ctx, s, func(answer func([]string, error)) { answer(slices.Clone(s.persisted.restored), nil) })
}
