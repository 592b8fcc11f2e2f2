package supervisor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// world is a machine of its own in virtual time: programs are spawned at once, or
// when the test says so, and live until they get a signal that ends them.
type world struct {
	t   *testing.T
	sup *Supervisor

	mu       sync.Mutex
	lines    []string
	lastPID  int
	alive    map[int]SpawnJob
	spawned  []string
	hold     bool // keep spawns in flight
	held     []func()
	immune   map[string]bool          // programs that ignore all but SIGKILL
	life     map[string]time.Duration // programs that exit by themselves with status 1
	fail     map[string]string        // programs that cannot be spawned
	missing  map[string]error         // what CheckCommand says
	killErr  error
	prepared chan struct{} // PrepareLogs waits for it
}

func newWorld(t *testing.T, groups ...*core.GroupSpec) *world {
	return makeWorld(t).run(groups...)
}

func makeWorld(t *testing.T) *world {
	return &world{t: t, alive: map[int]SpawnJob{}, immune: map[string]bool{}, life: map[string]time.Duration{},
		fail: map[string]string{}, missing: map[string]error{}}
}

func (w *world) run(groups ...*core.GroupSpec) *world {
	w.sup = New(Config{Identifier: "ident", Groups: groups, Effects: w, Logger: w})
	go w.sup.Run()
	return w
}

// end stops everything, so that the bubble is empty.
func (w *world) end() {
	w.sup.Shutdown()
	<-w.sup.Done()
}

func (w *world) Log(level rpcinterface.LogLevel, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, level.String()+" "+message)
}

func (w *world) Enabled(rpcinterface.LogLevel) bool { return true }

// log gives the lines that contain text.
func (w *world) log(text string) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		if strings.Contains(line, text) {
			out = append(out, line)
		}
	}
	return out
}

func (w *world) CheckCommand(spec *core.ProcessSpec) error { return w.missing[spec.Name] }

func (w *world) Spawn(job SpawnJob) {
	w.mu.Lock()
	defer w.mu.Unlock()
	run := func() { w.spawn(job) }
	if w.hold {
		w.held = append(w.held, run)
		return
	}
	go run()
}

func (w *world) spawn(job SpawnJob) {
	if why := w.fail[job.Spec.Name]; why != "" {
		job.Started(nil, 0, why)
		return
	}
	w.mu.Lock()
	w.lastPID++
	pid := w.lastPID
	w.alive[pid] = job
	w.spawned = append(w.spawned, job.Group+":"+job.Spec.Name)
	w.mu.Unlock()
	job.Started(nil, pid, "")
	if life, ok := w.life[job.Spec.Name]; ok {
		time.Sleep(life)
		w.finish(pid, process.Status{Code: 1})
	}
}

// release lets the spawns in flight go on.
func (w *world) release() {
	w.mu.Lock()
	held := w.held
	w.held, w.hold = nil, false
	w.mu.Unlock()
	for _, run := range held {
		run()
	}
}

func (w *world) finish(pid int, status process.Status) {
	w.mu.Lock()
	job, ok := w.alive[pid]
	delete(w.alive, pid)
	w.mu.Unlock()
	if ok {
		job.Ended(status)
	}
}

func (w *world) Signal(pid, signal int, group bool) error {
	w.mu.Lock()
	job, ok := w.alive[pid]
	err := w.killErr
	w.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !ok:
		return syscall.ESRCH
	case signal == core.SIGKILL || signal == 15 && !w.immune[job.Spec.Name]:
		go w.finish(pid, process.Status{Signal: signal})
	}
	return nil
}

func (w *world) PrepareLogs(specs []*core.ProcessSpec, done func([]*core.ProcessSpec)) {
	out := make([]*core.ProcessSpec, len(specs))
	for i, spec := range specs {
		made := *spec
		made.Stdout.File = core.LogFile{Kind: core.LogPath, Path: "/auto/" + spec.Name}
		out[i] = &made
	}
	go func() {
		if w.prepared != nil {
			<-w.prepared
		}
		done(out)
	}()
}

func (w *world) ClearLogs(*core.ProcessSpec) error { return nil }

