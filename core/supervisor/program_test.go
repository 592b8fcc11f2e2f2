package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// of makes specs the processes of one program.
func of(program string, source *core.ProgramSource, specs ...*core.ProcessSpec) []*core.ProcessSpec {
	for i, p := range specs {
		p.Program, p.Source, p.Number = program, source, int64(i)
	}
	return specs
}

func dynamic(options ...string) *core.ProgramSource {
	s := &core.ProgramSource{Dynamic: true}
	for i := 0; i < len(options); i += 2 {
		s.Options = append(s.Options, rpcinterface.Member{Name: options[i], Value: rpcinterface.String(options[i+1])})
	}
	return s
}

func persisted(s *core.ProgramSource) *core.ProgramSource { s.Persisted = true; return s }

func own(s *core.ProgramSource) *core.ProgramSource { s.OwnGroup = true; return s }

// adding is an addition of one process that has the program's name.
func adding(group, program string, source *core.ProgramSource, change ...func(*core.ProcessSpec)) supervisor.ProgramAddition {
	return supervisor.ProgramAddition{Group: group, Program: program, Source: source, Specs: of(program, source, Program(program, change...))}
}

// world runs a test in virtual time.
func world(t *testing.T, f func(t *testing.T, w *World), groups ...*core.GroupSpec) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(groups...)
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		f(t, w)
	})
}

// table is all that there is: "group(process process) group()".
func table(w *World) string {
	var words []string
	infos := w.Sup.Processes()
	for _, g := range w.Sup.Groups() {
		var names []string
		for _, p := range infos {
			if p.Group == g.Name {
				names = append(names, p.Name)
			}
		}
		words = append(words, g.Name+"("+strings.Join(names, " ")+")")
	}
	return strings.Join(words, " ")
}

func wantTable(t *testing.T, w *World, want string) {
	t.Helper()
	if got := table(w); got != want {
		t.Errorf("there is %s, want %s", got, want)
	}
}

// kept is what is persisted: "group x", "program g/x".
func kept(t *testing.T, w *World) string {
	t.Helper()
	groups, programs, err := w.Sup.Persisted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, g := range groups {
		words = append(words, fmt.Sprintf("group %s %d", g.Name, g.Priority))
	}
	for _, p := range programs {
		words = append(words, "program "+p.Group+"/"+p.Program)
	}
	return strings.Join(words, ", ")
}

// diff is what supervisor.reloadConfig would answer for a file with these groups.
func diff(t *testing.T, w *World, groups ...*core.GroupSpec) string {
	t.Helper()
	live, configured, err := w.Sup.SetConfigured(t.Context(), groups)
	if err != nil {
		t.Fatal(err)
	}
	added, changed, removed := config.Diff(live, configured)
	return fmt.Sprintf("%v %v %v", added, changed, removed)
}

func wantDiff(t *testing.T, w *World, want string, groups ...*core.GroupSpec) {
	t.Helper()
	if got := diff(t, w, groups...); got != want {
		t.Errorf("reread finds %s, want %s", got, want)
	}
}

// All programs of a list are added, or none is; what is wrong is told in the list's
// order, the group first.
func TestAddProgramsAllOrNone(t *testing.T) {
	bad := rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "bad")
	good := func() supervisor.ProgramAddition { return adding("g", "x", dynamic()) }
	broken := func(group string) supervisor.ProgramAddition {
		return supervisor.ProgramAddition{Group: group, Program: "b", Source: dynamic(), Err: bad}
	}
	type list = []supervisor.ProgramAddition
	for name, tc := range map[string]struct {
		list list
		want string
	}{
		"unknown group":                    {list{good(), adding("zz", "y", dynamic())}, "BAD_NAME: group: zz"},
		"the group before the options":     {list{good(), broken("zz")}, "BAD_NAME: group: zz"},
		"the options before the names":     {list{good(), {Group: "g", Program: "p", Source: dynamic(), Specs: of("p", nil, Program("p")), Err: bad}}, "INCORRECT_PARAMETERS: bad"},
		"the first that is wrong":          {list{broken("g"), adding("zz", "y", dynamic())}, "INCORRECT_PARAMETERS: bad"},
		"a process that exists":            {list{good(), adding("g", "p", dynamic())}, "BAD_NAME: p"},
		"a process twice":                  {list{good(), good()}, "BAD_NAME: x"},
		"a program twice":                  {list{good(), {Group: "g", Program: "x", Source: dynamic(), Specs: of("x", dynamic(), Program("x2"))}}, "BAD_NAME: x"},
		"a program that exists":            {list{good(), {Group: "g", Program: "p", Source: dynamic(), Specs: of("p", dynamic(), Program("p2"))}}, "BAD_NAME: p"},
		"a group of its own that exists":   {list{good(), adding("", "g", own(dynamic()))}, "ALREADY_ADDED: g"},
		"its options come after its group": {list{good(), {Program: "g", Source: dynamic(), Err: bad}}, "ALREADY_ADDED: g"},
		"a group of its own twice":         {list{adding("", "n", own(dynamic())), adding("", "n", own(dynamic()))}, "ALREADY_ADDED: n"},
		"persisted twice": {list{adding("g", "n", persisted(dynamic())), adding("h", "n", persisted(dynamic()))},
			"FAILED: program n cannot be persisted: there is another of its name, in group g"},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(t *testing.T, w *World) {
				err := w.Sup.AddPrograms(t.Context(), tc.list)
				if f := rpcinterface.AsFault(err); f == nil || f.Message != tc.want {
					t.Errorf("error is %v, want %s", err, tc.want)
				}
				wantTable(t, w, "g(p) h(q)")
				if got := kept(t, w); got != "" {
					t.Errorf("persisted is %s", got)
				}
			}, Group("g", 999, Program("p", program("p"))), Group("h", 999, Program("q", program("q"))))
		})
	}
	world(t, func(t *testing.T, w *World) {
		// One of the list may be in the group that another one makes.
		err := w.Sup.AddPrograms(t.Context(), list{
			adding("g", "x", dynamic(), Autostart, NoStartSecs), adding("", "n", own(dynamic()), Priority(5)), adding("n", "m", dynamic()),
		})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantTable(t, w, "g(p x) n(m n)")
		if got := w.Sup.Groups()[1].Priority; got != 5 {
			t.Errorf("the group of a program has priority %d, want the program's", got)
		}
		if got := w.State("g:x"); got != rpcinterface.ProcessRunning {
			t.Errorf("g:x with autostart is %v", got)
		}
		if got, want := fmt.Sprint(w.Sup.DynamicProcesses()), "[g:x n:m n]"; got != want {
			t.Errorf("dynamic are %s, want %s", got, want)
		}
	}, Group("g", 999, Program("p")))
}

