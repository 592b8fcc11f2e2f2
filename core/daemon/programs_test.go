package daemon

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func texts(pairs ...string) rpcinterface.Struct {
	var out rpcinterface.Struct
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, rpcinterface.Member{Name: pairs[i], Value: rpcinterface.String(pairs[i+1])})
	}
	return out
}

// idle is a program that does not start by itself.
func idle(more ...string) rpcinterface.Struct {
	return texts(append([]string{"command", "/bin/cat", "autostart", "false", "startsecs", "0",
		"process_name", "%(program_name)s_%(process_num)d", "stdout_logfile", "NONE", "stderr_logfile", "NONE"}, more...)...)
}

func TestHostPrograms(t *testing.T) {
	runHost(t, func(t *testing.T, h *host, w *supervisortest.World, dir string) {
		ctx := t.Context()
		want := func(err error, text string) {
			t.Helper()
			if got := said(err); got != text {
				t.Errorf("%s, want %s", got, text)
			}
		}
		add := func(group, program string, persisted bool, options rpcinterface.Struct) error {
			return h.AddPrograms(ctx, []rpcinterface.NewProgram{{Group: group, Program: program, Options: options, Persisted: persisted}})
		}
		want(add("g", "a", true, texts("autostart", "perhaps")), "2 INCORRECT_PARAMETERS: not a valid boolean value: 'perhaps' in section 'program:a' (file: 'c.conf')")
		want(add("g", "a", true, texts("numprocs", "0", "command", "x")), "2 INCORRECT_PARAMETERS: program a has no processes (numprocs)")
		want(add("g", "a", true, texts("command", "a ; b")), "2 INCORRECT_PARAMETERS: program 'a' cannot be written to a file: command='a ; b' is read as another value")
		want(add("g", "a", false, texts("command", "a ; b", "autostart", "false")), "ok")
		// What is no text, and would mean something else as one.
		want(add("g", "b", true, rpcinterface.Struct{{Name: "command", Value: rpcinterface.String("x")}, {Name: "startretries", Value: rpcinterface.Int(22)}, {Name: "AUTOSTART", Value: rpcinterface.Bool(false)}}),
			"ok")
		info, err := h.Program(ctx, "g", "b")
		if err != nil || fmt.Sprint(info.Options) != "[{command x} {startretries 22} {autostart False}]" {
			t.Errorf("the options are %v, %v", info.Options, err)
		}

		_, err = h.UpdateProgram(ctx, "g", "b", texts("umask", "7"), "later", false)
		want(err, "3 BAD_ARGUMENTS: strategy later: there are now, rolling and next")
		for _, name := range []string{"numprocs", "NumProcs_Start", "process_name"} {
			_, err = h.UpdateProgram(ctx, "g", "b", texts(name, "7"), rpcinterface.UpdateNow, false)
			want(err, "3 BAD_ARGUMENTS: "+name+" says which processes there are; change their number, or add another program")
		}
		_, err = h.UpdateProgram(ctx, "g", "b", texts("stopsignal", "LOUD"), rpcinterface.UpdateNow, true)
		if got := said(err); !strings.HasPrefix(got, "2 INCORRECT_PARAMETERS: value 'LOUD' is not a valid signal name") {
			t.Error(got)
		}
		_, err = h.UpdateProgram(ctx, "g", "b", texts("command", "a ; b"), rpcinterface.UpdateNow, false)
		if got := said(err); !strings.Contains(got, "cannot be written to a file") {
			t.Error(got)
		}
		// An option that is put back.
		if _, err = h.UpdateProgram(ctx, "g", "b", texts("startretries", "", "priority", "5"), rpcinterface.UpdateNow, false); err != nil {
			t.Error(err)
		}
		if info, _ = h.Program(ctx, "g", "b"); fmt.Sprint(info.Options) != "[{command x} {autostart False} {priority 5}]" {
			t.Errorf("the options are %v", info.Options)
		}
		for n, text := range map[int]string{
			0: "3 BAD_ARGUMENTS: numprocs 0: a program has one process at least; remove the program instead",
			2: "2 INCORRECT_PARAMETERS: %(process_num) must be present within process_name when numprocs > 1 in section 'program:b' (file: 'c.conf')",
		} {
			_, _, err = h.SetNumProcs(ctx, "g", "b", n)
			want(err, text)
		}
		want(h.AddGroup(ctx, rpcinterface.GroupInfo{Name: "a\nb"}, true),
			"2 INCORRECT_PARAMETERS: group 'a\\nb' cannot be written to a file: File contains no section headers.\nfile: '', line: 1\n'[group:a\\n'")
	})
}

