// Package twiddler is the namespace that changes what a running supervisor
// supervises: programs are added to its groups and removed again, without a
// configuration file. The first five methods, their faults and texts are those of the
// Python extension supervisor_twiddler 1.0, so its clients need not know the
// difference; the others (programs.go) are this namespace's own.
//
// With persist= what is added, changed and removed is kept in a file (store.go).
//
// It is also the example of how a namespace is written: everything it needs of
// the supervisor it asks the sdk's Host for, one verb each, and what a verb
// refuses is the client's fault as it is.
package twiddler

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/sdk"
)

// apiVersion is that of the methods, which has not changed since the original's.
const apiVersion = "1.0"

// codeNotInWhitelist is a fault code of this namespace alone.
const codeNotInWhitelist = 230

// extensionVersion is that of all methods.
const extensionVersion = "2.0"

//go:embed twiddler.go programs.go
var source embed.FS

// Plugin declares the namespace.
func Plugin() sdk.Plugin {
	return sdk.Plugin{
		Version: extensionVersion,
		Factory: sdk.FactoryOf(newTwiddler),
		Sources: source,
		Grants: []sdk.Grant{
			sdk.GrantProgramsWrite, sdk.GrantLogWrite, sdk.GrantStdinWrite, sdk.GrantProcessesRead,
			sdk.GrantProcessesControl, sdk.GrantEventsPublish,
		},
		ExclusiveKeys:  []string{persistKey}, // the file has one writer
		Commands:       commands(),
		ResultHandlers: map[string]sdk.ResultHandler{"stdin_write_handler": writeStdin},
	}
}

type twiddler struct {
	host      sdk.Host
	whitelist []string // empty: every method is allowed
	store     *store   // nil: nothing is persisted
	journal   journal
}