// program names the program that a process belongs to.
func program(name string) func(*core.ProcessSpec) {
	return func(p *core.ProcessSpec) { p.Program = name }
}

func TestRemoveProgram(t *testing.T) {
	two := of("two", dynamic(), Program("a", NoStartSecs), Program("b", NoStartSecs))
	world(t, func(t *testing.T, w *World) {
		ctx := t.Context()
		if err := w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{
			{Group: "g", Program: "two", Source: two[0].Source, Specs: two}, adding("", "n", own(dynamic())), adding("n", "m", dynamic()),
		}); err != nil {
			t.Fatal(err)
		}
		WantFault(t, w.Sup.RemoveProgram(ctx, "zz", "two"), 10, "BAD_NAME: group: zz")
		WantFault(t, w.Sup.RemoveProgram(ctx, "g", "a"), 10, "BAD_NAME: a")
		if err := w.Sup.Start(ctx, "g:b", false); err != nil {
			t.Fatal(err)
		}
		WantFault(t, w.Sup.RemoveProgram(ctx, "g", "two"), 91, "STILL_RUNNING: b")
		wantTable(t, w, "g(a b p) n(m n)")
		if err := w.Sup.Stop(ctx, "g:b", true); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct{ group, program, table string }{
			{"g", "two", "g(p) n(m n)"},
			{"n", "n", "g(p) n(m)"}, // somebody else is in its group
			{"n", "m", "g(p) n()"},
			{"g", "", "g() n()"}, // the file's, of no name
		} {
			if err := w.Sup.RemoveProgram(ctx, step.group, step.program); err != nil {
				t.Errorf("%s of %s: %v", step.program, step.group, err)
			}
			wantTable(t, w, step.table)
		}
		if err := w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("", "o", own(dynamic())), adding("", "r", own(dynamic()))}); err != nil {
			t.Fatal(err)
		}
		// Removed as a program, or as its last process, it takes its group with it.
		if err := errors.Join(w.Sup.RemoveProgram(ctx, "o", "o"), w.Sup.RemoveProcess(ctx, "r", "r", false)); err != nil {
			t.Error(err)
		}
		wantTable(t, w, "g() n()")
	}, Group("g", 999, Program("p")))
}

// A program whose log files are being made is removed when they are there.
func TestRemoveProgramBeforeItsLogsExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Prepared = make(chan struct{})
		w.Run(Group("g", 999))
		defer w.End()
		w.Sup.Begin()
		errs := make(chan error, 4)
		go func() {
			errs <- w.Sup.AddPrograms(context.Background(), []supervisor.ProgramAddition{adding("", "n", own(dynamic()), AutoLog)})
		}()
		synctest.Wait()
		go func() { errs <- w.Sup.RemoveProgram(context.Background(), "n", "n") }()
		synctest.Wait()
		wantTable(t, w, "g() n(n)")
		close(w.Prepared)
		if err := errors.Join(<-errs, <-errs); err != nil {
			t.Error(err)
		}
		wantTable(t, w, "g()")
	})
}

// events reads the kinds and groups of the events that there were.
func events(t *testing.T, sub *supervisor.Subscription) func() string {
	return func() string {
		t.Helper()
		synctest.Wait()
		var words []string
		for {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			e, _, err := sub.Next(ctx)
			cancel()
			if err != nil {
				return strings.Join(words, " ")
			}
			words = append(words, strings.TrimPrefix(e.Event.Name, "PROCESS_GROUP_")+":"+strings.TrimSpace(string(e.Event.Payload)))
		}
	}
}

func TestGroupEvents(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		sub := w.Sup.Subscribe([]core.EventKind{core.EventProcessGroup}, 0)
		defer sub.Close()
		said := events(t, sub)
		ctx := t.Context()
		for _, step := range []struct {
			name string
			do   func() error
			want string
		}{
			{"a program of its own", func() error {
				return w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("", "n", own(dynamic()))})
			}, "ADDED:groupname:n"},
			{"a program of a group", func() error { return w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("g", "m", dynamic())}) }, ""},
			{"a fault", func() error {
				_ = w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("", "o", own(dynamic())), adding("zz", "o", dynamic())})
				return nil
			}, ""},
			{"it goes", func() error { return w.Sup.RemoveProgram(ctx, "n", "n") }, "REMOVED:groupname:n"},
			{"a group", func() error { return w.Sup.AddGroup(ctx, rpcinterface.GroupInfo{Name: "e"}, true) }, "ADDED:groupname:e"},
			{"it goes for good", func() error { return w.Sup.RemoveForGood(ctx, "e", false) }, "REMOVED:groupname:e"},
			{"a program goes", func() error { return w.Sup.RemoveProgram(ctx, "g", "m") }, ""},
		} {
			if err := step.do(); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
			if got := said(); got != step.want {
				t.Errorf("%s: events %q, want %q", step.name, got, step.want)
			}
		}
	}, Group("g", 999))
}

// numbered makes a program of n processes w_0, w_1 …, sorted as the parser does.
func numbered(source *core.ProgramSource, n int, change ...func(*core.ProcessSpec)) []*core.ProcessSpec {
	var specs []*core.ProcessSpec
	for i := range n {
		specs = append(specs, Program(fmt.Sprintf("w_%d", i), change...))
	}
	specs = of("w", source, specs...)
	slices.SortStableFunc(specs, func(a, b *core.ProcessSpec) int { return strings.Compare(a.Name, b.Name) })
	return specs
}

// scale changes the number as the daemon does.
func scale(t *testing.T, w *World, group string, n int, change ...func(*core.ProcessSpec)) (added, removed []string, err error) {
	t.Helper()
	state, err := w.Sup.Program(t.Context(), group, "w")
	if err != nil {
		t.Fatal(err)
	}
	source := state.Source.With(rpcinterface.Struct{{Name: "numprocs", Value: rpcinterface.Int(n)}})
	return w.Sup.SetNumProcs(t.Context(), supervisor.NumProcs{
		Group: group, Program: "w", Before: state.Source, Source: source, Specs: numbered(source, n, change...),
	})
}

