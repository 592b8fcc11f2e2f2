package extension

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// A plugin that dies while it serves a call costs that call, and nothing else.
func TestKilledDuringCall(t *testing.T) {
	for _, c := range []struct {
		name       string
		grandchild string
	}{
		{"alone", ""},
		{"a grandchild in its group holds the pipes", "same"},
		{"a grandchild in a session of its own holds the pipes", "setsid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
			pid := r.mustCall(t, "x.pid")
			if c.grandchild != "" {
				grandchild := r.mustCall(t, "x.grandchild", c.grandchild)
				if c.grandchild == "setsid" {
					t.Cleanup(func() { syscall.Kill(int(grandchild.(rpcinterface.Int)), syscall.SIGKILL) })
				} else {
					defer await(t, "the grandchild ends", func() bool { return gone(int(grandchild.(rpcinterface.Int))) })
				}
			}
			began := time.Now()
			answer := make(chan error, 1)
			go func() {
				_, err := r.call(t, "x.hang")
				answer <- err
			}()
			awaitCalls(t, r, 1)
			kill(t, pid, syscall.SIGKILL)
			wantFault(t, <-answer, rpcinterface.CodeFailed,
				"FAILED: extension 'x' was killed by SIGKILL during the call; the outcome is unknown")
			if took := time.Since(began); took > patience/3 {
				t.Errorf("the fault came after %v", took)
			}
			if again := r.mustCall(t, "x.pid"); again == pid {
				t.Error("the dead plugin answered")
			}
			r.log.await(t, fmt.Sprintf("WARN extension 'x' (pid %d) ended: it was killed by SIGKILL; starting it again", pid))
			r.log.await(t, "INFO extension 'x' runs again, with pid ")
		})
	}
}

// awaitCalls waits until the plugin of the first section has n calls open.
func awaitCalls(t *testing.T, r *rig, n int) {
	t.Helper()
	calls := r.members[0].ext.latest.Load().calls
	await(t, "calls are open", func() bool {
		calls.mu.Lock()
		defer calls.mu.Unlock()
		return len(calls.open) == n
	})
}

func TestExitsDuringCall(t *testing.T) {
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{section("x", "ok")},
		Restart: RestartPolicy{Healthy: time.Hour, First: patience, Max: patience, Limit: 10},
	}).start(t)
	_, err := r.call(t, "x.exit")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' exited with status 7 during the call; the outcome is unknown")
	r.mustCall(t, "x.pid")
	// The second time in a row it has to wait.
	_, err = r.call(t, "x.exit")
	wantFault(t, err, rpcinterface.CodeFailed, "exited with status 7 during the call")
	r.log.await(t, fmt.Sprintf("next attempt in %v", patience))
	_, err = r.call(t, "x.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is in BACKOFF, to be started again in ", "it exited with status 7")
}

// However often the plugin is killed under its callers, each call is made once at
// most, and exactly once where it was answered.
func TestNeverSentTwice(t *testing.T) {
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{section("x", "ok")},
		Restart: RestartPolicy{Healthy: time.Nanosecond, First: time.Second, Max: time.Second, Limit: 10},
	}).start(t)
	file := filepath.Join(t.TempDir(), "calls")
	var (
		callers, answered sync.WaitGroup
		mu                sync.Mutex
		made              = map[string]bool{}
	)
	finish := make(chan struct{})
	for caller := range 8 {
		answered.Add(1)
		callers.Go(func() {
			for n := 0; ; n++ {
				id := fmt.Sprintf("%d/%d", caller, n)
				_, err := r.call(t, "x.record", file, id)
				if err != nil && !strings.Contains(err.Error(), "the outcome is unknown") {
					t.Errorf("call %s: %v", id, err)
				}
				if err == nil {
					mu.Lock()
					made[id] = true
					mu.Unlock()
				}
				if n == 0 {
					answered.Done()
				}
				select {
				case <-finish:
					return
				default:
				}
			}
		})
	}
	answered.Wait()
	last := 0
	for range 3 {
		await(t, "the plugin runs", func() bool {
			pid := r.List()[0].PID
			runs := pid != 0 && pid != last
			last = pid
			return runs
		})
		kill(t, rpcinterface.Int(last), syscall.SIGKILL)
	}
	close(finish)
	callers.Wait()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	for line := range strings.Lines(string(b)) {
		times[strings.TrimSpace(line)]++
	}
	for id, n := range times {
		if n != 1 {
			t.Errorf("call %s was made %d times", id, n)
		}
	}
	for id := range made {
		if times[id] != 1 {
			t.Errorf("call %s was answered and made %d times", id, times[id])
		}
	}
}

