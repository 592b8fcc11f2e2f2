package supervisor

import (
	"cmp"
	"context"
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
	// restored are the files that were taken in.
	restored map[string]bool
}

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

// drop forgets a program, and says whether it was there.
func (t *persisted) drop(group, program string) bool {
	i := t.find(group, program)
	if i < 0 {
		return false
	}
	t.programs = slices.Delete(t.programs, i, i+1)
	delete(t.index, program)
	return true
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
	if len(t.groups)+len(t.programs) == 0 {
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

// Restore adds the groups and programs of a file, all or none. A file that was taken
// in before is not looked at again: what became of its groups and programs since is
// known here. The faults are those of AddPrograms.
func (s *Supervisor) Restore(ctx context.Context, file string, groups []*core.GroupSpec, programs []ProgramAddition) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		if s.persisted.restored[file] {
			answer(nothing{}, nil)
			return
		}
		s.addPrograms(groups, programs, func(err error) {
			if err == nil {
				if s.persisted.restored == nil {
					s.persisted.restored = map[string]bool{}
				}
				s.persisted.restored[file] = true
			}
			answer(nothing{}, err)
		})
	})
	return err
}