func addW(t *testing.T, w *World, group string, source *core.ProgramSource, n int, change ...func(*core.ProcessSpec)) {
	t.Helper()
	if err := w.Sup.AddPrograms(t.Context(), []supervisor.ProgramAddition{
		{Group: group, Program: "w", Source: source, Specs: numbered(source, n, change...)},
	}); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
}

func TestSetNumProcs(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", persisted(dynamic("numprocs", "2")), 2, Autostart, NoStartSecs)
		w.Done()
		for _, step := range []struct {
			n              int
			added, removed string
			signals        string
		}{
			{2, "[]", "[]", "[]"},
			{3, "[w_2]", "[]", "[]"},
			{12, "[w_10 w_11 w_3 w_4 w_5 w_6 w_7 w_8 w_9]", "[]", "[]"},
			{9, "[]", "[w_11 w_10 w_9]", "[signal w_11 SIGTERM signal w_10 SIGTERM signal w_9 SIGTERM]"},
			{11, "[w_10 w_9]", "[]", "[]"},
			{1, "[]", "[w_10 w_9 w_8 w_7 w_6 w_5 w_4 w_3 w_2 w_1]", ""},
		} {
			added, removed, err := scale(t, w, "g", step.n, Autostart, NoStartSecs)
			if err != nil {
				t.Fatalf("%d: %v", step.n, err)
			}
			if fmt.Sprint(added) != step.added || fmt.Sprint(removed) != step.removed {
				t.Errorf("%d: added %v, removed %v; want %s, %s", step.n, added, removed, step.added, step.removed)
			}
			synctest.Wait()
			if got := fmt.Sprint(w.Done()); step.signals != "" && got != step.signals {
				t.Errorf("%d: %s, want %s", step.n, got, step.signals)
			}
			for i := range step.n {
				if got := w.State(fmt.Sprintf("g:w_%d", i)); got != rpcinterface.ProcessRunning {
					t.Errorf("%d: w_%d is %v", step.n, i, got)
				}
			}
			if got := len(w.Sup.Processes()); got != step.n+1 {
				t.Errorf("%d: there are %d processes", step.n, got-1)
			}
			state, err := w.Sup.Program(t.Context(), "g", "w")
			if n, _ := state.Source.Options.Get("numprocs"); err != nil || fmt.Sprint(n) != fmt.Sprint(step.n) {
				t.Errorf("the options have numprocs %v, %v", n, err)
			}
			wantDiff(t, w, "[] [] []", Group("g", 999, Program("p")))
		}
	}, Group("g", 999, Program("p")))
}

func TestSetNumProcsFaults(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", dynamic(), 2, NoStartSecs)
		n := supervisor.NumProcs{Group: "zz", Program: "w"}
		_, _, err := w.Sup.SetNumProcs(t.Context(), n)
		WantFault(t, err, 10, "BAD_NAME: group: zz")
		n.Group, n.Program = "g", "v"
		_, _, err = w.Sup.SetNumProcs(t.Context(), n)
		WantFault(t, err, 10, "BAD_NAME: v")
		_, _, err = scale(t, w, "g", 4) // another program has w_3
		WantFault(t, err, 10, "BAD_NAME: w_3")
		wantTable(t, w, "g(w_0 w_1 w_3)")

		// One that cannot be stopped: nothing is removed, and what is said of the
		// program stays.
		for _, name := range []string{"g:w_0", "g:w_1"} {
			if err := w.Sup.Start(t.Context(), name, true); err != nil {
				t.Fatal(err)
			}
		}
		w.FailKills(errors.New("no"))
		_, _, err = scale(t, w, "g", 1)
		if f := rpcinterface.AsFault(err); f == nil || f.Code != rpcinterface.CodeFailed {
			t.Errorf("error is %v", err)
		}
		wantTable(t, w, "g(w_0 w_1 w_3)")
		w.FailKills(nil)
		if state, _ := w.Sup.Program(t.Context(), "g", "w"); len(state.Specs) != 2 || len(state.Source.Options) != 0 {
			t.Errorf("the program is %+v", state)
		}
	}, Group("g", 999, Program("w_3", program("other"))))
}

// A process that was taken out by itself comes back, and processes that stay learn at
// their next start how many they are.
func TestSetNumProcsFillsGaps(t *testing.T) {
	says := func(n string) func(*core.ProcessSpec) {
		return func(p *core.ProcessSpec) { p.Command = "cat " + n; p.StartSecs = 0 }
	}
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", dynamic(), 3, says("3"))
		if err := errors.Join(w.Sup.RemoveProcess(t.Context(), "g", "w_0", false), w.Sup.Start(t.Context(), "g:w_1", true)); err != nil {
			t.Fatal(err)
		}
		added, removed, err := scale(t, w, "g", 2, says("2"))
		if err != nil || fmt.Sprint(added, removed) != "[w_0] [w_2]" {
			t.Errorf("added %v, removed %v, %v", added, removed, err)
		}
		if got := w.Job("w_1").Spec.Command; got != "cat 3" {
			t.Errorf("w_1 runs %s", got)
		}
		if err := errors.Join(w.Sup.Stop(t.Context(), "g:w_1", true), w.Sup.Start(t.Context(), "g:w_1", true)); err != nil {
			t.Fatal(err)
		}
		if got := w.Job("w_1").Spec.Command; got != "cat 2" {
			t.Errorf("w_1 was started with %s", got)
		}
	}, Group("g", 999))
}

