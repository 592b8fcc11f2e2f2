package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/supervisor"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestStartWaitsForRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("a", 999, Program("a")))
		defer w.End()
		before := time.Now()
		if err := w.Sup.Start(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took != time.Second {
			t.Errorf("took %v, want startsecs", took)
		}
		WantFault(t, w.Sup.Start(t.Context(), "a", true), 60, "ALREADY_STARTED: a")
		if err := w.Sup.Stop(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		WantFault(t, w.Sup.Stop(t.Context(), "a", true), 70, "NOT_RUNNING: a")
	})
}

func TestStartFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("g", 999, Program("quick"), Program("bad"), Program("gone"), Program("slow")))
		defer w.End()
		w.Life["quick"] = 100 * time.Millisecond
		w.Unspawnable["bad"] = "too many open files to spawn 'bad'"
		w.Missing["gone"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "can't find command 'gone'")
		ctx := t.Context()
		WantFault(t, w.Sup.Start(ctx, "g:nope", true), 10, "BAD_NAME: g:nope")
		WantFault(t, w.Sup.Start(ctx, "nope", true), 10, "BAD_NAME: nope")
		WantFault(t, w.Sup.Start(ctx, "g:quick", true), 50, "SPAWN_ERROR: g:quick")
		WantFault(t, w.Sup.Start(ctx, "g:bad", false), 50, "SPAWN_ERROR: g:bad")
		WantFault(t, w.Sup.Start(ctx, "g:gone", true), 20, "NO_FILE: can't find command 'gone'")
		if got := w.State("g:gone"); got != rpcinterface.ProcessStopped {
			t.Errorf("a missing command left the state %v", got)
		}
		time.AfterFunc(500*time.Millisecond, func() { _ = w.Sup.Stop(context.Background(), "g:slow", false) })
		WantFault(t, w.Sup.Start(ctx, "g:slow", true), 40, "ABNORMAL_TERMINATION: g:slow")
	})
}

func TestStopWaitsForKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Not 10 s, when a report is due with the kill, and may come before the death.
		w := New(t).Run(Group("a", 999, Program("a", NoStartSecs, func(p *core.ProcessSpec) { p.StopWaitSecs = 9 })))
		defer w.End()
		w.Immune["a"] = true
		if err := w.Sup.Start(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if err := w.Sup.Stop(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took != 9*time.Second {
			t.Errorf("took %v, want stopwaitsecs", took)
		}
		if n := len(w.Lines("waiting for a to stop")); n != 5 {
			t.Errorf("%d reports of the wait, want one at once and every 2 s", n)
		}
	})
}

func TestStopInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("a", 999, Program("a")))
		defer w.End()
		w.Hold()
		started, stopped := make(chan error, 1), make(chan error, 1)
		go func() { started <- w.Sup.Start(t.Context(), "a", true) }()
		synctest.Wait()
		go func() { stopped <- w.Sup.Stop(t.Context(), "a", true) }()
		synctest.Wait()
		if got := w.State("a"); got != rpcinterface.ProcessStarting {
			t.Errorf("state in flight is %v", got)
		}
		w.Release()
		WantFault(t, <-started, 40, "ABNORMAL_TERMINATION: a")
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestKillFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("a", 999, Program("a", NoStartSecs)))
		if err := w.Sup.Start(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		w.FailKills(syscall.EPERM)
		WantFault(t, w.Sup.Stop(t.Context(), "a", true), 30, "FAILED: unknown problem killing a (1):operation not permitted")
		if got := w.State("a"); got != rpcinterface.ProcessUnknown {
			t.Errorf("state is %v", got)
		}
		WantFault(t, w.Sup.Start(t.Context(), "a", true), 30, "FAILED: a is in an unknown process state")
		w.End() // UNKNOWN counts as stopped
	})
}

