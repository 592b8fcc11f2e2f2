package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// incorrect makes what the parser of options says a fault.
func incorrect(err error) error {
	var fault *rpcinterface.Fault
	if err == nil || errors.As(err, &fault) {
		return err
	}
	return rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, err.Error())
}

// addition parses a program that is to be added, with the parser of [program:x].
func (h *host) addition(in config.ProgramContext, p rpcinterface.NewProgram) supervisor.ProgramAddition {
	a := supervisor.ProgramAddition{Group: p.Group, Program: p.Program}
	a.Source = &core.ProgramSource{
		Options: config.Unique(p.Options), Dynamic: true, Persisted: p.Persisted, OwnGroup: p.Group == "",
	}
	name := p.Group
	if name == "" {
		name = p.Program
	}
	a.Specs, a.Err = config.ParseSource(h.env, in, name, p.Program, a.Source)
	if a.Err = incorrect(a.Err); a.Err == nil {
		a.Program, a.Err = programName(p.Program, a.Specs)
	}
	if a.Err == nil && p.Persisted {
		a.Err = h.writable(a)
	}
	return a
}

// programName is the name as it is read, which may have had blanks around it.
func programName(written string, specs []*core.ProcessSpec) (string, error) {
	if len(specs) == 0 {
		return "", rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "program "+written+" has no processes (numprocs)")
	}
	return specs[0].Program, nil
}

// writable refuses what would be another program when it is read from a file.
func (h *host) writable(a supervisor.ProgramAddition) error {
	p := config.PersistedProgram{Group: a.Group, Name: a.Program, Options: a.Source.Options}
	if err := config.CheckPersisted(p); err != nil {
		return incorrect(err)
	}
	source := *a.Source
	source.Options = config.AsText(source.Options)
	group := a.Group
	if group == "" {
		group = a.Program
	}
	again, err := config.ParseSource(h.env, h.context, group, a.Program, &source)
	if err == nil && !slices.EqualFunc(again, a.Specs, (*core.ProcessSpec).Equal) {
		err = fmt.Errorf("program %s cannot be written to a file: its options mean something else as text", a.Program)
	}
	return incorrect(err)
}

// AddGroup refuses what cannot be a group in a file.
func (h *host) AddGroup(ctx context.Context, group rpcinterface.GroupInfo, persisted bool) error {
	if persisted {
		if err := config.CheckPersistedGroup(group); err != nil {
			return incorrect(err)
		}
	}
	return h.Supervisor.AddGroup(ctx, group, persisted)
}

func (h *host) AddPrograms(ctx context.Context, programs []rpcinterface.NewProgram) error {
	list := make([]supervisor.ProgramAddition, len(programs))
	for i, p := range programs {
		list[i] = h.addition(h.context, p)
	}
	return h.Supervisor.AddPrograms(ctx, list)
}

// RemoveGroup also ends that a group counts as configured.
func (h *host) RemoveGroup(ctx context.Context, name string, lasting bool) error {
	return h.RemoveForGood(ctx, name, lasting)
}

func (h *host) Program(ctx context.Context, group, program string) (rpcinterface.ProgramInfo, error) {
	state, err := h.Supervisor.Program(ctx, group, program)
	if err != nil {
		return rpcinterface.ProgramInfo{}, err
	}
	info := rpcinterface.ProgramInfo{
		Group: group, Name: program,
		Dynamic: state.Source.Dynamic, Persisted: state.Source.Persisted, OwnGroup: state.Source.OwnGroup,
	}
	for _, o := range config.AsText(state.Source.Options) {
		info.Options = append(info.Options, rpcinterface.Option{Name: o.Name, Value: string(o.Value.(rpcinterface.String))})
	}
	for _, spec := range state.Specs {
		info.Processes = append(info.Processes, spec.Name)
	}
	return info, nil
}

// fixedOptions say which processes a program has; an update does not change them.
func fixedOption(name string) bool {
	switch strings.ToLower(name) {
	case "numprocs", "numprocs_start", "process_name":
		return true
	}
	return false
}

func (h *host) UpdateProgram(ctx context.Context, group, program string, options rpcinterface.Struct,
	strategy rpcinterface.UpdateStrategy, dryRun bool) ([]rpcinterface.ProcessUpdate, error) {
	switch strategy {
	case rpcinterface.UpdateNow, rpcinterface.UpdateRolling, rpcinterface.UpdateNext:
	default:
		return nil, rpcinterface.NewFault(rpcinterface.CodeBadArguments,
			fmt.Sprintf("strategy %s: there are now, rolling and next", strategy))
	}
	for _, o := range options {
		if fixedOption(o.Name) {
			return nil, rpcinterface.NewFault(rpcinterface.CodeBadArguments,
				fmt.Sprintf("%s says which processes there are; change their number, or add another program", o.Name))
		}
	}
	for {
		u, err := h.prepareUpdate(ctx, group, program, func(s *core.ProgramSource) *core.ProgramSource { return s.With(options) })
		if err != nil {
			return nil, err
		}
		u.Strategy, u.DryRun = strategy, dryRun
		updates, err := h.Supervisor.UpdateProgram(ctx, u)
		if !supervisor.Outdated(err) {
			return updates, err
		}
	}
}