// Two programs of one name in a group, as the original's way of adding allows: what
// would have to mean one of them is refused.
func TestSeveralProgramsOfAName(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		for _, name := range []string{"a", "b"} {
			if err := w.Sup.AddProcesses(t.Context(), "g", of("w", dynamic("process_name", name), Program(name)), nil); err != nil {
				t.Fatal(err)
			}
		}
		_, err := w.Sup.Program(t.Context(), "g", "w")
		WantFault(t, err, 30, "FAILED: group g has several programs w, with options of their own")
		_, err = w.Sup.UpdateProgram(t.Context(), supervisor.Update{Group: "g", Program: "w", Source: dynamic()})
		WantFault(t, err, 30, "FAILED: group g has several programs w, with options of their own")
		_, _, err = w.Sup.SetNumProcs(t.Context(), supervisor.NumProcs{Group: "g", Program: "w", Source: dynamic()})
		WantFault(t, err, 30, "FAILED: group g has several programs w, with options of their own")
		if err := w.Sup.RemoveProgram(t.Context(), "g", "w"); err != nil {
			t.Error(err)
		}
		wantTable(t, w, "g()")
	}, Group("g", 999))
}

// update updates w as the daemon does: change makes the new processes, options what is
// said of them.
func update(t *testing.T, w *World, group string, n int, strategy rpcinterface.UpdateStrategy, dryRun bool, options []string, change ...func(*core.ProcessSpec)) (string, error) {
	t.Helper()
	state, err := w.Sup.Program(t.Context(), group, "w")
	if err != nil {
		t.Fatal(err)
	}
	source := state.Source.With(dynamic(options...).Options)
	got, err := w.Sup.UpdateProgram(t.Context(), supervisor.Update{
		Group: group, Program: "w", Before: state.Source, Source: source, Specs: numbered(source, n, change...),
		Strategy: strategy, DryRun: dryRun,
	})
	return updates(got), err
}

func updates(list []rpcinterface.ProcessUpdate) string {
	var words []string
	for _, u := range list {
		words = append(words, fmt.Sprintf("%s %v %s", u.Name, u.Changed, u.How))
		if u.Reason != "" {
			words[len(words)-1] += " (" + u.Reason + ")"
		}
	}
	return strings.Join(words, "; ")
}

func mustUpdate(t *testing.T, w *World, want string, strategy rpcinterface.UpdateStrategy, dryRun bool, options []string, change ...func(*core.ProcessSpec)) {
	t.Helper()
	got, err := update(t, w, "g", len(mustState(t, w).Specs), strategy, dryRun, options, change...)
	if err != nil || got != want {
		t.Errorf("update %s\n%s, %v\nwant %s", strategy, got, err, want)
	}
	synctest.Wait()
}

func mustState(t *testing.T, w *World) supervisor.ProgramState {
	t.Helper()
	state, err := w.Sup.Program(t.Context(), "g", "w")
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func pids(w *World) string {
	var out []string
	for _, p := range w.Sup.Processes() {
		out = append(out, fmt.Sprintf("%s=%d", p.Name, p.PID))
	}
	return strings.Join(out, " ")
}

func command(text string) func(*core.ProcessSpec) {
	return func(p *core.ProcessSpec) { p.Command = text }
}

func stopSignal(n int) func(*core.ProcessSpec) {
	return func(p *core.ProcessSpec) { p.StopSignal = n }
}

var (
	now     = rpcinterface.UpdateNow
	rolling = rpcinterface.UpdateRolling
	next    = rpcinterface.UpdateNext
)

func TestUpdateLive(t *testing.T) {
	for _, strategy := range []rpcinterface.UpdateStrategy{now, rolling, next} {
		world(t, func(t *testing.T, w *World) {
			addW(t, w, "g", dynamic(), 2, Autostart, NoStartSecs)
			before := pids(w)
			w.Done()
			const want = "w_0 [stopsignal] live; w_1 [stopsignal] live"
			mustUpdate(t, w, want, strategy, true, []string{"stopsignal", "KILL"}, Autostart, NoStartSecs, stopSignal(9))
			if s, _ := w.Sup.Spec("g:w_0"); s.StopSignal != 15 || len(mustState(t, w).Source.Options) != 0 || w.Done() != nil {
				t.Errorf("a dry run changed %+v", s)
			}
			mustUpdate(t, w, want, strategy, false, []string{"stopsignal", "KILL"}, Autostart, NoStartSecs, stopSignal(9))
			if got := pids(w); got != before {
				t.Errorf("pids were %s, are %s", before, got)
			}
			if got := fmt.Sprint(w.Done()); got != "[reconfigure w_0 reconfigure w_1]" {
				t.Errorf("done was %s", got)
			}
			if err := w.Sup.Stop(t.Context(), "g:w_0", true); err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(w.Done()); got != "[signal w_0 SIGKILL]" {
				t.Errorf("a stop sent %s", got)
			}
			if got, _ := mustState(t, w).Source.Options.Get("stopsignal"); got != rpcinterface.String("KILL") {
				t.Errorf("the options have stopsignal %v", got)
			}
			mustUpdate(t, w, "w_0 [] none; w_1 [] none", strategy, false, []string{"stopsignal", "KILL"}, Autostart, NoStartSecs, stopSignal(9))
		}, Group("g", 999))
	}
}

// What comes while a process is being spawned gets to it with its pid.
func TestWhileSpawned(t *testing.T) {
	for want, come := range map[string]func(*testing.T, *World){
		"[reconfigure w_0]": func(t *testing.T, w *World) {
			mustUpdate(t, w, "w_0 [stopsignal] live", now, false, nil, Autostart, NoStartSecs, stopSignal(9))
		},
		"[reopen w_0]": func(_ *testing.T, w *World) { w.Sup.ReopenLogs() },
	} {
		world(t, func(t *testing.T, w *World) {
			w.Hold()
			addW(t, w, "g", dynamic(), 1, Autostart, NoStartSecs)
			synctest.Wait()
			come(t, w)
			w.Done()
			w.Release()
			synctest.Wait()
			if got := fmt.Sprint(w.Done()); got != want || w.State("g:w_0") != rpcinterface.ProcessRunning {
				t.Errorf("done was %s, want %s; the state is %v", got, want, w.State("g:w_0"))
			}
		}, Group("g", 999))
	}
}

// autorestart counts from the update on.
func TestUpdateAutorestart(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", dynamic(), 1, Autostart, NoStartSecs)
		always := func(p *core.ProcessSpec) { p.Autorestart = core.RestartAlways }
		mustUpdate(t, w, "w_0 [autorestart] live", now, false, nil, Autostart, NoStartSecs, always)
		w.Finish(1, process.Status{})
		time.Sleep(2 * time.Second)
		if got := pids(w); got != "w_0=2" {
			t.Errorf("after an expected exit: %s", got)
		}
	}, Group("g", 999))
}