func TestStoppedPlugin(t *testing.T) {
	spec := section("x", "ok")
	spec.CallTimeout = 300 * time.Millisecond
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, StopTimeout: 300 * time.Millisecond}).start(t)
	pid := r.List()[0].PID // a call may take longer than it has here
	kill(t, rpcinterface.Int(pid), syscall.SIGSTOP)
	await(t, "the plugin is stopped", func() bool { return stateOf(pid) == "T" })
	began := time.Now()
	_, err := r.call(t, "x.echo")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' did not answer within 300ms (plugin.call_timeout); the outcome is unknown")
	if took := time.Since(began); took > patience/3 {
		t.Errorf("the call took %v", took)
	}
	began = time.Now()
	r.Stop(t.Context())
	if took := time.Since(began); took > patience/3 {
		t.Errorf("stopping took %v", took)
	}
	if !gone(pid) {
		t.Error("it still runs")
	}
}

// Stop's context cuts short what StopTimeout would allow.
func TestStopIsHurried(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "shutdown-hang")}}).start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	r.Stop(ctx)
	if took := time.Since(began); took > patience/2 {
		t.Errorf("stopping took %v", took)
	}
}

func TestCallerLeaves(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error, 1)
	go func() {
		_, err := r.registry.Call(ctx, "x.hang", nil, testCaller)
		answer <- err
	}()
	awaitCalls(t, r, 1)
	cancel()
	wantFault(t, <-answer, rpcinterface.CodeFailed, "had not answered when the caller left")

	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := r.registry.Call(ctx, "x.hang", nil, testCaller)
	wantFault(t, err, rpcinterface.CodeFailed, "did not answer by the caller's deadline")
}

// A call that comes while a plugin starts waits for it.
func TestCallWaitsForStart(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	pid := r.mustCall(t, "x.pid")
	kill(t, pid, syscall.SIGKILL)
	r.log.await(t, "starting it again")
	if again := r.mustCall(t, "x.pid"); again == pid {
		t.Error("the dead plugin answered")
	}
}

func TestMethodsChange(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "changing:"+file)}}).start(t)
	entries := r.registry.Entries()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	kill(t, r.mustCall(t, "x.pid"), syscall.SIGKILL)
	r.log.await(t, "starting it again")
	r.mustCall(t, "x.pid")
	// The registry hears of them after the first calls can be made.
	had := len(entries[0].Namespace.Methods())
	await(t, "one method more", func() bool { return len(r.registry.Entries()[0].Namespace.Methods()) == had+1 })
}

func TestOutput(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	r.mustCall(t, "x.print")
	for _, line := range []string{
		"[INFO]  x: to stdout",
		"[INFO]  x: to stderr",
		"[INFO]  x: to the real stderr",
		"[WARN]  x: a record: key=value",
	} {
		r.log.await(t, line)
	}
}

func TestEnvironment(t *testing.T) {
	got := inherited([]string{"PATH=/bin", "SECRET=1", "LC_ALL=C", "TZ=UTC", "LD_PRELOAD=x"})
	if want := "PATH=/bin LC_ALL=C TZ=UTC"; strings.Join(got, " ") != want {
		t.Errorf("got %q", got)
	}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}, Environ: []string{"SECRET=1", "LANG=C"}}).start(t)
	environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", r.mustCall(t, "x.pid")))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range strings.Split(strings.TrimSuffix(string(environ), "\x00"), "\x00") {
		name, _, _ := strings.Cut(v, "=")
		names = append(names, name)
	}
	want := "LANG PLUGVISOR_LIFELINE PLUGVISOR_PLUGIN PLUGIN_MIN_PORT PLUGIN_MAX_PORT PLUGIN_PROTOCOL_VERSIONS " +
		"PLUGIN_CLIENT_CERT PLUGIN_UNIX_SOCKET_DIR PLUGVISOR_PIPES"
	if strings.Join(names, " ") != want {
		t.Errorf("got %q", names)
	}
}