func program(name string, change ...func(*core.ProcessSpec)) *core.ProcessSpec {
	p := &core.ProcessSpec{
		Name: name, Command: "/bin/cat", Priority: 999, Autorestart: core.RestartUnexpected,
		StartSecs: 1, StartRetries: 3, StopSignal: 15, StopWaitSecs: 10, ExitCodes: []int{0},
		Stdout: core.LogSpec{File: core.LogFile{Kind: core.LogNone}},
		Stderr: core.LogSpec{File: core.LogFile{Kind: core.LogNone}},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

func autostart(p *core.ProcessSpec)   { p.Autostart = true }
func noStartSecs(p *core.ProcessSpec) { p.StartSecs = 0 }
func autoLog(p *core.ProcessSpec)     { p.Stdout.File.Kind = core.LogAuto }
func priority(n int64) func(*core.ProcessSpec) {
	return func(p *core.ProcessSpec) { p.Priority = n }
}

func groupOf(name string, priority int64, programs ...*core.ProcessSpec) *core.GroupSpec {
	return &core.GroupSpec{Name: name, Priority: priority, Processes: programs}
}

func (w *world) state(name string) rpcinterface.ProcessState {
	w.t.Helper()
	info, err := w.sup.Process(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return info.State
}

func wantFault(t *testing.T, err error, code int, text string) {
	t.Helper()
	var f *rpcinterface.Fault
	if !errors.As(err, &f) || f.Code != code || f.Message != text {
		t.Errorf("error is %v, want fault %d %q", err, code, text)
	}
}

func TestStartWaitsForRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("a", 999, program("a")))
		defer w.end()
		before := time.Now()
		if err := w.sup.Start(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took != time.Second {
			t.Errorf("took %v, want startsecs", took)
		}
		wantFault(t, w.sup.Start(t.Context(), "a", true), 60, "ALREADY_STARTED: a")
		if err := w.sup.Stop(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		wantFault(t, w.sup.Stop(t.Context(), "a", true), 70, "NOT_RUNNING: a")
	})
}

func TestStartFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("g", 999, program("quick"), program("bad"), program("gone"), program("slow")))
		defer w.end()
		w.life["quick"] = 100 * time.Millisecond
		w.fail["bad"] = "too many open files to spawn 'bad'"
		w.missing["gone"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "can't find command 'gone'")
		ctx := t.Context()
		wantFault(t, w.sup.Start(ctx, "g:nope", true), 10, "BAD_NAME: g:nope")
		wantFault(t, w.sup.Start(ctx, "nope", true), 10, "BAD_NAME: nope")
		wantFault(t, w.sup.Start(ctx, "g:quick", true), 50, "SPAWN_ERROR: g:quick")
		wantFault(t, w.sup.Start(ctx, "g:bad", false), 50, "SPAWN_ERROR: g:bad")
		wantFault(t, w.sup.Start(ctx, "g:gone", true), 20, "NO_FILE: can't find command 'gone'")
		if got := w.state("g:gone"); got != rpcinterface.ProcessStopped {
			t.Errorf("a missing command left the state %v", got)
		}
		time.AfterFunc(500*time.Millisecond, func() { _ = w.sup.Stop(context.Background(), "g:slow", false) })
		wantFault(t, w.sup.Start(ctx, "g:slow", true), 40, "ABNORMAL_TERMINATION: g:slow")
	})
}

func TestStopWaitsForKill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("a", 999, program("a", noStartSecs)))
		defer w.end()
		w.immune["a"] = true
		if err := w.sup.Start(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if err := w.sup.Stop(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(before); took != 10*time.Second {
			t.Errorf("took %v, want stopwaitsecs", took)
		}
		if n := len(w.log("waiting for a to stop")); n != 6 {
			t.Errorf("%d reports of the wait, want one at once and every 2 s", n)
		}
	})
}

func TestStopInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("a", 999, program("a")))
		defer w.end()
		w.hold = true
		started, stopped := make(chan error, 1), make(chan error, 1)
		go func() { started <- w.sup.Start(t.Context(), "a", true) }()
		synctest.Wait()
		go func() { stopped <- w.sup.Stop(t.Context(), "a", true) }()
		synctest.Wait()
		if got := w.state("a"); got != rpcinterface.ProcessStarting {
			t.Errorf("state in flight is %v", got)
		}
		w.release()
		wantFault(t, <-started, 40, "ABNORMAL_TERMINATION: a")
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
}

func TestKillFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("a", 999, program("a", noStartSecs)))
		if err := w.sup.Start(t.Context(), "a", true); err != nil {
			t.Fatal(err)
		}
		w.mu.Lock()
		w.killErr = syscall.EPERM
		w.mu.Unlock()
		wantFault(t, w.sup.Stop(t.Context(), "a", true), 30, "FAILED: unknown problem killing a (1):operation not permitted")
		if got := w.state("a"); got != rpcinterface.ProcessUnknown {
			t.Errorf("state is %v", got)
		}
		wantFault(t, w.sup.Start(t.Context(), "a", true), 30, "FAILED: a is in an unknown process state")
		w.end() // UNKNOWN counts as stopped
	})
}