func TestUpdateNow(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", dynamic(), 3, NoStartSecs)
		for _, name := range []string{"g:w_0", "g:w_1"} {
			if err := w.Sup.Start(t.Context(), name, true); err != nil {
				t.Fatal(err)
			}
		}
		const want = "w_0 [command stopsignal] restarted; w_1 [command stopsignal] restarted; w_2 [command stopsignal] next"
		for _, dryRun := range []bool{true, false} {
			mustUpdate(t, w, want, now, dryRun, nil, NoStartSecs, command("new"), stopSignal(9))
		}
		for _, name := range []string{"w_0", "w_1"} {
			if got := w.Job(name).Spec.Command; got != "new" {
				t.Errorf("%s runs %s", name, got)
			}
		}
		if got := w.State("g:w_2"); got != rpcinterface.ProcessStopped {
			t.Errorf("w_2 was %v", got)
		}
		if err := w.Sup.Start(t.Context(), "g:w_2", true); err != nil || w.Job("w_2").Spec.Command != "new" {
			t.Errorf("w_2 is started with %v, %v", w.Job("w_2").Spec.Command, err)
		}
		// They are stopped with the signal that they have since the update.
		if got := fmt.Sprint(w.Done()); !strings.Contains(got, "signal w_0 SIGKILL") {
			t.Errorf("done was %s", got)
		}
	}, Group("g", 999))
}

func TestUpdateRolling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Life["w_1"] = 3 * time.Second // long enough at first, too short for startsecs later
		w.Run(Group("g", 999))
		defer w.End()
		w.Sup.Begin()
		addW(t, w, "g", dynamic(), 4)
		for _, name := range []string{"g:w_0", "g:w_1", "g:w_2"} {
			go func() { _ = w.Sup.Start(context.Background(), name, true) }()
		}
		time.Sleep(2 * time.Second)
		slow := func(p *core.ProcessSpec) { p.StartSecs, p.StartRetries, p.Command = 5, 0, "new" }
		before := time.Now()
		mustUpdate(t, w, "w_0 [command startretries startsecs] restarted; "+
			"w_1 [command startretries startsecs] failed (SPAWN_ERROR: g:w_1); "+
			"w_2 [command startretries startsecs] kept; w_3 [command startretries startsecs] next", rolling, false, []string{"command", "new"}, slow)
		if took := time.Since(before); took < 5*time.Second {
			t.Errorf("it took %v: the first must be RUNNING before the second", took)
		}
		if got := w.Job("w_0").Spec.Command; got != "new" {
			t.Errorf("w_0 runs %s", got)
		}
		if got := w.Job("w_2").Spec; got.Command != "/bin/cat" || w.State("g:w_2") != rpcinterface.ProcessRunning {
			t.Errorf("w_2 was not kept: %+v", got)
		}
		// What a process that was kept can take, it has; the rest it gets by another update.
		if s, _ := w.Sup.Spec("g:w_2"); s.StartSecs != 5 || s.Command != "/bin/cat" {
			t.Errorf("w_2 has %+v", s)
		}
		synctest.Wait()
		delete(w.Life, "w_1")
		mustUpdate(t, w, "w_0 [] none; w_1 [] none; w_2 [command] restarted; w_3 [] none", rolling, false, []string{"command", "new"}, slow)
	})
}

// A command that is not there stops nothing.
func TestUpdateToAMissingCommand(t *testing.T) {
	for _, strategy := range []rpcinterface.UpdateStrategy{now, rolling} {
		synctest.Test(t, func(t *testing.T) {
			w := New(t).Run(Group("g", 999))
			defer w.End()
			w.Sup.Begin()
			addW(t, w, "g", dynamic(), 1, Autostart, NoStartSecs)
			w.Missing["w_0"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "gone")
			mustUpdate(t, w, "w_0 [command] failed (NO_FILE: gone)", strategy, false, nil, Autostart, NoStartSecs, command("gone"))
			if got := pids(w); got != "w_0=1" {
				t.Errorf("after a missing command: %s", got)
			}
		})
	}
}

// With next a process goes on as it is, whatever its state, until it starts again.
func TestUpdateNext(t *testing.T) {
	crashes := func(w *World) { w.Finish(1, process.Status{Code: 1}) }
	for name, tc := range map[string]struct {
		prepare func(t *testing.T, w *World)
		state   rpcinterface.ProcessState // when the update comes
		restart func(t *testing.T, w *World)
	}{
		"a start by hand": {func(t *testing.T, w *World) {}, rpcinterface.ProcessRunning, func(t *testing.T, w *World) {
			if err := errors.Join(w.Sup.Stop(t.Context(), "g:w_0", true), w.Sup.Start(t.Context(), "g:w_0", true)); err != nil {
				t.Fatal(err)
			}
		}},
		"autorestart": {func(t *testing.T, w *World) {}, rpcinterface.ProcessRunning, func(t *testing.T, w *World) { crashes(w); time.Sleep(2 * time.Second) }},
		"while it is stopped": {func(t *testing.T, w *World) { _ = w.Sup.Stop(t.Context(), "g:w_0", true) }, rpcinterface.ProcessStopped,
			func(t *testing.T, w *World) { _ = w.Sup.Start(t.Context(), "g:w_0", true) }},
		"while it backs off": {func(t *testing.T, w *World) {
			_ = w.Sup.Stop(t.Context(), "g:w_0", true)
			synctest.Wait()
			w.Unspawnable["w_0"] = "no"
			_ = w.Sup.Start(t.Context(), "g:w_0", false)
			synctest.Wait()
			delete(w.Unspawnable, "w_0")
		}, rpcinterface.ProcessBackoff, func(t *testing.T, w *World) { time.Sleep(5 * time.Second) }},
		"while it is fatal": {func(t *testing.T, w *World) {
			_ = w.Sup.Stop(t.Context(), "g:w_0", true)
			synctest.Wait()
			w.Unspawnable["w_0"] = "no"
			_ = w.Sup.Start(t.Context(), "g:w_0", false)
			time.Sleep(time.Minute)
			synctest.Wait()
			delete(w.Unspawnable, "w_0")
		}, rpcinterface.ProcessFatal, func(t *testing.T, w *World) { _ = w.Sup.Start(t.Context(), "g:w_0", true) }},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(t *testing.T, w *World) {
				addW(t, w, "g", dynamic(), 1, Autostart, NoStartSecs)
				tc.prepare(t, w)
				synctest.Wait()
				if got := w.State("g:w_0"); got != tc.state {
					t.Fatalf("the state is %v", got)
				}
				mustUpdate(t, w, "w_0 [command] next", next, false, []string{"command", "new"}, Autostart, NoStartSecs, command("new"))
				if got := w.State("g:w_0"); got != tc.state {
					t.Errorf("the state became %v", got)
				}
				if s, _ := w.Sup.Spec("g:w_0"); s.Command != "/bin/cat" {
					t.Errorf("it has %s before its start", s.Command)
				}
				tc.restart(t, w)
				synctest.Wait()
				if got := w.Job("w_0").Spec.Command; got != "new" || w.State("g:w_0") != rpcinterface.ProcessRunning {
					t.Errorf("it was started as %s and is %v", got, w.State("g:w_0"))
				}
			}, Group("g", 999))
		})
	}
}