func TestHostRestore(t *testing.T) {
	runHost(t, func(t *testing.T, h *host, w *supervisortest.World, dir string) {
		ctx := t.Context()
		path, other := filepath.Join(dir, "dynamic.conf"), filepath.Join(dir, "link.conf")
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Symlink(path, other)); err != nil {
			t.Fatal(err)
		}
		h.context.File, h.included = "/main.conf", []string{other}
		if got, want := said(h.RestorePrograms(ctx, "twiddler", path, "")),
			"3 BAD_ARGUMENTS: "+path+" is read as a part of the configuration /main.conf too, as "+other+"; take it out of [include]"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		h.included = nil
		for text, want := range map[string]string{
			"[program:x]\n": "1 CANT_REREAD: program section program:x does not specify a command in section 'program:x' (file: '" + path + "')",
			"[program:x]\ncommand=c\nautostart=perhaps\n": "1 CANT_REREAD: not a valid boolean value: 'perhaps' in section 'program:x' (file: '" + path + "')",
			"[program:x]\ncommand\n":                      "1 CANT_REREAD: Source contains parsing errors: '" + path + "'\n\t[line  2]: 'command\\n'",
			"[program:x]\ncommand=c\nplugvisor.group=z\n": "10 BAD_NAME: group: z",
			"[program:g]\ncommand=c\n":                    "90 ALREADY_ADDED: g",
		} {
			got := said(h.RestorePrograms(ctx, "twiddler", path, "[group:new]\n[program:ok]\ncommand=c\n"+text))
			want = strings.Replace(want, "[line  2]", "[line  5]", 1)
			if i := strings.Index(want, " CANT_REREAD"); i > 0 {
				want = fmt.Sprint(rpcinterface.CodeCantReread) + want[i:]
			}
			if got != want {
				t.Errorf("%q: %s, want %s", text, got, want)
			}
			if n := len(w.Sup.Groups()); n != 1 {
				t.Errorf("%q: there are %d groups", text, n)
			}
		}
	})
}