// Results that the reference knows at once come first and in order; the others
// follow as they complete.
func TestGroupStartOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(p *core.ProcessSpec) { p.StartSecs = 5 }
		w := New(t).Run(Group("g", 999, Program("slow", slow), Program("fast", NoStartSecs), Program("gone"), Program("one")))
		defer w.End()
		w.Missing["gone"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "x")
		results, err := w.Sup.StartMany(t.Context(), supervisor.InGroup("g"), true)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range results {
			got = append(got, r.Process)
		}
		if want := "fast gone one slow"; strings.Join(got, " ") != want {
			t.Errorf("order is %v, want %s", got, want)
		}
		if results[1].Fault == nil || results[1].Fault.Code != 20 {
			t.Errorf("the missing command's fault is %v", results[1].Fault)
		}
		again, err := w.Sup.StartMany(t.Context(), supervisor.InGroup("g"), true)
		if err != nil || len(again) != 1 {
			t.Errorf("a second start acts on %v, %v; only the failed one is left", again, err)
		}
		_, err = w.Sup.StartMany(t.Context(), supervisor.InGroup("x"), true)
		WantFault(t, err, 10, "BAD_NAME: x")
	})
}

func TestAutostartByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Prepared = make(chan struct{})
		w.Run(
			Group("late", 20, Program("z", Autostart)),
			Group("early", 10, Program("b", Autostart, AutoLog, Priority(1)), Program("a", Autostart, Priority(2)), Program("manual")))
		defer w.End()
		w.Hold()
		w.Sup.Begin()
		synctest.Wait()
		if w.Held() != 0 {
			t.Error("programs were started before all log files existed")
		}
		close(w.Prepared)
		synctest.Wait()
		w.Release()
		if got, want := strings.Join(w.Spawned(), " "), "early:b early:a late:z"; got != want {
			t.Errorf("started %q, want %q", got, want)
		}
	})
}

// TestSettle waits for automatic logs, and sees their names.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Prepared = make(chan struct{})
		w.Run(Group("g", 1, Program("a", AutoLog)))
		defer w.End()
		settled := make(chan bool, 1)
		go func() {
			w.Sup.Settle()
			settled <- true
		}()
		synctest.Wait()
		if len(settled) != 0 {
			t.Error("it did not wait for the log file")
		}
		close(w.Prepared)
		<-settled
		configured, err := w.Sup.Configured(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := configured[0].Spec.Processes[0].Stdout.File.Path; got != "/auto/a" {
			t.Errorf("the log file is %q", got)
		}
		w.Sup.Settle() // with nothing to wait for
	})
}

// TestWhileLogsAreMade has calls come while the automatic logs of one process are
// being made: those about others go on, those about it wait, in their order.
func TestWhileLogsAreMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Prepared = make(chan struct{})
		w.Run(Group("g", 1, Program("old", NoStartSecs), Program("other")))
		defer w.End()
		w.Sup.Begin()
		var order []string
		var mu sync.Mutex
		begin := func(what string, f func() error) {
			go func() {
				err := f()
				mu.Lock()
				defer mu.Unlock()
				order = append(order, fmt.Sprintf("%s: %v", what, err))
			}()
			synctest.Wait()
		}
		begin("add", func() error {
			return w.Sup.AddProcesses(t.Context(), "g", []*core.ProcessSpec{Program("new", AutoLog)}, nil)
		})
		begin("remove other", func() error { return w.Sup.RemoveProcess(t.Context(), "g", "other", false) })
		begin("start old", func() error { return w.Sup.Start(t.Context(), "g:old", true) })
		begin("stop old", func() error { return w.Sup.Stop(t.Context(), "g:old", true) })
		begin("remove new", func() error { return w.Sup.RemoveProcess(t.Context(), "g", "new", false) })
		begin("start new", func() error { return w.Sup.Start(t.Context(), "g:new", true) })
		begin("remove the group", func() error { return w.Sup.RemoveGroup(t.Context(), "g") })
		if len(order) != 3 {
			t.Errorf("before the logs are made: %q", order)
		}
		close(w.Prepared)
		synctest.Wait()
		slices.Sort(order[3:])
		want := []string{"remove other: <nil>", "start old: <nil>", "stop old: <nil>",
			"add: <nil>", "remove new: <nil>", "remove the group: <nil>", "start new: BAD_NAME: g:new"}
		if !slices.Equal(order, want) {
			t.Errorf("answers %q, want %q", order, want)
		}
	})
}

func TestShutdownOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(
			Group("first", 1, Program("a", Autostart, NoStartSecs)),
			Group("second", 2, Program("b", Autostart, NoStartSecs, Priority(1)), Program("c", Autostart, NoStartSecs, Priority(2)), Program("d", Autostart)))
		w.Immune["b"] = true
		w.Unspawnable["d"] = "no"
		w.Sup.Begin()
		synctest.Wait()
		before := time.Now()
		w.Sup.Shutdown()
		if w.Sup.State() != rpcinterface.SupervisorShutdown {
			t.Error("the state is not seen at once")
		}
		w.Sup.Restart()
		if w.Sup.State() != rpcinterface.SupervisorShutdown {
			t.Error("a restart replaced a shutdown")
		}
		<-w.Sup.Done()
		if took := time.Since(before); took != 10*time.Second {
			t.Errorf("took %v, want the stopwaitsecs of b", took)
		}
		stopped := w.Lines("WARN stopped: ")
		want := []string{"WARN stopped: c (terminated by SIGTERM)", "WARN stopped: b (terminated by SIGKILL)", "WARN stopped: a (terminated by SIGTERM)"}
		if fmt.Sprint(stopped) != fmt.Sprint(want) {
			t.Errorf("stopped %v, want %v", stopped, want)
		}
		if got := w.Lines("to die"); len(got) != 4 || got[0] != "INFO waiting for a, b, c to die" {
			t.Errorf("reports: %v", got)
		}
		_, err := w.Sup.Configured(context.Background())
		WantFault(t, err, 6, "SHUTDOWN_STATE")
	})
}

// A start that comes when the shutdown has begun, from a plugin or from a client
// whose call was admitted just before, would not be stopped by anybody.
func TestStartDuringShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(
			Group("slow", 1, Program("slow", Autostart, NoStartSecs)),
			Group("late", 2, Program("late")))
		w.Immune["slow"] = true
		w.Sup.Begin()
		synctest.Wait()
		w.Sup.Shutdown()
		synctest.Wait()
		WantFault(t, w.Sup.Start(t.Context(), "late", true), 6, "SHUTDOWN_STATE")
		results, err := w.Sup.StartMany(t.Context(), supervisor.InGroup("late"), true)
		if err != nil || len(results) != 1 {
			t.Fatalf("results %v, %v", results, err)
		}
		WantFault(t, results[0].Fault, 6, "SHUTDOWN_STATE")
		time.Sleep(time.Minute)
		select {
		case <-w.Sup.Done():
		default:
			t.Error("the shutdown does not end")
			_ = w.Sup.Stop(t.Context(), "late", true)
		}
	})
}

// A spawn that waits for others, or takes long, is no part of startsecs: a program
// that ends at once has not been RUNNING.
func TestSlowSpawn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("a", 999, Program("a")))
		defer w.End()
		w.Life["a"] = 100 * time.Millisecond
		w.Hold()
		started := make(chan error, 1)
		go func() { started <- w.Sup.Start(t.Context(), "a", true) }()
		time.Sleep(time.Minute)
		go w.Release()
		WantFault(t, <-started, 50, "SPAWN_ERROR: a")
		if lines := w.Lines("entered RUNNING state"); len(lines) > 0 {
			t.Errorf("the log says %q", lines)
		}
	})
}

func TestAddAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("g", 999, Program("a")))
		defer w.End()
		w.Sup.Begin()
		ctx := t.Context()
		add := func(group string, parseErr error, specs ...*core.ProcessSpec) error {
			return w.Sup.AddProcesses(ctx, group, specs, parseErr)
		}
		parse := rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "x")
		WantFault(t, add("nope", parse), 10, "BAD_NAME: group: nope")
		WantFault(t, add("g", parse), 2, "INCORRECT_PARAMETERS: x")
		WantFault(t, add("g", nil, Program("n1"), Program("n2"), Program("a")), 10, "BAD_NAME: a")
		if _, err := w.Sup.Process("g:n1"); err == nil {
			t.Error("an addition that failed was half done")
		}
		if err := add("g", nil, Program("n1", Autostart, AutoLog), Program("n2")); err != nil {
			t.Fatal(err)
		}
		info, err := w.Sup.Process("g:n1")
		if err != nil || info.StdoutLogfile != "/auto/n1" {
			t.Errorf("after adding: %+v, %v", info, err)
		}
		synctest.Wait()
		WantFault(t, w.Sup.RemoveProcess(ctx, "g", "n1", false), 91, "STILL_RUNNING: n1")
		WantFault(t, w.Sup.RemoveProcess(ctx, "g", "n9", false), 10, "BAD_NAME: n9")
		WantFault(t, w.Sup.RemoveProcess(ctx, "x", "n9", false), 10, "BAD_NAME: group: x")
		WantFault(t, w.Sup.RemoveGroup(ctx, "g"), 91, "STILL_RUNNING: g")
		if err := w.Sup.Stop(ctx, "g:n1", true); err != nil {
			t.Fatal(err)
		}
		if err := w.Sup.RemoveProcess(ctx, "g", "n1", false); err != nil {
			t.Fatal(err)
		}
		WantFault(t, w.Sup.RemoveProcess(ctx, "g", "n1", false), 10, "BAD_NAME: n1")
	})
}