func newTwiddler(host sdk.Host, cfg sdk.Config) (*twiddler, error) {
	t := &twiddler{host: host, whitelist: cfg.Strings("whitelist")}
	if path := cfg.String(persistKey, ""); path != "" {
		t.store = &store{host: host, path: path}
		if err := t.store.load(context.Background()); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// BeforeCall lets nothing be twiddled while the supervisor shuts down, and no
// method be called that is not in a whitelist.
func (t *twiddler) BeforeCall(ctx context.Context, method string) error {
	if sdk.StateFrom(ctx) == sdk.SupervisorShutdown {
		return sdk.NewFault(sdk.CodeShutdownState)
	}
	if len(t.whitelist) > 0 && !slices.Contains(t.whitelist, method) {
		return sdk.NewFault(codeNotInWhitelist, method)
	}
	return nil
}

// GetAPIVersion tells the version of these methods.
//
// @return int version   The version, such as "1.0"
func (t *twiddler) GetAPIVersion() string {
	return apiVersion
}

// GetGroupNames lists the process groups, in the order in which they were added.
//
// @return array   The names of the groups
func (t *twiddler) GetGroupNames(ctx context.Context) ([]string, error) {
	groups, err := t.host.Groups(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(groups))
	for i, g := range groups {
		names[i] = g.Name
	}
	return names, nil
}

// Log writes a line to the supervisor's main log, say about what is being
// twiddled. The level is one of CRIT, ERRO, WARN, INFO, DEBG, TRAC and BLAT, or
// its number; INFO where none is given.
//
// @param string message       The line
// @param string|int level     The level's name or number
// @return boolean             True, unless there is a fault
func (t *twiddler) Log(ctx context.Context, message sdk.Value, level sdk.Optional[sdk.Value]) error {
	l, ok := logLevel(level.Or(sdk.Int(sdk.LevelInfo)))
	if !ok {
		return sdk.NewFault(sdk.CodeIncorrectParameters)
	}
	switch message := message.(type) {
	case sdk.String:
		return t.host.Log(ctx, l, string(message))
	case sdk.Bytes:
		return t.host.Log(ctx, l, string(message))
	}
	return nil // what is no text cannot be logged, and is no fault
}

// AddProgramToGroup adds a program to a group that exists, as though the
// configuration file had it. One process is added for each of the program's
// numprocs, and either all are or none is.
//
// @param string group_name         The group
// @param string program_name       What to call the program
// @param struct program_options    The options of a [program:x] section
// @return boolean                  True, unless there is a fault
func (t *twiddler) AddProgramToGroup(ctx context.Context, group, program, options sdk.Value) error {
	groupName, err := groupNameOf(group)
	if err != nil {
		return err
	}
	programName, named := sdk.Text(program)
	section, ok := sectionOf(options)
	if !named || !ok {
		return t.refuse(ctx, groupName, sdk.NewFault(sdk.CodeIncorrectParameters))
	}
	if t.store == nil {
		return t.last(ctx, "addProgramToGroup", groupName, programName, func(host sdk.Host) error {
			return host.AddProgram(ctx, groupName, programName, section)
		})
	}
	return t.change(ctx, "addProgramToGroup", groupName, programName, func() (string, error) {
		return "", t.host.AddPrograms(ctx, []sdk.NewProgram{{
			Group: groupName, Program: programName, Options: section, Persisted: true,
		}})
	})
}

// RemoveProcessFromGroup removes one process, which must have stopped, from its
// group. The processes that a program was added as are removed one by one.
//
// @param string group_name      The group
// @param string process_name    The process, not the program
// @return boolean               True, unless there is a fault
func (t *twiddler) RemoveProcessFromGroup(ctx context.Context, group, process sdk.Value) error {
	groupName, err := groupNameOf(group)
	if err != nil {
		return err
	}
	switch process := process.(type) {
	case sdk.String:
		remove := func(host sdk.Host) error { return host.RemoveProcess(ctx, groupName, string(process)) }
		if t.store == nil {
			return t.last(ctx, "removeProcessFromGroup", groupName, string(process), remove)
		}
		return t.change(ctx, "removeProcessFromGroup", groupName, string(process), func() (string, error) {
			return "", remove(t.host)
		})
	case sdk.Nil:
		return t.refuse(ctx, groupName, sdk.NewFault(sdk.CodeBadName))
	}
	if text, ok := sdk.Text(process); ok {
		return t.refuse(ctx, groupName, sdk.NewFault(sdk.CodeBadName, text))
	}
	return t.refuse(ctx, groupName, sdk.NewFault(sdk.CodeIncorrectParameters))
}

// refuse answers a fault of the other arguments, which comes after the group's.
func (t *twiddler) refuse(ctx context.Context, group string, fault *sdk.Fault) error {
	groups, err := t.host.Groups(ctx)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(groups, func(g sdk.GroupInfo) bool { return g.Name == group }) {
		return sdk.NewFault(sdk.CodeBadName, "group: "+group)
	}
	return fault
}

// groupNameOf gives the name that a client means. A value that is no string is
// the name of no group, even where its text is.
func groupNameOf(v sdk.Value) (string, error) {
	name, ok := sdk.Text(v)
	switch v.(type) {
	case sdk.String, sdk.Bytes:
		return name, nil
	}
	if !ok {
		return "", sdk.NewFault(sdk.CodeIncorrectParameters)
	}
	return "", sdk.NewFault(sdk.CodeBadName, "group: "+name)
}

// logLevel finds a level by its name or number.
func logLevel(v sdk.Value) (sdk.LogLevel, bool) {
	var level sdk.LogLevel
	switch v := v.(type) {
	case sdk.Int:
		level = sdk.LogLevel(v)
	case sdk.Double:
		level = sdk.LogLevel(v)
		if float64(level) != float64(v) {
			return 0, false
		}
	case sdk.String, sdk.Bytes:
		name, _ := sdk.Text(v)
		for l := sdk.LevelBlat; l <= sdk.LevelCrit; l++ {
			if l.String() == strings.ToUpper(name) {
				level = l
			}
		}
	}
	return level, level.String() != ""
}

// sectionOf reads what Python's dict takes: a struct, or anything that consists
// of pairs of a name and a value, in which a later pair beats an earlier one.
func sectionOf(v sdk.Value) (sdk.Struct, bool) {
	if section, ok := v.(sdk.Struct); ok {
		return section, true
	}
	pairs, ok := elementsOf(v)
	if !ok {
		return nil, false
	}
	section := sdk.Struct{}
	for _, p := range pairs {
		pair, ok := elementsOf(p)
		if !ok || len(pair) != 2 {
			return nil, false
		}
		name, ok := pair[0].(sdk.String)
		if !ok {
			return nil, false
		}
		member := sdk.Member{Name: string(name), Value: pair[1]}
		i := slices.IndexFunc(section, func(m sdk.Member) bool { return m.Name == member.Name })
		if i >= 0 {
			section[i] = member
		} else {
			section = append(section, member)
		}
	}
	return section, true
}

// elementsOf takes a value apart as Python iterates over it: an array into its
// elements, a string into its characters, a struct into its names.
func elementsOf(v sdk.Value) ([]sdk.Value, bool) {
	var out []sdk.Value
	switch v := v.(type) {
	case sdk.Array:
		return v, true
	case sdk.String:
		for _, char := range string(v) {
			out = append(out, sdk.String(char))
		}
	case sdk.Struct:
		for _, m := range v {
			out = append(out, sdk.String(m.Name))
		}
	default:
		return nil, false
	}
	return out, true
}

// writeStdin is a result handler: what follows "STDIN:" in a listener's result
// goes to the standard input of the process that the event is about. A process
// that cannot take it any more is no reason to send the event again. Any other
// result is judged as the default handler does, which accepts "OK" alone.
func writeStdin(ctx context.Context, host sdk.Host, event sdk.Event, result []byte) (bool, error) {
	input, ok := bytes.CutPrefix(result, []byte("STDIN:"))
	if !ok {
		return string(result) == "OK", nil
	}
	if event.Process == "" {
		return false, fmt.Errorf("%s is about no process to write to", event.Name)
	}
	err := host.WriteStdin(ctx, sdk.Namespec(event.Group, event.Process), input)
	if fault, ok := errors.AsType[*sdk.Fault](err); ok && fault.Code != sdk.CodeFailed {
		return true, nil
	}
	return err == nil, err
}
