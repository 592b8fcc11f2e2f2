package sdktest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/sdk"
)

// program finds a program of a group. The caller holds the lock.
func (h *Host) program(group, name string) (int, error) {
	if h.group(group) < 0 {
		return -1, sdk.NewFault(sdk.CodeBadName, "group: "+group)
	}
	i := slices.IndexFunc(h.programs, func(p sdk.ProgramInfo) bool { return p.Group == group && p.Name == name })
	if i < 0 {
		return -1, sdk.NewFault(sdk.CodeBadName, name)
	}
	return i, nil
}

// SetPersisted says what PersistedPrograms answers.
func (h *Host) SetPersisted(sections string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.persisted = sections
}

func (h *Host) AddPersistedGroup(_ context.Context, group sdk.GroupInfo) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("AddPersistedGroup", group); err != nil {
		return err
	}
	return h.addGroup(group)
}

func (h *Host) addGroup(group sdk.GroupInfo) error {
	if h.group(group.Name) >= 0 {
		return sdk.NewFault(sdk.CodeAlreadyAdded, group.Name)
	}
	h.groups = append(h.groups, group)
	return nil
}

// AddPrograms adds a stopped process of the program's name for each.
func (h *Host) AddPrograms(_ context.Context, programs []sdk.NewProgram) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("AddPrograms", programs); err != nil {
		return err
	}
	groups, processes, list := slices.Clone(h.groups), slices.Clone(h.processes), slices.Clone(h.programs)
	for _, p := range programs {
		if err := h.addProgram(p); err != nil {
			h.groups, h.processes, h.programs = groups, processes, list // all or none
			return err
		}
	}
	return nil
}

func (h *Host) addProgram(p sdk.NewProgram) error {
	own := p.Group == ""
	if own {
		p.Group = p.Program
		if err := h.addGroup(sdk.GroupInfo{Name: p.Group, Priority: 999}); err != nil {
			return err
		}
	}
	if h.group(p.Group) < 0 {
		return sdk.NewFault(sdk.CodeBadName, "group: "+p.Group)
	}
	if h.process(p.Group, p.Program) >= 0 {
		return sdk.NewFault(sdk.CodeBadName, p.Program)
	}
	info := sdk.ProgramInfo{
		Group: p.Group, Name: p.Program, Processes: []string{p.Program},
		Dynamic: true, Persisted: p.Persisted, OwnGroup: own,
	}
	for _, o := range p.Options {
		text, _ := sdk.Text(o.Value)
		info.Options = append(info.Options, sdk.Option{Name: o.Name, Value: text})
	}
	h.programs = append(h.programs, info)
	h.processes = append(h.processes, sdk.ProcessInfo{Name: p.Program, Group: p.Group})
	return nil
}

func (h *Host) RemoveProgram(_ context.Context, group, program string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("RemoveProgram", group, program); err != nil {
		return err
	}
	i, err := h.program(group, program)
	if err != nil {
		return err
	}
	info := h.programs[i]
	for _, name := range info.Processes {
		if j := h.process(group, name); j >= 0 && !h.processes[j].State.Stopped() {
			return sdk.NewFault(sdk.CodeStillRunning, name)
		}
	}
	h.programs = slices.Delete(h.programs, i, i+1)
	h.processes = slices.DeleteFunc(h.processes, func(p sdk.ProcessInfo) bool {
		return p.Group == group && slices.Contains(info.Processes, p.Name)
	})
	if info.OwnGroup {
		h.groups = slices.DeleteFunc(h.groups, func(g sdk.GroupInfo) bool { return g.Name == group })
	}
	return nil
}

func (h *Host) Program(_ context.Context, group, program string) (sdk.ProgramInfo, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("Program", group, program); err != nil {
		return sdk.ProgramInfo{}, err
	}
	i, err := h.program(group, program)
	if err != nil {
		return sdk.ProgramInfo{}, err
	}
	return h.programs[i], nil
}

// UpdateProgram sets the options and restarts nothing: what would be is not known
// here.
func (h *Host) UpdateProgram(_ context.Context, group, program string, options sdk.Struct, strategy sdk.UpdateStrategy, dryRun bool) ([]sdk.ProcessUpdate, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("UpdateProgram", group, program, options, strategy, dryRun); err != nil {
		return nil, err
	}
	i, err := h.program(group, program)
	if err != nil {
		return nil, err
	}
	info := &h.programs[i]
	var changed []string
	written := slices.Clone(info.Options)
	for _, o := range options {
		text, _ := sdk.Text(o.Value)
		j := slices.IndexFunc(written, func(old sdk.Option) bool { return old.Name == o.Name })
		switch {
		case j < 0:
			written = append(written, sdk.Option{Name: o.Name, Value: text})
		case written[j].Value == text:
			continue
		default:
			written[j].Value = text
		}
		changed = append(changed, o.Name)
	}
	slices.Sort(changed)
	if !dryRun {
		info.Options = written
	}
	var out []sdk.ProcessUpdate
	for _, name := range info.Processes {
		u := sdk.ProcessUpdate{Name: name, Changed: changed, How: sdk.UpdatedLive}
		if len(changed) == 0 {
			u.How = sdk.UpdatedNone
		}
		out = append(out, u)
	}
	return out, nil
}

// SetNumProcs names processes after the program and their number.
func (h *Host) SetNumProcs(_ context.Context, group, program string, n int) (added, removed []string, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("SetNumProcs", group, program, n); err != nil {
		return nil, nil, err
	}
	i, err := h.program(group, program)
	if err != nil {
		return nil, nil, err
	}
	info := &h.programs[i]
	info.Processes = slices.Clone(info.Processes)
	for len(info.Processes) < n {
		name := fmt.Sprintf("%s_%d", program, len(info.Processes))
		info.Processes = append(info.Processes, name)
		h.processes = append(h.processes, sdk.ProcessInfo{Name: name, Group: group})
		added = append(added, name)
	}
	for len(info.Processes) > max(n, 0) {
		last := len(info.Processes) - 1
		name := info.Processes[last]
		info.Processes = info.Processes[:last]
		h.processes = slices.DeleteFunc(h.processes, func(p sdk.ProcessInfo) bool { return p.Group == group && p.Name == name })
		removed = append(removed, name)
	}
	return added, removed, nil
}

// RestorePrograms keeps the text, for PersistedPrograms. Text whose first line is
// neither a comment nor the head of a section is CANT_REREAD.
func (h *Host) RestorePrograms(_ context.Context, path, sections string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.begin("RestorePrograms", path, sections); err != nil {
		return err
	}
	if sections != "" && !strings.ContainsRune(";#[\r\n", rune(sections[0])) {
		return sdk.NewFault(sdk.CodeCantReread, "it is no configuration file")
	}
	h.persisted = sections
	return nil
}

func (h *Host) PersistedPrograms(context.Context) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.persisted, h.begin("PersistedPrograms")
}