// Changes that wait for the next start and live ones meet.
func TestUpdateAfterNext(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", dynamic(), 1, Autostart, NoStartSecs)
		mustUpdate(t, w, "w_0 [command] next", next, false, nil, Autostart, NoStartSecs, command("new"))
		mustUpdate(t, w, "w_0 [stopsignal] live", next, false, nil, Autostart, NoStartSecs, command("new"), stopSignal(9))
		if s, _ := w.Sup.Spec("g:w_0"); s.Command != "/bin/cat" || s.StopSignal != 9 {
			t.Errorf("it has %+v", s)
		}
		mustUpdate(t, w, "w_0 [command] next", next, false, nil, Autostart, NoStartSecs, stopSignal(9))
		if err := errors.Join(w.Sup.Stop(t.Context(), "g:w_0", true), w.Sup.Start(t.Context(), "g:w_0", true)); err != nil {
			t.Fatal(err)
		}
		if got := w.Job("w_0").Spec; got.Command != "/bin/cat" || got.StopSignal != 9 {
			t.Errorf("it was started as %+v", got)
		}
	}, Group("g", 999))
}

// An update that was made of what is not true any more is refused, whoever it was.
func TestUpdateOutdated(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		addW(t, w, "g", dynamic(), 2)
		state := mustState(t, w)
		mine := supervisor.Update{Group: "g", Program: "w", Before: state.Source, Source: state.Source.With(nil),
			Specs: numbered(dynamic(), 2, command("mine")), Strategy: now}
		mustUpdate(t, w, "w_0 [command] next; w_1 [command] next", now, false, nil, command("theirs"))
		_, err := w.Sup.UpdateProgram(t.Context(), mine)
		if !supervisor.Outdated(err) {
			t.Errorf("after another update: %v", err)
		}
		_, _, err = w.Sup.SetNumProcs(t.Context(), supervisor.NumProcs{Group: "g", Program: "w", Before: state.Source,
			Source: state.Source.With(nil), Specs: numbered(dynamic(), 1)})
		if !supervisor.Outdated(err) {
			t.Errorf("a number of processes after another update: %v", err)
		}
		mine.Before = mustState(t, w).Source
		if _, _, err := scale(t, w, "g", 3, command("theirs")); err != nil {
			t.Fatal(err)
		}
		if _, err = w.Sup.UpdateProgram(t.Context(), mine); !supervisor.Outdated(err) {
			t.Errorf("after the number has changed: %v", err)
		}
		for _, spec := range mustState(t, w).Specs {
			if spec.Command != "theirs" {
				t.Errorf("%s has %s", spec.Name, spec.Command)
			}
		}
		WantFault(t, err, 30, "FAILED: the program was changed by another call")
	}, Group("g", 999))
}

// An update waits for the log files of what was just added; a path that becomes AUTO
// gets a file, and one that was AUTO keeps its own.
func TestUpdateAutomaticLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Prepared = make(chan struct{})
		w.Run(Group("g", 999))
		defer w.End()
		w.Sup.Begin()
		added, updated := make(chan error, 1), make(chan error, 1)
		source := dynamic("stdout_logfile", "AUTO")
		go func() {
			added <- w.Sup.AddPrograms(context.Background(), []supervisor.ProgramAddition{
				{Group: "g", Program: "w", Source: source, Specs: numbered(source, 1, AutoLog)}})
		}()
		synctest.Wait()
		go func() {
			_, err := w.Sup.UpdateProgram(context.Background(), supervisor.Update{Group: "g", Program: "w", Before: source,
				Source: source, Specs: numbered(source, 1, stopSignal(9), AutoLog), Strategy: now})
			updated <- err
		}()
		synctest.Wait()
		if len(added)+len(updated) != 0 {
			t.Error("they did not wait for the log files")
		}
		close(w.Prepared)
		if err := errors.Join(<-added, <-updated); err != nil {
			t.Fatal(err)
		}
		logOf := func() string { return mustState(t, w).Specs[0].Stdout.File.Path }
		if got := logOf(); got != "/auto/w_0" {
			t.Errorf("the log is %q", got)
		}
		path := func(p *core.ProcessSpec) { p.Stdout.File = core.LogFile{Kind: core.LogPath, Path: "/p"} }
		mustUpdate(t, w, "w_0 [stdout_logfile] next", now, false, []string{"stdout_logfile", "/p"}, stopSignal(9), path)
		if got := logOf(); got != "/p" {
			t.Errorf("the log is %q", got)
		}
		mustUpdate(t, w, "w_0 [stdout_logfile] next", now, false, []string{"stdout_logfile", "AUTO"}, stopSignal(9), AutoLog)
		if got := logOf(); got != "/auto/w_0" {
			t.Errorf("the log is %q", got)
		}
		mustUpdate(t, w, "w_0 [command] next", now, false, []string{"command", "x"}, stopSignal(9), AutoLog, command("x"))
		if got := logOf(); got != "/auto/w_0" {
			t.Errorf("the log is %q", got)
		}

		// Whoever gives up while the files are made changes nothing.
		w.Prepared = make(chan struct{})
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			state := mustState(t, w)
			_, err := w.Sup.UpdateProgram(ctx, supervisor.Update{Group: "g", Program: "w", Before: state.Source,
				Source: state.Source.With(dynamic("stdout_logfile", "auto").Options), Specs: numbered(source, 1, AutoLog, command("y")), Strategy: now})
			updated <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-updated; !errors.Is(err, context.Canceled) {
			t.Errorf("given up: %v", err)
		}
		synctest.Wait()
		if got := mustState(t, w).Specs[0].Command; got != "x" {
			t.Errorf("it was changed to %s", got)
		}
		close(w.Prepared)
	})
}

