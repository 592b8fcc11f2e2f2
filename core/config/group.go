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

// readGroups reads [group:x], then what stands alone, each a group of its own:
// programs, event listeners, FastCGI programs.
func (l *loader) readGroups() error {
	grouped := map[string]bool{}
	for _, section := range l.doc.prefixed("group:") {
		if err := l.readGroup(section, grouped); err != nil {
			return err
		}
	}
	for _, kind := range []struct {
		prefix string
		read   func(*ini.Section) (*core.GroupSpec, error)
	}{
		{programPrefix, l.readLoneProgram},
		{listenerPrefix, l.readListener},
		{fastCGIPrefix, l.readFastCGI},
	} {
		for _, section := range l.doc.prefixed(kind.prefix) {
			if grouped[section.Name()] {
				continue
			}
			group, err := kind.read(section)
			if err != nil {
				return err
			}
			l.cfg.Groups = append(l.cfg.Groups, group)
		}
	}
	slices.SortStableFunc(l.cfg.Groups, compareGroups)
	return nil
}

// What the names of sections with processes begin with.
const (
	programPrefix  = "program:"
	listenerPrefix = "eventlistener:"
	fastCGIPrefix  = "fcgi-program:"
)

func (l *loader) priority(section *ini.Section, missing int64) (int64, error) {
	s, ok, err := l.get(section, "priority", l.here)
	if err != nil || !ok {
		return missing, err
	}
	return ParseInteger(s)
}

func (l *loader) readGroup(section *ini.Section, grouped map[string]bool) error {
	name, err := groupName(section)
	if err != nil {
		return err
	}
	programs, _, err := l.get(section, "programs", l.here)
	if err != nil {
		return err
	}
	group := &core.GroupSpec{Name: name}
	if group.Priority, err = l.priority(section, 999); err != nil {
		return err
	}
	blamed := section.Name()
	for _, program := range parseList(programs) {
		plain, fastCGI := l.doc.has(programPrefix+program), l.doc.has(fastCGIPrefix+program)
		member := programPrefix + program
		switch {
		case plain && fastCGI:
			return fmt.Errorf("[%s] name %s is ambiguous (exists as program and fcgi-program)", blamed, program)
		case fastCGI: // a plain program in a group: the reference gives it no socket
			member = fastCGIPrefix + program
		case !plain:
			return fmt.Errorf("[%s] names unknown program or fcgi-program %s", blamed, program)
		}
		blamed = member // as the reference does, by mistake
		grouped[member] = true
		processes, err := l.readProgram(l.doc.section(member), name)
		if err != nil {
			return err
		}
		group.Processes = append(group.Processes, processes...)
	}
	l.cfg.Groups = append(l.cfg.Groups, group)
	return nil
}

// groupName gives the name of the group that a section makes.
func groupName(section *ini.Section) (string, error) {
	return parseName(rpcinterface.String(afterColon(section)))
}

func afterColon(section *ini.Section) string {
	_, name, _ := strings.Cut(section.Name(), ":")
	return name
}

func (l *loader) readLoneProgram(section *ini.Section) (*core.GroupSpec, error) {
	name, err := groupName(section)
	if err != nil {
		return nil, err
	}
	group := &core.GroupSpec{Name: name}
	if group.Priority, err = l.priority(section, 999); err != nil {
		return nil, err
	}
	group.Processes, err = l.readProgram(section, name)
	return group, err
}

// readProgram reads the processes of a section. Variables of [supervisord]
// environment= come first in their environment, and the program's override them.
func (l *loader) readProgram(section *ini.Section, group string) ([]*core.ProcessSpec, error) {
	source := new(core.ProgramSource)
	for _, k := range l.doc.keys(section) { // each once, in lower case
		source.Options = append(source.Options, rpcinterface.Member{Name: k.Name(), Value: rpcinterface.String(k.Value())})
	}
	p := newProgram(l.env, l.cfg.Here, section.Name(), group, source)
	p.global = l.env.expansions()
	p.warn = func(text string) { l.cfg.Warnings = append(l.cfg.Warnings, text) }
	processes, err := p.parse()
	if err != nil {
		return nil, placed(err, section.Name(), l.doc.fileOf(section.Name(), l.cfg.File))
	}
	inherit(processes, l.cfg.Supervisord.Environment)
	return processes, nil
}
