package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func compareProcesses(a, b *core.ProcessSpec) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
}

func compareGroups(a, b *core.GroupSpec) int {
	return cmp.Or(cmp.Compare(a.Priority, b.Priority), cmp.Compare(a.Name, b.Name))
}

// Diff compares the groups that live with those configured, as supervisor.
// reloadConfig answers: the names of the added and changed in the order of
// configured, those of the removed in the order of live.
func Diff(live, configured []*core.GroupSpec) (added, changed, removed []string) {
	byName := make(map[string]*core.GroupSpec, len(live))
	for _, g := range live {
		byName[g.Name] = g
	}
	known := make(map[string]bool, len(configured))
	for _, g := range configured {
		known[g.Name] = true
		old, ok := byName[g.Name]
		switch {
		case !ok:
			added = append(added, g.Name)
		case !g.Equal(old):
			changed = append(changed, g.Name)
		}
	}
	for _, g := range live {
		if !known[g.Name] {
			removed = append(removed, g.Name)
		}
	}
	return added, changed, removed
}

// readGroups reads [group:x] and then the programs that are in no group, each a
// group of its own.
func (l *loader) readGroups() error {
	if err := l.refuseUnsupported(); err != nil {
		return err
	}
	grouped := map[string]bool{}
	for _, section := range l.doc.prefixed("group:") {
		if err := l.readGroup(section, grouped); err != nil {
			return err
		}
	}
	for _, section := range l.doc.prefixed("program:") {
		if grouped[section.Name()] {
			continue
		}
		name, err := parseName(rpcinterface.String(strings.TrimPrefix(section.Name(), "program:")))
		if err != nil {
			return err
		}
		priority, err := l.priority(section)
		if err != nil {
			return err
		}
		processes, err := l.readProgram(section, name)
		if err != nil {
			return err
		}
		l.cfg.Groups = append(l.cfg.Groups, &core.GroupSpec{Name: name, Priority: priority, Processes: processes})
	}
	slices.SortStableFunc(l.cfg.Groups, compareGroups)
	return nil
}

// refuseUnsupported names the sections that this version cannot serve.
func (l *loader) refuseUnsupported() error {
	for _, section := range l.doc.sections() {
		for _, prefix := range []string{"eventlistener:", "fcgi-program:"} {
			if strings.HasPrefix(section.Name(), prefix) {
				return inPlace(fmt.Errorf("%s* is not supported by this version", prefix), section.Name(), l.doc.fileOf(section.Name(), l.cfg.File))
			}
		}
	}
	return nil
}

func (l *loader) priority(section *ini.Section) (int64, error) {
	s, ok, err := l.get(section, "priority", l.here)
	if err != nil || !ok {
		return 999, err
	}
	return ParseInteger(s)
}

func (l *loader) readGroup(section *ini.Section, grouped map[string]bool) error {
	name, err := parseName(rpcinterface.String(strings.TrimPrefix(section.Name(), "group:")))
	if err != nil {
		return err
	}
	programs, _, err := l.get(section, "programs", l.here)
	if err != nil {
		return err
	}
	group := &core.GroupSpec{Name: name}
	if group.Priority, err = l.priority(section); err != nil {
		return err
	}
	blamed := section.Name()
	for _, program := range parseList(programs) {
		programSection := "program:" + program
		if !l.doc.has(programSection) {
			return fmt.Errorf("[%s] names unknown program or fcgi-program %s", blamed, program)
		}
		blamed = programSection // as the reference does, by mistake
		grouped[programSection] = true
		processes, err := l.readProgram(l.doc.section(programSection), name)
		if err != nil {
			return err
		}
		group.Processes = append(group.Processes, processes...)
	}
	l.cfg.Groups = append(l.cfg.Groups, group)
	return nil
}

// readProgram reads the processes of a section. Variables of [supervisord]
// environment= come first in their environment, and the program's override them.
func (l *loader) readProgram(section *ini.Section, group string) ([]*core.ProcessSpec, error) {
	p := newProgram(l.env, l.cfg.Here, section.Name(), group)
	p.global = l.env.expansions()
	p.warn = func(text string) { l.cfg.Warnings = append(l.cfg.Warnings, text) }
	for _, k := range l.doc.keys(section) {
		p.options[k.Name()] = rpcinterface.String(k.Value())
	}
	processes, err := p.parse()
	if err != nil {
		return nil, placed(err, section.Name(), l.doc.fileOf(section.Name(), l.cfg.File))
	}
	for _, proc := range processes {
		env := slices.Clone(l.cfg.Supervisord.Environment)
		for _, v := range proc.Environment {
			env = setEnv(env, v.Name, v.Value)
		}
		proc.Environment = env
	}
	return processes, nil
}