// A group that was made for a program has its priority, before and after an update.
func TestUpdatePriorityOfAnOwnGroup(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		source := own(persisted(dynamic()))
		if err := w.Sup.AddPrograms(t.Context(), []supervisor.ProgramAddition{{Program: "w", Source: source, Specs: numbered(source, 1)}}); err != nil {
			t.Fatal(err)
		}
		if got, err := update(t, w, "w", 1, now, false, []string{"priority", "5"}, Priority(5)); err != nil || got != "w_0 [priority] live" {
			t.Errorf("%s, %v", got, err)
		}
		if got := w.Sup.Groups()[0].Priority; got != 5 {
			t.Errorf("the group has priority %d", got)
		}
		wantDiff(t, w, "[] [] []")
	})
}

func TestPersistedCountsAsConfigured(t *testing.T) {
	file := func() *core.GroupSpec { return Group("g", 999, Program("p", program("p"))) }
	world(t, func(t *testing.T, w *World) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(w.Sup.AddGroup(ctx, rpcinterface.GroupInfo{Name: "batch", Priority: 7}, true))
		must(w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{
			adding("batch", "job", persisted(dynamic())), adding("", "solo", own(persisted(dynamic()))),
		}))
		addW(t, w, "g", persisted(dynamic()), 2)
		wantDiff(t, w, "[] [] []", file())
		if _, err := update(t, w, "g", 2, next, false, []string{"command", "new"}, command("new")); err != nil {
			t.Fatal(err)
		}
		if _, _, err := scale(t, w, "g", 4, command("new")); err != nil {
			t.Fatal(err)
		}
		wantDiff(t, w, "[] [] []", file())

		// What is added beside it and is not persisted goes.
		must(w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("g", "x", dynamic()), adding("", "y", own(dynamic()))}))
		wantDiff(t, w, "[] [g] [y]", file())
		must(errors.Join(w.Sup.RemoveProgram(ctx, "g", "x"), w.Sup.RemoveProgram(ctx, "y", "y")))
		wantDiff(t, w, "[] [] []", file())

		// supervisorctl remove and add.
		must(errors.Join(w.Sup.RemoveGroup(ctx, "solo"), w.Sup.RemoveGroup(ctx, "batch"), w.Sup.RemoveGroup(ctx, "g")))
		wantTable(t, w, "")
		wantDiff(t, w, "[batch g solo] [] []", file())
		list, err := w.Sup.Configured(ctx)
		must(err)
		var names []string
		for _, g := range list {
			names = append(names, fmt.Sprintf("%s %v %d", g.Spec.Name, g.InUse, len(g.Spec.Processes)))
		}
		if got, want := fmt.Sprint(names), "[batch false 1 g false 5 solo false 1]"; got != want {
			t.Errorf("available are %s, want %s", got, want)
		}
		// While they are away their names are taken for what would be persisted.
		WantFault(t, w.Sup.AddGroup(ctx, rpcinterface.GroupInfo{Name: "batch"}, true), 90, "ALREADY_ADDED: batch")
		WantFault(t, w.Sup.AddGroup(ctx, rpcinterface.GroupInfo{Name: "solo"}, true), 90, "ALREADY_ADDED: solo")
		WantFault(t, w.Sup.AddGroup(ctx, rpcinterface.GroupInfo{Name: "g"}, true), 90, "ALREADY_ADDED: g")
		for _, name := range []string{"batch", "solo", "g"} {
			WantFault(t, w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("", name, own(persisted(dynamic())))}), 90, "ALREADY_ADDED: "+name)
		}
		must(errors.Join(w.Sup.AddConfigured(ctx, "g"), w.Sup.AddConfigured(ctx, "solo"), w.Sup.AddConfigured(ctx, "batch")))
		wantTable(t, w, "g(p w_0 w_1 w_2 w_3) solo(solo) batch(job)")
		if got := mustState(t, w); got.Specs[3].Command != "new" || !got.Source.Persisted {
			t.Errorf("w came back as %+v", got)
		}
		wantDiff(t, w, "[] [] []", file())
		if got, want := kept(t, w), "group batch 7, program batch/job, program /solo, program g/w"; got != want {
			t.Errorf("persisted is %s, want %s", got, want)
		}

		// One of several processes cannot go by itself: the file could not say so.
		WantFault(t, w.Sup.RemoveProcess(ctx, "g", "w_1", false), 30,
			"FAILED: w_1 is one of 4 processes of the persisted program w: change their number, or remove the program")

		// For good, also what does not live.
		must(w.Sup.RemoveGroup(ctx, "solo"))
		must(errors.Join(w.Sup.RemoveProgram(ctx, "solo", "solo"), w.Sup.RemoveForGood(ctx, "batch", false), w.Sup.RemoveProcess(ctx, "g", "p", false)))
		if got := kept(t, w); got != "program g/w" {
			t.Errorf("persisted is %s", got)
		}
		must(w.Sup.RemoveProgram(ctx, "g", "w"))
		if got := kept(t, w); got != "" {
			t.Errorf("persisted is %s", got)
		}
		WantFault(t, w.Sup.RemoveForGood(ctx, "batch", false), 10, "BAD_NAME: batch")
	}, file())
}