// A group and the configuration that it was made from are one thing until the
// file is read again.
func TestConfiguredFollowsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("g", 999, Program("a")))
		defer w.End()
		ctx := t.Context()
		configured := func() string {
			groups, err := w.Sup.Configured(ctx)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, g := range groups {
				for _, p := range g.Spec.Processes {
					out = append(out, fmt.Sprintf("%s:%s/%v", g.Spec.Name, p.Name, g.InUse))
				}
			}
			return strings.Join(out, " ")
		}
		if err := w.Sup.AddProcesses(ctx, "g", []*core.ProcessSpec{Program("b")}, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := configured(), "g:a/true g:b/true"; got != want {
			t.Errorf("configured is %q, want %q", got, want)
		}
		if err := w.Sup.RemoveGroup(ctx, "g"); err != nil {
			t.Fatal(err)
		}
		if got, want := configured(), "g:a/false g:b/false"; got != want {
			t.Errorf("configured is %q, want %q", got, want)
		}
		if err := w.Sup.AddConfigured(ctx, "g"); err != nil {
			t.Fatal(err)
		}
		WantFault(t, w.Sup.AddConfigured(ctx, "g"), 90, "ALREADY_ADDED: g")
		live, _, err := w.Sup.SetConfigured(ctx, []*core.GroupSpec{Group("g", 999, Program("a"))})
		if err != nil || len(live) != 1 || len(live[0].Processes) != 2 {
			t.Errorf("live is %v, %v", live, err)
		}
		if got, want := configured(), "g:a/true"; got != want {
			t.Errorf("after a reread configured is %q, want %q", got, want)
		}
	})
}

// A list that somebody has stays as it was, and so do the groups' places in it.
func TestConfiguredListIsNotChangedUnderItsReaders(t *testing.T) {
	given := []*core.GroupSpec{Group("a", 1, Program("a")), Group("b", 2, Program("b")), Group("c", 3, Program("c"))}
	first := slices.Clone(given)
	w := New(t).Run(given...)
	defer w.End()
	ctx := t.Context()
	change := func() {
		for _, name := range []string{"c", "a"} {
			if err := w.Sup.AddProcesses(ctx, name, []*core.ProcessSpec{Program("more")}, nil); err != nil {
				t.Fatal(err)
			}
			if err := w.Sup.RemoveGroup(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
	}
	change()
	if !slices.Equal(given, first) {
		t.Error("the list that the supervisor was made with has changed")
	}
	next := []*core.GroupSpec{Group("c", 1, Program("c")), Group("a", 2, Program("a"))}
	_, answer, err := w.Sup.SetConfigured(ctx, next)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "c"} {
		if err := w.Sup.AddConfigured(ctx, name); err != nil {
			t.Fatal(err)
		}
	}
	WantFault(t, w.Sup.AddConfigured(ctx, "d"), 10, "BAD_NAME: d")
	then, nextThen := slices.Clone(answer), slices.Clone(next)
	change()
	if !slices.Equal(answer, then) || !slices.Equal(next, nextThen) {
		t.Error("the list that SetConfigured answered has changed")
	}
	groups, err := w.Sup.Configured(ctx)
	if err != nil || len(groups) != 2 {
		t.Fatalf("configured are %v, %v", groups, err)
	}
	for i, name := range []string{"c", "a"} {
		if g := groups[i]; g.Spec.Name != name || len(g.Spec.Processes) != 2 || g.InUse {
			t.Errorf("group %d is %s with %d processes, in use %v", i, g.Spec.Name, len(g.Spec.Processes), g.InUse)
		}
	}
}

// Processes are sorted by the names of their groups, whichever came and went.
func TestProcessesAreSortedAfterEachChange(t *testing.T) {
	w := New(t).Run(Group("b", 1, Program("b")), Group("c", 2, Program("c")), Group("a", 3, Program("a")))
	defer w.End()
	names := func() (out string) {
		for _, info := range w.Sup.Processes() {
			out += info.Name
		}
		return out
	}
	steps := []struct {
		change func(context.Context, string) error
		name   string
		want   string
	}{
		{func(context.Context, string) error { return nil }, "", "abc"},
		{w.Sup.RemoveGroup, "b", "ac"},
		{w.Sup.RemoveGroup, "a", "c"},
		{w.Sup.AddConfigured, "b", "bc"},
		{w.Sup.AddConfigured, "a", "abc"},
	}
	for _, s := range steps {
		if err := s.change(t.Context(), s.name); err != nil {
			t.Fatal(err)
		}
		if got := names(); got != s.want {
			t.Errorf("after %q: %s, want %s", s.name, got, s.want)
		}
	}
}

// manyGroups has n groups of one process, and update removes one and adds it again.
func manyGroups(tb testing.TB, n int) (update func()) {
	groups := make([]*core.GroupSpec, n)
	for i := range groups {
		name := fmt.Sprintf("p%d", i)
		groups[i] = Group(name, 999, Program(name))
	}
	w := New(tb).Run(groups...)
	tb.Cleanup(w.End)
	last := groups[n-1].Name
	return func() {
		if err := errors.Join(w.Sup.RemoveGroup(context.Background(), last), w.Sup.AddConfigured(context.Background(), last)); err != nil {
			tb.Fatal(err)
		}
	}
}

// An update of one program makes as much garbage among many as among few.
func TestUpdateAllocatesTheSameAmongMany(t *testing.T) {
	bytes := func(n int) uint64 {
		update := manyGroups(t, n)
		update() // takes the list over
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range 200 {
			update()
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / 200
	}
	few, many := bytes(10), bytes(5000)
	if many > few+few/2 {
		t.Errorf("%d bytes among 5,000 groups, %d among 10", many, few)
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			update := manyGroups(b, n)
			b.ReportAllocs()
			for b.Loop() {
				update()
			}
		})
	}
}

