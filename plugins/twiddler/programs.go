package twiddler

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
)

// GetExtensionVersion tells the version of this extension. That of the methods which
// it shares with the original is getAPIVersion's.
//
// @return string version   The version, such as "2.0"
func (t *twiddler) GetExtensionVersion() string { return extensionVersion }

// AddGroup adds an empty group.
//
// @param string name       The group
// @param struct options    priority is the only one
// @return boolean          True, unless there is a fault
func (t *twiddler) AddGroup(ctx context.Context, name string, options sdk.Optional[sdk.Struct]) error {
	group := sdk.GroupInfo{Name: name, Priority: 999}
	if !isName(name) {
		return sdk.NewFault(sdk.CodeBadName, name)
	}
	for _, o := range options.Or(nil) {
		text, _ := sdk.Text(o.Value)
		priority, err := strconv.ParseInt(text, 10, 64)
		switch {
		case strings.ToLower(o.Name) != "priority":
			return sdk.NewFault(sdk.CodeIncorrectParameters, "a group has no option "+o.Name)
		case err != nil:
			return sdk.NewFault(sdk.CodeIncorrectParameters, "priority is no number: "+text)
		}
		group.Priority = priority
	}
	return t.change(ctx, "addGroup", name, "", func() (string, error) {
		if t.store != nil {
			return "", t.host.AddPersistedGroup(ctx, group)
		}
		return "", t.host.AddGroup(ctx, group)
	})
}

// isName says whether a group can have the name.
func isName(name string) bool {
	return name != "" && name == strings.TrimSpace(name) && !strings.ContainsAny(name, " :/[]\n\r\t;#")
}

// RemoveGroup removes a group whose processes have all stopped.
//
// @param string name   The group
// @return boolean      True, unless there is a fault
func (t *twiddler) RemoveGroup(ctx context.Context, name string) error {
	return t.change(ctx, "removeGroup", name, "", func() (string, error) {
		return "", t.host.RemoveGroup(ctx, name)
	})
}

// AddProgram adds a program in a group of its own, which has the program's name and
// goes with it.
//
// @param string name       What to call the program
// @param struct options    The options of a [program:x] section
// @return boolean          True, unless there is a fault
func (t *twiddler) AddProgram(ctx context.Context, name string, options sdk.Struct) error {
	if !isName(name) {
		return sdk.NewFault(sdk.CodeBadName, name)
	}
	return t.change(ctx, "addProgram", name, name, func() (string, error) {
		return "", t.host.AddPrograms(ctx, []sdk.NewProgram{{Program: name, Options: options, Persisted: t.store != nil}})
	})
}

// newProgram is one of the programs of AddPrograms.
type newProgram struct {
	Group   *string
	Name    string
	Options sdk.Struct
}

// AddPrograms adds many programs, all or none.
//
// @param array programs    Structs with name, options and, but for those in a group of their own, group
// @return boolean          True, unless there is a fault
func (t *twiddler) AddPrograms(ctx context.Context, programs []newProgram) error {
	list := make([]sdk.NewProgram, len(programs))
	names := make([]string, len(programs))
	for i, p := range programs {
		list[i] = sdk.NewProgram{Program: p.Name, Options: p.Options, Persisted: t.store != nil}
		names[i] = p.Name
		if p.Group != nil {
			list[i].Group = *p.Group
			names[i] = sdk.Namespec(*p.Group, p.Name)
		}
		if list[i].Group == "" && !isName(p.Name) {
			return sdk.NewFault(sdk.CodeBadName, p.Name)
		}
	}
	return t.change(ctx, "addPrograms", "", "", func() (string, error) {
		return strings.Join(names, " "), t.host.AddPrograms(ctx, list)
	})
}

// GetProgramOptions tells the options of a program that are in force, as they would
// stand in the file.
//
// @param string group      The group
// @param string program    The program
// @return struct options   The options that are set
func (t *twiddler) GetProgramOptions(ctx context.Context, group, program string) (sdk.Struct, error) {
	info, err := t.host.Program(ctx, group, program)
	if err != nil {
		return nil, err
	}
	options := sdk.Struct{}
	for _, o := range info.Options {
		options = append(options, sdk.Member{Name: o.Name, Value: sdk.String(o.Value)})
	}
	return options, nil
}

// processUpdate is what UpdateProgram tells of a process.
type processUpdate struct {
	Name    string
	Changed []string
	How     string
	Reason  string
}

// UpdateProgram changes options of a program. What a live process can take, such as
// autorestart, stop settings, priorities, the limits of logs and their events, it
// takes without a restart. What else is changed it gets by the strategy: "now" starts
// all processes anew that need it, "rolling" one after the other, each when the one
// before is RUNNING, until one fails, "next" leaves it to their next start.
//
// @param string group       The group
// @param string program     The program
// @param struct options     The options to set; an empty one goes back to its default
// @param string strategy    now, rolling or next (default now)
// @param boolean dryRun     Say what would be done and do nothing (default false)
// @return array result      Structs with name, changed, how (none, live, restarted, next, failed, kept) and reason
func (t *twiddler) UpdateProgram(ctx context.Context, group, program string, options sdk.Struct,
	strategy sdk.Optional[string], dryRun sdk.Optional[bool]) ([]processUpdate, error) {
	how := sdk.UpdateStrategy(strategy.Or(string(sdk.UpdateNow)))
	var updates []sdk.ProcessUpdate
	update := func() (string, error) {
		err := t.isPersisted(ctx, group, program)
		if err == nil {
			updates, err = t.host.UpdateProgram(ctx, group, program, options, how, dryRun.Or(false))
		}
		return describe(options, updates), err
	}
	var err error
	if dryRun.Or(false) {
		_, err = update()
	} else {
		err = t.change(ctx, "updateProgram", group, program, update)
	}
	out := make([]processUpdate, len(updates))
	for i, u := range updates {
		out[i] = processUpdate{u.Name, append([]string{}, u.Changed...), string(u.How), u.Reason}
	}
	return out, err
}