// What is removed to last does not stand in the configuration file.
func TestLastingRemovals(t *testing.T) {
	file := func() *core.GroupSpec { return Group("g", 999, Program("p", program("p")), Program("q", program("q"))) }
	world(t, func(t *testing.T, w *World) {
		ctx := t.Context()
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{
			adding("g", "kept", persisted(dynamic())), adding("g", "x", dynamic()), adding("", "y", own(dynamic())),
		}))
		wantDiff(t, w, "[] [g] [y]", file())
		const group = "FAILED: group g stands in the configuration file, so its removal would not last: remove it there"
		process := "FAILED: process p of group g stands in the configuration file, so its removal would not last: remove it there"
		WantFault(t, w.Sup.RemoveForGood(ctx, "g", true), 30, group)
		WantFault(t, w.Sup.RemoveProcess(ctx, "g", "p", true), 30, process)
		wantTable(t, w, "g(kept p q x) y(y)")
		if got := kept(t, w); got != "program g/kept" {
			t.Errorf("persisted is %s", got)
		}
		WantFault(t, w.Sup.RemoveForGood(ctx, "z", true), 10, "BAD_NAME: z")
		WantFault(t, w.Sup.RemoveProcess(ctx, "z", "p", true), 10, "BAD_NAME: group: z")
		WantFault(t, w.Sup.RemoveProcess(ctx, "g", "z", true), 10, "BAD_NAME: z")

		// What was added at run time would not come back, kept or not.
		must(errors.Join(w.Sup.RemoveProcess(ctx, "g", "kept", true), w.Sup.RemoveProcess(ctx, "g", "x", true), w.Sup.RemoveForGood(ctx, "y", true)))
		wantTable(t, w, "g(p q)")

		// A group that is away would come back too; so it is only where something of it
		// is kept that there is anything to refuse.
		must(w.Sup.AddPrograms(ctx, []supervisor.ProgramAddition{adding("g", "kept", persisted(dynamic()))}))
		must(w.Sup.RemoveGroup(ctx, "g"))
		WantFault(t, w.Sup.RemoveForGood(ctx, "g", true), 30, group)
		must(w.Sup.RemoveProgram(ctx, "g", "kept"))
		WantFault(t, w.Sup.RemoveForGood(ctx, "g", true), 10, "BAD_NAME: g")

		// What the file has had, it has no more.
		must(w.Sup.AddConfigured(ctx, "g"))
		wantDiff(t, w, "[] [g] []", Group("g", 999, Program("q", program("q"))))
		must(w.Sup.RemoveProcess(ctx, "g", "p", true))
		wantDiff(t, w, "[] [] [g]")
		must(w.Sup.RemoveForGood(ctx, "g", true))
		wantTable(t, w, "")
	}, file())
}

// A group that was made for a program stays in the file while others are in it.
func TestPersistedGroupOutlivesItsProgram(t *testing.T) {
	for name, remove := range map[string]func(ctx context.Context, w *World) error{
		"the program": func(ctx context.Context, w *World) error { return w.Sup.RemoveProgram(ctx, "n", "n") },
		"its process": func(ctx context.Context, w *World) error { return w.Sup.RemoveProcess(ctx, "n", "n", false) },
		"the program of a group that is away": func(ctx context.Context, w *World) error {
			return errors.Join(w.Sup.RemoveGroup(ctx, "n"), w.Sup.RemoveProgram(ctx, "n", "n"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			world(t, func(t *testing.T, w *World) {
				if err := w.Sup.AddPrograms(t.Context(), []supervisor.ProgramAddition{
					adding("", "n", own(persisted(dynamic())), Priority(3)), adding("n", "m", persisted(dynamic())),
				}); err != nil {
					t.Fatal(err)
				}
				if err := remove(t.Context(), w); err != nil {
					t.Fatal(err)
				}
				if got, want := kept(t, w), "group n 3, program n/m"; got != want {
					t.Errorf("persisted is %s, want %s", got, want)
				}
				if got := diff(t, w); strings.Contains(name, "away") != (got == "[n] [] []") || !strings.Contains(name, "away") && got != "[] [] []" {
					t.Errorf("reread finds %s", got)
				}
			})
		})
	}
}

func TestRestore(t *testing.T) {
	world(t, func(t *testing.T, w *World) {
		ctx := t.Context()
		groups := func() []*core.GroupSpec {
			return []*core.GroupSpec{{Name: "batch", Priority: 7, Dynamic: true, Persisted: true}}
		}
		programs := func() []supervisor.ProgramAddition {
			return []supervisor.ProgramAddition{
				adding("batch", "job", persisted(dynamic())), adding("g", "x", persisted(dynamic())), adding("", "solo", own(persisted(dynamic()))),
			}
		}
		// All or none.
		WantFault(t, w.Sup.Restore(ctx, "twiddler", "/f", groups(), append(programs(), adding("zz", "y", persisted(dynamic())))), 10, "BAD_NAME: group: zz")
		WantFault(t, w.Sup.Restore(ctx, "twiddler", "/f", append(groups(), groups()...), nil), 90, "ALREADY_ADDED: batch")
		WantFault(t, w.Sup.Restore(ctx, "twiddler", "/f", []*core.GroupSpec{{Name: "g", Persisted: true}}, nil), 90, "ALREADY_ADDED: g")
		WantFault(t, w.Sup.Restore(ctx, "twiddler", "/f", nil, append(programs()[1:], adding("g", "p", persisted(dynamic())))), 10, "BAD_NAME: p")
		wantTable(t, w, "g(p)")

		const all = "group batch 7, program batch/job, program g/x, program /solo"
		for range 2 { // the second time it is there
			if err := w.Sup.Restore(ctx, "twiddler", "/f", groups(), programs()); err != nil {
				t.Fatal(err)
			}
			wantTable(t, w, "g(p x) batch(job) solo(solo)")
			if got := kept(t, w); got != all {
				t.Errorf("persisted is %s", got)
			}
		}
		if err := w.Sup.RemoveProgram(ctx, "g", "x"); err != nil {
			t.Fatal(err)
		}
		if err := w.Sup.Restore(ctx, "twiddler", "/f", groups(), programs()); err != nil {
			t.Fatal(err)
		}
		wantTable(t, w, "g(p) batch(job) solo(solo)") // what was removed since stays so
		WantFault(t, w.Sup.Restore(ctx, "other", "/h", nil, nil), 30, "FAILED: what is added at run time is kept already, by twiddler in /f")
		if err := w.Sup.Restore(ctx, "twiddler", "/h", nil, nil); err != nil { // its file is another now
			t.Error(err)
		}
		if got, err := w.Sup.Restored(ctx); err != nil || fmt.Sprint(got) != "[/f /h]" {
			t.Errorf("files %v, %v", got, err)
		}
	}, Group("g", 999, Program("p")))
}