// Nothing is left of extensions that were started, killed and stopped.
func TestLeaks(t *testing.T) {
	once := func(t *testing.T) {
		listener := granted("x", rpcinterface.GrantEventsSubscribe)
		r := newRig(t, Config{Specs: []core.ExtensionSpec{listener, section("y", "ok")}}).withEvents(t).start(t)
		r.mustCall(t, "x.subscribe", "EVENT", "0")
		r.killFirst(t)
		r.mustCall(t, "x.subscribe", "EVENT", "0")
		r.Stop(t.Context())

		broken := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "garbage"), section("y", "describe-exit")}})
		if err := broken.Resolve(); err != nil {
			t.Fatal(err)
		}
		if broken.Start(t.Context()) == nil {
			t.Fatal("started")
		}
	}
	cycle := func() { t.Run("cycle", once) }
	cycle()
	files, routines := openFiles(t), runtime.NumGoroutine()
	for range 3 {
		cycle()
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		f, g := openFiles(t), runtime.NumGoroutine()
		if f <= files && g <= routines {
			return
		}
		if time.Now().After(end) {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%d descriptors, %d goroutines; before %d and %d\n%s", f, g, files, routines,
				stacks[:runtime.Stack(stacks, true)])
		}
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// runDaemon is a daemon with two plugins that waits to be killed.
func runDaemon(runDir string) {
	kids, err := child.New(nil)
	if err != nil {
		panic(err)
	}
	log, engine := newJournal(), &testEngine{}
	registry := namespace.New(engine.State)
	m := New(Config{
		Specs:  []core.ExtensionSpec{section("x", "ok"), section("y", "ok")},
		RunDir: runDir, Engine: engine, Registry: registry, Children: kids, Logger: log, HCLog: log.hclog,
	})
	if err := m.Resolve(); err != nil {
		panic(err)
	}
	if err := m.Start(context.Background()); err != nil {
		panic(err)
	}
	for _, info := range m.List() {
		fmt.Println(info.PID)
	}
	select {}
}

// No plugin outlives a daemon that is killed, and the next daemon removes what it
// left in the run directory.
func TestDaemonKilled(t *testing.T) {
	kids, err := children()
	if err != nil {
		t.Fatal(err)
	}
	runDir := shortTempDir(t)
	read, write, err := child.OutputPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	ended := make(chan struct{})
	daemon, err := kids.Start(&child.Spec{
		Path:  os.Args[0],
		Argv:  []string{os.Args[0], "test-daemon", runDir},
		Env:   os.Environ(),
		Files: []*os.File{nil, write, os.Stderr},
	}, func(syscall.WaitStatus) { close(ended) })
	write.Close()
	if err != nil {
		t.Fatal(err)
	}
	var plugins []int
	read.SetReadDeadline(time.Now().Add(patience))
	for lines := bufio.NewScanner(read); len(plugins) < 2 && lines.Scan(); {
		var pid int
		if _, err := fmt.Sscan(lines.Text(), &pid); err != nil {
			t.Fatalf("the daemon wrote %q", lines.Text())
		}
		plugins = append(plugins, pid)
	}
	if err := kids.Signal(daemon, syscall.SIGKILL, false); err != nil || len(plugins) != 2 {
		t.Fatalf("%v, plugins %v", err, plugins)
	}
	<-ended
	for _, pid := range plugins {
		await(t, "the plugin ends", func() bool { return gone(pid) })
	}
	left, _ := os.ReadDir(runDir)
	if len(left) != 1 {
		t.Fatalf("the dead daemon left %v", left)
	}
	next, err := claimSockets(runDir)
	if err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadDir(runDir); len(now) != 1 || now[0].Name() != filepath.Base(next.dir) {
		t.Errorf("after the sweep there is %v", now)
	}
	next.release()
}