func BenchmarkProcesses(b *testing.B) {
	for _, n := range []int{100, 1000, 10000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			groups := make([]*core.GroupSpec, n)
			for i := range groups {
				name := fmt.Sprintf("p%d", (i*7919)%n) // the order of the file is another
				groups[i] = Group(name, 999, Program(name))
			}
			w := New(b).Run(groups...)
			defer w.End()
			b.ReportAllocs()
			for b.Loop() {
				w.Sup.Processes()
			}
		})
	}
}

// What a reader was given stays as it is while groups come and go.
func TestConfiguredIsRead(t *testing.T) {
	w := New(t).Run(Group("a", 999, Program("a")))
	defer w.End()
	ctx := t.Context()
	coming := make(chan error, 1)
	go func() {
		var err error
		for range 200 {
			err = errors.Join(err, w.Sup.RemoveGroup(ctx, "a"), w.Sup.AddConfigured(ctx, "a"))
		}
		coming <- err
	}()
	for {
		groups, err := w.Sup.Configured(ctx)
		if err != nil || len(groups) != 1 || groups[0].Spec.Name != "a" || len(groups[0].Spec.Processes) != 1 {
			t.Fatalf("configured are %v, %v", groups, err)
		}
		select {
		case err := <-coming:
			if err != nil {
				t.Error(err)
			}
			return
		default:
		}
	}
}

func TestRestartsAndGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("a", 999, Program("a", Autostart)))
		defer w.End()
		w.Life["a"] = 100 * time.Millisecond
		w.Sup.Begin()
		time.Sleep(time.Minute)
		if got := w.State("a"); got != rpcinterface.ProcessFatal {
			t.Errorf("state is %v", got)
		}
		if len(w.Spawned()) != 4 {
			t.Errorf("%d starts, want 1 + startretries", len(w.Spawned()))
		}
	})
}

// An idle supervisor sets no timer: in the bubble, time can only move on when
// nothing is due, so an hour of sleep ends with the loop still blocked.
func TestIdleMakesNoWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("a", 999, Program("a", Autostart)))
		defer w.End()
		w.Sup.Begin()
		time.Sleep(time.Minute)
		synctest.Wait()
		if next := w.Sup.NextDeadline(); !next.IsZero() {
			t.Errorf("something is due at %v", next)
		}
	})
}