// Results that the reference knows at once come first and in order; the others
// follow as they complete.
func TestGroupStartOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(p *core.ProcessSpec) { p.StartSecs = 5 }
		w := newWorld(t, groupOf("g", 999, program("slow", slow), program("fast", noStartSecs), program("gone"), program("one")))
		defer w.end()
		w.missing["gone"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "x")
		results, err := w.sup.StartMany(t.Context(), InGroup("g"), true)
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
		again, err := w.sup.StartMany(t.Context(), InGroup("g"), true)
		if err != nil || len(again) != 1 {
			t.Errorf("a second start acts on %v, %v; only the failed one is left", again, err)
		}
		_, err = w.sup.StartMany(t.Context(), InGroup("x"), true)
		wantFault(t, err, 10, "BAD_NAME: x")
	})
}

func TestAutostartByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := makeWorld(t)
		w.prepared = make(chan struct{})
		w.run(
			groupOf("late", 20, program("z", autostart)),
			groupOf("early", 10, program("b", autostart, autoLog, priority(1)), program("a", autostart, priority(2)), program("manual")))
		defer w.end()
		w.hold = true
		w.sup.Begin()
		synctest.Wait()
		if len(w.held) != 0 {
			t.Error("programs were started before all log files existed")
		}
		close(w.prepared)
		synctest.Wait()
		w.release()
		if got, want := strings.Join(w.spawned, " "), "early:b early:a late:z"; got != want {
			t.Errorf("started %q, want %q", got, want)
		}
	})
}

func TestShutdownOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t,
			groupOf("first", 1, program("a", autostart, noStartSecs)),
			groupOf("second", 2, program("b", autostart, noStartSecs, priority(1)), program("c", autostart, noStartSecs, priority(2)), program("d", autostart)))
		w.immune["b"] = true
		w.fail["d"] = "no"
		w.sup.Begin()
		synctest.Wait()
		before := time.Now()
		w.sup.Shutdown()
		if w.sup.State() != rpcinterface.SupervisorShutdown {
			t.Error("the state is not seen at once")
		}
		w.sup.Restart()
		if w.sup.State() != rpcinterface.SupervisorShutdown {
			t.Error("a restart replaced a shutdown")
		}
		<-w.sup.Done()
		if took := time.Since(before); took != 10*time.Second {
			t.Errorf("took %v, want the stopwaitsecs of b", took)
		}
		stopped := w.log("WARN stopped: ")
		want := []string{"WARN stopped: c (terminated by SIGTERM)", "WARN stopped: b (terminated by SIGKILL)", "WARN stopped: a (terminated by SIGTERM)"}
		if fmt.Sprint(stopped) != fmt.Sprint(want) {
			t.Errorf("stopped %v, want %v", stopped, want)
		}
		if got := w.log("to die"); len(got) != 4 || got[0] != "INFO waiting for a, b, c to die" {
			t.Errorf("reports: %v", got)
		}
		_, err := w.sup.Configured(context.Background())
		wantFault(t, err, 6, "SHUTDOWN_STATE")
	})
}

func TestAddAndRemove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("g", 999, program("a")))
		defer w.end()
		w.sup.Begin()
		ctx := t.Context()
		add := func(group string, parseErr error, specs ...*core.ProcessSpec) error {
			return w.sup.AddProcesses(ctx, group, specs, parseErr)
		}
		parse := rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters, "x")
		wantFault(t, add("nope", parse), 10, "BAD_NAME: group: nope")
		wantFault(t, add("g", parse), 2, "INCORRECT_PARAMETERS: x")
		wantFault(t, add("g", nil, program("n1"), program("n2"), program("a")), 10, "BAD_NAME: a")
		if _, err := w.sup.Process("g:n1"); err == nil {
			t.Error("an addition that failed was half done")
		}
		if err := add("g", nil, program("n1", autostart, autoLog), program("n2")); err != nil {
			t.Fatal(err)
		}
		info, err := w.sup.Process("g:n1")
		if err != nil || info.StdoutLogfile != "/auto/n1" {
			t.Errorf("after adding: %+v, %v", info, err)
		}
		synctest.Wait()
		wantFault(t, w.sup.RemoveProcess(ctx, "g", "n1"), 91, "STILL_RUNNING: n1")
		wantFault(t, w.sup.RemoveProcess(ctx, "g", "n9"), 10, "BAD_NAME: n9")
		wantFault(t, w.sup.RemoveProcess(ctx, "x", "n9"), 10, "BAD_NAME: group: x")
		wantFault(t, w.sup.RemoveGroup(ctx, "g"), 91, "STILL_RUNNING: g")
		if err := w.sup.Stop(ctx, "g:n1", true); err != nil {
			t.Fatal(err)
		}
		if err := w.sup.RemoveProcess(ctx, "g", "n1"); err != nil {
			t.Fatal(err)
		}
		wantFault(t, w.sup.RemoveProcess(ctx, "g", "n1"), 10, "BAD_NAME: n1")
	})
}