// Updates of one program at the same time all come about.
func TestHostConcurrentUpdates(t *testing.T) {
	runHost(t, func(t *testing.T, h *host, w *supervisortest.World, _ string) {
		ctx := t.Context()
		if err := h.AddPrograms(ctx, []rpcinterface.NewProgram{{Group: "g", Program: "w", Options: idle("numprocs", "2"), Persisted: true}}); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var want []string
		for i := range 20 {
			name := fmt.Sprintf("stdout_logfile_backups%d", i)
			want = append(want, name)
			all.Go(func() { // options that nobody knows are kept as well
				if _, err := h.UpdateProgram(ctx, "g", "w", texts(name, "1"), rpcinterface.UpdateNow, false); err != nil {
					t.Error(err)
				}
			})
			all.Go(func() {
				if _, _, err := h.SetNumProcs(ctx, "g", "w", i+1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		info, err := h.Program(ctx, "g", "w")
		if err != nil {
			t.Fatal(err)
		}
		n := ""
		for _, o := range info.Options {
			if o.Name == "numprocs" {
				n = o.Value
			}
			want = slices.DeleteFunc(want, func(name string) bool { return name == o.Name })
		}
		if len(want) > 0 {
			t.Errorf("%v are lost in %v", want, info.Options)
		}
		if n != fmt.Sprint(len(info.Processes)) {
			t.Errorf("numprocs=%s and processes %v", n, info.Processes)
		}
	})
}

// model is what there should be.
type model struct {
	groups   map[string]*modelGroup
	programs map[string]*modelProgram // by name: all but the file's are persisted
	running  map[string]bool          // "group:process"
}

type modelGroup struct {
	priority int64
	own      string // the program that it was made for
}

type modelProgram struct {
	group, name string
	options     map[string]string
	n           int
	fixed       bool // process_name has no number
}

func (p *modelProgram) processes() []string {
	if p.fixed {
		return []string{"fixed"}
	}
	var out []string
	for i := range p.n {
		out = append(out, fmt.Sprintf("%s_%d", p.name, i))
	}
	return out
}

func (m *model) in(group string) (out []*modelProgram) {
	for _, name := range slices.Sorted(maps.Keys(m.programs)) {
		if m.programs[name].group == group {
			out = append(out, m.programs[name])
		}
	}
	return out
}

func (m *model) runs(p *modelProgram) bool {
	return slices.ContainsFunc(p.processes(), func(name string) bool { return m.running[p.group+":"+name] })
}

func (m *model) drop(p *modelProgram) {
	delete(m.programs, p.name)
	g := m.groups[p.group]
	if g.own == p.name {
		if g.own = ""; len(m.in(p.group)) == 0 {
			delete(m.groups, p.group)
		}
	}
}

// state is all of it as text; the file's group g has p and q.
func (m *model) state() string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(m.groups)) {
		line := fmt.Sprintf("%s %d:", name, m.groups[name].priority)
		for _, p := range m.in(name) {
			line += fmt.Sprintf(" %s%v%v", p.name, p.options, p.processes())
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// look is the state of a host in the same form.
func look(t *testing.T, h *host) string {
	t.Helper()
	groups := map[string]string{}
	programs := map[string]map[string]bool{}
	for _, g := range h.Groups() {
		if groups[g.Name] != "" {
			t.Errorf("group %s is there twice", g.Name)
		}
		groups[g.Name] = fmt.Sprintf("%s %d:", g.Name, g.Priority)
		programs[g.Name] = map[string]bool{}
	}
	seen := map[string]bool{}
	for _, p := range h.Processes() {
		if seen[p.Group+":"+p.Name] {
			t.Errorf("process %s:%s is there twice", p.Group, p.Name)
		}
		seen[p.Group+":"+p.Name] = true
		spec, err := h.Spec(p.Group + ":" + p.Name)
		if err != nil {
			t.Fatal(err)
		}
		if spec.Program != "" {
			programs[p.Group][spec.Program] = true
		}
	}
	for _, group := range slices.Sorted(maps.Keys(programs)) {
		for _, name := range slices.Sorted(maps.Keys(programs[group])) {
			info, err := h.Program(context.Background(), group, name)
			if err != nil {
				t.Fatal(err)
			}
			options := map[string]string{}
			for _, o := range info.Options {
				options[o.Name] = o.Value
			}
			groups[group] += fmt.Sprintf(" %s%v%v", name, options, info.Processes)
		}
	}
	return strings.Join(slices.Collect(func(yield func(string) bool) {
		for _, name := range slices.Sorted(maps.Keys(groups)) {
			if !yield(groups[name]) {
				return
			}
		}
	}), "\n")
}

// step does one random thing to both, and compares what they answer: "ok" or the
// code of the fault.
func (m *model) step(t *testing.T, h *host, r *rand.Rand) (what, got, want string) {
	ctx := t.Context()
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	group := pick("g", "g1", "a", "b", "c", "nowhere")
	name := pick("a", "b", "c", "d", "e")
	known := m.programs[name]
	if known != nil && r.IntN(4) > 0 {
		group = known.group
	}
	fault := func(code int) string { return fmt.Sprint(code) }
	code := func(err error) string {
		if err == nil {
			return "ok"
		}
		return fault(rpcinterface.AsFault(err).Code)
	}
	find := func() (*modelProgram, string) {
		switch {
		case m.groups[group] == nil:
			return nil, fault(rpcinterface.CodeBadName)
		case known == nil || known.group != group:
			return nil, fault(rpcinterface.CodeBadName)
		}
		return known, "ok"
	}
	switch op := r.IntN(9); op {
	case 0:
		what = "addGroup " + group
		priority := int64(r.IntN(3))
		want = "ok"
		if m.groups[group] != nil {
			want = fault(rpcinterface.CodeAlreadyAdded)
		} else {
			m.groups[group] = &modelGroup{priority: priority}
		}
		return what, code(h.AddGroup(ctx, rpcinterface.GroupInfo{Name: group, Priority: priority}, true)), want
	case 1:
		if group == "g" {
			group = "g1"
		}
		what, want = "removeGroup "+group, "ok"
		switch {
		case m.groups[group] == nil:
			want = fault(rpcinterface.CodeBadName)
		case slices.ContainsFunc(m.in(group), m.runs):
			want = fault(rpcinterface.CodeStillRunning)
		default:
			for _, p := range m.in(group) {
				delete(m.programs, p.name)
			}
			delete(m.groups, group)
		}
		return what, code(h.RemoveGroup(ctx, group, true)), want
	case 2, 3:
		before := model{groups: maps.Clone(m.groups), programs: maps.Clone(m.programs)}
		var list []rpcinterface.NewProgram
		want = "ok"
		for range 1 + r.IntN(3) {
			p := &modelProgram{group: pick("", "", "", "g", "g1", "a", "b", "c"), name: pick("a", "b", "c", "d", "e"), n: 1 + r.IntN(12)}
			options := idle("numprocs", fmt.Sprint(p.n))
			if p.fixed = r.IntN(5) == 0; p.fixed {
				p.n = 1
				options = idle("numprocs", "1")
				options[3].Value = rpcinterface.String("fixed")
			}
			bad := r.IntN(10) == 0
			if bad {
				options = append(options, texts("priority", "high")...)
			}
			list = append(list, rpcinterface.NewProgram{Group: p.group, Program: p.name, Options: options, Persisted: true})
			what += fmt.Sprintf("add %s/%s %d fixed %v bad %v; ", p.group, p.name, p.n, p.fixed, bad)
			p.options = map[string]string{}
			for _, o := range options {
				p.options[o.Name] = string(o.Value.(rpcinterface.String))
			}
			if want == "ok" {
				want = m.add(p, bad)
			}
		}
		if want != "ok" {
			m.groups, m.programs = before.groups, before.programs
		}
		return what, code(h.AddPrograms(ctx, list)), want
	case 4:
		what = fmt.Sprintf("removeProgram %s %s", group, name)
		var p *modelProgram
		if p, want = find(); p != nil {
			if m.runs(p) {
				want = fault(rpcinterface.CodeStillRunning)
			} else {
				m.drop(p)
			}
		}
		return what, code(h.RemoveProgram(ctx, group, name)), want
	case 5:
		n := r.IntN(14)
		what = fmt.Sprintf("setNumProcs %s %s %d", group, name, n)
		var p *modelProgram
		p, want = find()
		switch {
		case n < 1:
			want = fault(rpcinterface.CodeBadArguments)
		case p == nil:
		case p.fixed && n > 1:
			want = fault(rpcinterface.CodeIncorrectParameters)
		default:
			for _, gone := range p.processes()[min(n, p.n):] {
				delete(m.running, p.group+":"+gone)
			}
			p.n, p.options["numprocs"] = n, fmt.Sprint(n)
		}
		_, _, err := h.SetNumProcs(ctx, group, name, n)
		return what, code(err), want
	case 6:
		option, value := pick("priority", "stopsignal", "command", "environment", "autorestart", "stdout_logfile"), ""
		switch option {
		case "priority":
			value = pick("1", "2", "999", "", "high")
		case "stopsignal":
			value = pick("TERM", "KILL", "LOUD")
		case "command":
			value = pick("/bin/cat", "/bin/cat -u", "a ; b")
		case "environment":
			value = pick("A=\"1\"", "A=\"1\",\nB=\"zwei\"", "%(nope)s", "")
		case "autorestart":
			value = pick("true", "unexpected", "")
		default:
			value = pick("NONE", "AUTO", "/tmp/x%%%%y")
		}
		strategy := rpcinterface.UpdateStrategy(pick("now", "rolling", "next"))
		dry := r.IntN(4) == 0
		what = fmt.Sprintf("updateProgram %s %s %s=%q %s %v", group, name, option, value, strategy, dry)
		var p *modelProgram
		p, want = find()
		switch {
		case p == nil:
		case value == "high" || value == "LOUD" || value == "a ; b" || value == "%(nope)s":
			want = fault(rpcinterface.CodeIncorrectParameters)
		case dry:
		default:
			p.options = maps.Clone(p.options)
			if p.options[option] = value; value == "" {
				delete(p.options, option)
			}
			if g := m.groups[group]; g.own == name && option == "priority" {
				g.priority = 999
				fmt.Sscan(value, &g.priority)
			}
		}
		_, err := h.UpdateProgram(ctx, group, name, texts(option, value), strategy, dry)
		return what, code(err), want
	case 7:
		process := fmt.Sprintf("%s_%d", name, r.IntN(3))
		what = fmt.Sprintf("removeProcess %s %s", group, process)
		p := known
		switch {
		case p == nil || m.groups[group] == nil || p.group != group || !slices.Contains(p.processes(), process):
			want = fault(rpcinterface.CodeBadName)
		case p.n > 1:
			want = fault(rpcinterface.CodeFailed)
		case m.runs(p):
			want = fault(rpcinterface.CodeStillRunning)
		default:
			want = "ok"
			m.drop(p)
		}
		return what, code(h.RemoveProcess(ctx, group, process, true)), want
	default:
		if known == nil {
			return "nothing", "", ""
		}
		process := known.group + ":" + known.processes()[r.IntN(known.n)]
		what, want = "start or stop "+process, "ok"
		if m.running[process] {
			delete(m.running, process)
			return what, code(h.StopProcess(ctx, process, true)), want
		}
		m.running[process] = true
		return what, code(h.StartProcess(ctx, process, true)), want
	}
}

// add is one program of a list, and gives what is wrong with it.
func (m *model) add(p *modelProgram, bad bool) string {
	own := p.group == ""
	group := p.group
	if own {
		group = p.name
	}
	switch {
	case own && m.groups[group] != nil:
		return fmt.Sprint(rpcinterface.CodeAlreadyAdded)
	case !own && m.groups[group] == nil:
		return fmt.Sprint(rpcinterface.CodeBadName)
	case bad:
		return fmt.Sprint(rpcinterface.CodeIncorrectParameters)
	}
	for _, other := range m.in(group) {
		if other.name == p.name || other.fixed && p.fixed {
			return fmt.Sprint(rpcinterface.CodeBadName)
		}
	}
	if m.programs[p.name] != nil {
		return fmt.Sprint(rpcinterface.CodeFailed)
	}
	if p.group = group; own {
		m.groups[group] = &modelGroup{priority: 999, own: p.name}
	}
	m.programs[p.name] = p
	return "ok"
}

// Random sequences of all that changes programs come to what a simple model says, each
// step whole or not at all; rereading the file finds nothing to do; and what is
// persisted comes to the same state in a supervisor that has just started.
func TestProgramsAgainstAModel(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 5
	}
	for range seeds {
		seed := rand.Uint64()
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { againstModel(t, seed) }) {
			return
		}
	}
}

// These have failed before, or are here to be the same each time.
func TestProgramsAgainstAModelAgain(t *testing.T) {
	for _, seed := range []uint64{1, 2, 3} {
		againstModel(t, seed)
	}
}

func againstModel(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 0))
	file := func() *core.GroupSpec { return supervisortest.Group("g", 999, supervisortest.Program("p")) }
	begin := func(t *testing.T) (*host, *supervisortest.World) {
		w := supervisortest.New(t).Run(file())
		w.Sup.Begin()
		return &host{Supervisor: w.Sup, env: config.SystemEnvironment(), context: config.ProgramContext{File: "c.conf", Here: "/"}}, w
	}
	synctest.Test(t, func(t *testing.T) {
		h, w := begin(t)
		defer w.End()
		m := &model{groups: map[string]*modelGroup{"g": {priority: 999}}, programs: map[string]*modelProgram{}, running: map[string]bool{}}
		for i := range 120 {
			what, got, want := m.step(t, h, r)
			if got != want {
				t.Fatalf("seed %d, step %d, %s: %s, want %s", seed, i, what, got, want)
			}
			state := look(t, h)
			if state != m.state() {
				t.Fatalf("seed %d, step %d, %s: there is\n%s\nwant\n%s", seed, i, what, state, m.state())
			}
			if i%4 > 0 {
				continue
			}
			live, configured, err := h.SetConfigured(t.Context(), []*core.GroupSpec{file()})
			if added, changed, removed := config.Diff(live, configured); err != nil || len(added)+len(changed)+len(removed) > 0 {
				t.Fatalf("seed %d, step %d, %s: reread finds %v %v %v, %v", seed, i, what, added, changed, removed, err)
			}
			text, err := h.PersistedPrograms(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fresh, world := begin(t)
			if err := fresh.RestorePrograms(t.Context(), "twiddler", "/f", text); err != nil {
				t.Fatalf("seed %d, step %d: %v\n%s", seed, i, err, text)
			}
			if again := look(t, fresh); again != state {
				t.Fatalf("seed %d, step %d: there was\n%s\nand comes back as\n%s\n%s", seed, i, state, again, text)
			}
			for _, p := range h.Processes() {
				old, _ := h.Spec(p.Group + ":" + p.Name)
				now, err := fresh.Spec(p.Group + ":" + p.Name)
				// What waits for the next start counts in the new one.
				if err != nil || !m.running[p.Group+":"+p.Name] && len(now.Changes(old)) > 0 && !onlyLogs(now.Changes(old)) && !waits(t, h, p) {
					t.Fatalf("seed %d, step %d: %s:%s was %+v and is %+v, %v", seed, i, p.Group, p.Name, old, now, err)
				}
			}
			if twice, err := fresh.PersistedPrograms(t.Context()); err != nil || twice != text {
				t.Fatalf("seed %d, step %d: written as\n%s\nand again as\n%s", seed, i, text, twice)
			}
			world.End()
		}
	})
}

// onlyLogs: automatic log files have other names each time.
func onlyLogs(changes []core.Change) bool {
	return !slices.ContainsFunc(changes, func(c core.Change) bool { return !strings.HasSuffix(c.Option, "_logfile") })
}

// waits says whether a process has a change to come.
func waits(t *testing.T, h *host, p rpcinterface.ProcessInfo) bool {
	t.Helper()
	now, err := h.Spec(p.Group + ":" + p.Name)
	if err != nil {
		t.Fatal(err)
	}
	state, err := h.Supervisor.Program(t.Context(), p.Group, now.Program)
	return err == nil && slices.ContainsFunc(state.Specs, func(spec *core.ProcessSpec) bool {
		return spec.Name == p.Name && len(now.Changes(spec)) > 0
	})
}