// describe tells an update in a line: values may be secrets.
func describe(options sdk.Struct, updates []sdk.ProcessUpdate) string {
	var words []string
	for _, o := range options {
		words = append(words, o.Name)
	}
	for _, u := range updates {
		words = append(words, u.Name+"="+string(u.How))
	}
	return strings.Join(words, " ")
}

// numProcsChange is what SetNumProcs did.
type numProcsChange struct {
	Added, Removed []string
}

// SetNumProcs changes how many processes a program has. New ones come at the end;
// the last ones are stopped, the newest first, and removed.
//
// @param string group      The group
// @param string program    The program
// @param int numprocs      How many there are to be, at least 1
// @return struct result    The names of those added and removed
func (t *twiddler) SetNumProcs(ctx context.Context, group, program string, numprocs int) (numProcsChange, error) {
	result := numProcsChange{Added: []string{}, Removed: []string{}}
	err := t.change(ctx, "setNumProcs", group, program, func() (string, error) {
		if err := t.isPersisted(ctx, group, program); err != nil {
			return "", err
		}
		added, removed, err := t.host.SetNumProcs(ctx, group, program, numprocs)
		result.Added, result.Removed = append(result.Added, added...), append(result.Removed, removed...)
		return strconv.Itoa(numprocs), err
	})
	return result, err
}

// RemoveProgram removes a program with all of its processes, and its group where that
// was made for it.
//
// @param string group      The group
// @param string program    The program
// @param boolean stop      Stop the processes first (default false: they must have stopped)
// @return boolean          True, unless there is a fault
func (t *twiddler) RemoveProgram(ctx context.Context, group, program string, stop sdk.Optional[bool]) error {
	return t.change(ctx, "removeProgram", group, program, func() (string, error) {
		if err := t.isPersisted(ctx, group, program); err != nil {
			return "", err
		}
		if stop.Or(false) {
			if err := t.stop(ctx, group, program); err != nil {
				return "", err
			}
		}
		return "", t.host.RemoveProgram(ctx, group, program)
	})
}

// stop stops all processes of a program at the same time, and waits for them.
func (t *twiddler) stop(ctx context.Context, group, program string) error {
	info, err := t.host.Program(ctx, group, program)
	if err != nil {
		return err
	}
	results := make(chan error, len(info.Processes))
	for _, name := range info.Processes {
		go func() { results <- t.host.StopProcess(ctx, sdk.Namespec(group, name), true) }()
	}
	var failure error
	for range info.Processes {
		err := <-results
		if fault, ok := errors.AsType[*sdk.Fault](err); ok && fault.Code == sdk.CodeNotRunning {
			continue
		}
		failure = errors.Join(failure, err)
	}
	return failure
}

// isPersisted refuses changes that the file cannot have: those of a program of
// supervisord's own configuration.
func (t *twiddler) isPersisted(ctx context.Context, group, program string) error {
	if t.store == nil {
		return nil
	}
	info, err := t.host.Program(ctx, group, program)
	if err != nil || info.Persisted {
		return err
	}
	return sdk.NewFault(sdk.CodeFailed, fmt.Sprintf(
		"program %s of group %s does not stand in %s, so the change would not last: make it in the configuration file",
		program, group, t.store.path))
}

// runtimeChange is what GetChanges tells of a change.
type runtimeChange struct {
	Time    int
	User    string
	Action  string
	Group   string
	Program string
	Detail  string
}

// GetChanges tells what was changed at run time, by whom and when, the oldest first.
// The last thousand are kept, while this extension runs.
//
// @return array changes   Structs with time (seconds since 1970), user, action, group, program and detail
func (t *twiddler) GetChanges() []runtimeChange { return t.journal.all() }

// change makes one change, which is noted, told to event listeners and persisted.
func (t *twiddler) change(ctx context.Context, action, group, program string, do func() (detail string, err error)) error {
	var detail string
	act := func() (err error) {
		detail, err = do()
		return err
	}
	err := act
	if t.store != nil {
		err = func() error { return t.store.around(ctx, act) }
	}
	failure := err()
	if failure != nil && !isUnsaved(failure) {
		return failure
	}
	t.note(ctx, action, group, program, detail)
	return failure
}

// last ends a method of the original's with the verb that makes its change, where
// nothing is persisted. The change is noted once it was made.
func (t *twiddler) last(ctx context.Context, action, group, program string, verb func(sdk.Host) error) error {
	return sdk.Last(ctx, t.host, verb, func(err error) {
		if err == nil {
			t.note(ctx, action, group, program, "")
		}
	})
}

// note remembers a change and publishes it. The changes of the original's methods are
// not published: its listeners do not expect them.
func (t *twiddler) note(ctx context.Context, action, group, program, detail string) {
	t.journal.add(runtimeChange{
		Time: int(time.Now().Unix()), User: sdk.CallerFrom(ctx).User,
		Action: action, Group: group, Program: program, Detail: detail,
	})
	switch action {
	case "addProgramToGroup", "removeProcessFromGroup":
		return
	}
	text := fmt.Sprintf("action:%s group:%s program:%s", action, group, program)
	if detail != "" {
		text += "\n" + detail
	}
	// Whether anybody listens does not matter, nor whether it may be published.
	_ = t.host.Publish(ctx, "twiddler", text)
}