// A group and the configuration that it was made from are one thing until the
// file is read again.
func TestConfiguredFollowsTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("g", 999, program("a")))
		defer w.end()
		ctx := t.Context()
		configured := func() string {
			groups, err := w.sup.Configured(ctx)
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
		if err := w.sup.AddProcesses(ctx, "g", []*core.ProcessSpec{program("b")}, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := configured(), "g:a/true g:b/true"; got != want {
			t.Errorf("configured is %q, want %q", got, want)
		}
		if err := w.sup.RemoveGroup(ctx, "g"); err != nil {
			t.Fatal(err)
		}
		if got, want := configured(), "g:a/false g:b/false"; got != want {
			t.Errorf("configured is %q, want %q", got, want)
		}
		if err := w.sup.AddConfigured(ctx, "g"); err != nil {
			t.Fatal(err)
		}
		wantFault(t, w.sup.AddConfigured(ctx, "g"), 90, "ALREADY_ADDED: g")
		live, err := w.sup.SetConfigured(ctx, []*core.GroupSpec{groupOf("g", 999, program("a"))})
		if err != nil || len(live) != 1 || len(live[0].Processes) != 2 {
			t.Errorf("live is %v, %v", live, err)
		}
		if got, want := configured(), "g:a/true"; got != want {
			t.Errorf("after a reread configured is %q, want %q", got, want)
		}
	})
}

func TestRestartsAndGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("a", 999, program("a", autostart)))
		defer w.end()
		w.life["a"] = 100 * time.Millisecond
		w.sup.Begin()
		time.Sleep(time.Minute)
		if got := w.state("a"); got != rpcinterface.ProcessFatal {
			t.Errorf("state is %v", got)
		}
		if len(w.spawned) != 4 {
			t.Errorf("%d starts, want 1 + startretries", len(w.spawned))
		}
	})
}

// An idle supervisor sets no timer: in the bubble, time can only move on when
// nothing is due, so an hour of sleep ends with the loop still blocked.
func TestIdleMakesNoWakeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, groupOf("a", 999, program("a", autostart)))
		defer w.end()
		w.sup.Begin()
		time.Sleep(time.Minute)
		synctest.Wait()
		if next := w.sup.nextDeadline(); !next.IsZero() {
			t.Errorf("something is due at %v", next)
		}
	})
}

func TestDescriptions(t *testing.T) {
	for _, c := range []struct {
		info rpcinterface.ProcessInfo
		want string
	}{
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 100, Now: 100 + 3723}, "pid 7, uptime 1:02:03"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 0, Now: 86400 + 59}, "pid 7, uptime 1 day, 0:00:59"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 0, Now: 20 * 86400}, "pid 7, uptime 20 days, 0:00:00"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessRunning, PID: 7, Start: 50, Now: 20}, "pid 7, uptime 0:00:00"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessStopped}, "Not started"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessExited, Start: 1, Stop: time.Date(2026, 3, 9, 14, 5, 0, 0, time.Local).Unix()}, "Mar 09 02:05 PM"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessFatal, Name: "x"}, `unknown error (try "tail x")`},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessBackoff, SpawnErr: "why"}, "why"},
		{rpcinterface.ProcessInfo{State: rpcinterface.ProcessStarting}, ""},
	} {
		if got := describe(&c.info); got != c.want {
			t.Errorf("%v: %q, want %q", c.info.State, got, c.want)
		}
	}
}

// The order in which a group keeps its members survives removals, and what is
// sorted by name follows changes.
func TestMembership(t *testing.T) {
	g := &group{members: map[string]*proc{}}
	procs := map[string]*proc{}
	for _, name := range []string{"c", "a", "b"} {
		p := &proc{name: name, machine: process.New(program(name)), heapIndex: -1}
		p.spec.Store(program(name))
		procs[name] = p
		g.insert(p)
	}
	list := func(procs []*proc) (out string) {
		for _, p := range procs {
			out += p.name
		}
		return out
	}
	if got := list(g.inOrder()) + " " + list(g.byName()); got != "cab abc" {
		t.Errorf("got %q", got)
	}
	g.remove(procs["a"])
	if got := list(g.inOrder()) + " " + list(g.byName()); got != "cb bc" {
		t.Errorf("got %q", got)
	}
	g.remove(procs["b"])
	g.remove(procs["c"])
	if g.first != nil || g.last != nil {
		t.Error("an empty group has ends")
	}
}