// prepareUpdate parses a program anew with another source.
func (h *host) prepareUpdate(ctx context.Context, group, program string, change func(*core.ProgramSource) *core.ProgramSource) (supervisor.Update, error) {
	u := supervisor.Update{Group: group, Program: program}
	state, err := h.Supervisor.Program(ctx, group, program)
	if err != nil {
		return u, err
	}
	if kind := state.Specs[0].Kind; kind != core.PlainProgram {
		return u, rpcinterface.NewFault(rpcinterface.CodeBadArguments, fmt.Sprintf("%s is no plain program", program))
	}
	u.Before, u.Source = state.Source, change(state.Source)
	u.Specs, err = config.ParseSource(h.env, h.context, group, program, u.Source)
	if err == nil && u.Source.Persisted {
		a := supervisor.ProgramAddition{Group: group, Program: program, Source: u.Source, Specs: u.Specs}
		if u.Source.OwnGroup {
			a.Group = ""
		}
		err = h.writable(a)
	}
	return u, incorrect(err)
}

func (h *host) SetNumProcs(ctx context.Context, group, program string, n int) (added, removed []string, err error) {
	if n < 1 {
		return nil, nil, rpcinterface.NewFault(rpcinterface.CodeBadArguments,
			fmt.Sprintf("numprocs %d: a program has one process at least; remove the program instead", n))
	}
	numprocs := rpcinterface.Struct{{Name: "numprocs", Value: rpcinterface.Int(n)}}
	for {
		u, err := h.prepareUpdate(ctx, group, program, func(s *core.ProgramSource) *core.ProgramSource { return s.With(numprocs) })
		if err != nil {
			return nil, nil, err
		}
		added, removed, err := h.Supervisor.SetNumProcs(ctx, supervisor.NumProcs{
			Group: group, Program: program, Before: u.Before, Source: u.Source, Specs: u.Specs,
		})
		if !supervisor.Outdated(err) {
			return added, removed, err
		}
	}
}

// PersistedPrograms gives what is persisted as text.
func (h *host) PersistedPrograms(ctx context.Context) (string, error) {
	groups, programs, err := h.Persisted(ctx)
	if err != nil {
		return "", err
	}
	p := config.Persisted{Groups: groups}
	for _, a := range programs {
		p.Programs = append(p.Programs, config.PersistedProgram{Group: a.Group, Name: a.Program, Options: a.Source.Options})
	}
	return p.Format(), nil
}

// RestorePrograms reads what PersistedPrograms wrote. CANT_REREAD for what cannot be
// read, options included.
func (h *host) RestorePrograms(ctx context.Context, extension, path, sections string) error {
	if err := notIncluded([]string{path}, h.context.File, h.included); err != nil {
		return rpcinterface.NewFault(rpcinterface.CodeBadArguments, err.Error())
	}
	p, err := config.ParsePersisted(path, sections)
	if err != nil {
		return rpcinterface.NewFault(rpcinterface.CodeCantReread, err.Error())
	}
	groups := make([]*core.GroupSpec, len(p.Groups))
	for i, g := range p.Groups {
		groups[i] = &core.GroupSpec{Name: g.Name, Priority: g.Priority, Dynamic: true, Persisted: true}
	}
	in := h.context
	in.File = path
	list := make([]supervisor.ProgramAddition, len(p.Programs))
	for i, program := range p.Programs {
		list[i] = h.addition(in, rpcinterface.NewProgram{
			Group: program.Group, Program: program.Name, Options: program.Options, Persisted: true,
		})
		if err := list[i].Err; err != nil {
			return rpcinterface.NewFault(rpcinterface.CodeCantReread, optionsText(err))
		}
	}
	return h.Restore(ctx, extension, path, groups, list)
}

// optionsText is what a fault about options says, without the fault's name.
func optionsText(err error) string {
	return strings.TrimPrefix(rpcinterface.AsFault(err).Message, "INCORRECT_PARAMETERS: ")
}

// notIncluded refuses a configuration that has persisted programs in it.
func notIncluded(persisted []string, file string, included []string) error {
	for _, path := range persisted {
		for _, other := range append([]string{file}, included...) {
			if sameFile(other, path) {
				return fmt.Errorf("%s is read as a part of the configuration %s too, as %s; take it out of [include]", path, file, other)
			}
		}
	}
	return nil
}

func sameFile(a, b string) bool {
	if filepath.Clean(a) == filepath.Clean(b) {
		return true
	}
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
