package extension

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// info is what extension.getExtensionInfo says.
func (r *rig) info(t *testing.T, name string) core.ExtensionInfo {
	t.Helper()
	info, err := r.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func (r *rig) wantState(t *testing.T, name string, want State) {
	t.Helper()
	if info := r.info(t, name); info.State != want {
		t.Errorf("%s is %v (%s), want %v", name, info.State, info.Description, want)
	}
}

func TestDisableEnable(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok"), section("y", "ok")}}).start(t)
	pid := r.mustCall(t, "x.pid").(rpcinterface.Int)
	other := r.mustCall(t, "y.pid")

	if err := r.Enable(t.Context(), "x", true); err == nil {
		t.Error("enabled one that runs")
	} else {
		wantFault(t, err, rpcinterface.CodeAlreadyStarted, "ALREADY_STARTED: x")
	}
	if err := r.Disable(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	if !gone(int(pid)) {
		t.Error("its process still runs")
	}
	r.wantState(t, "x", Disabled)
	_, err := r.call(t, "x.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is DISABLED: disabled by an operator")
	if !r.registry.Has("x.pid") {
		t.Error("its methods are not listed any more")
	}
	for _, f := range []func(context.Context, string, bool) error{r.Disable, r.Restart} {
		wantFault(t, f(t.Context(), "x", true), rpcinterface.CodeNotRunning, "NOT_RUNNING: x")
	}
	for _, f := range []func(context.Context, string, bool) error{r.Disable, r.Restart, r.Enable} {
		wantFault(t, f(t.Context(), "nosuch", true), rpcinterface.CodeBadName, "BAD_NAME: nosuch")
	}

	if err := r.Enable(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	if now := r.mustCall(t, "x.pid"); now == rpcinterface.Value(pid) {
		t.Error("the same process")
	}
	if now := r.mustCall(t, "y.pid"); now != other {
		t.Error("the other extension was touched")
	}
	r.log.await(t, "INFO extension 'x' is disabled: disabled by an operator")
	r.log.await(t, "INFO extension 'x' runs again, with pid ")
}

func TestEnableThatFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	spec := section("x", "while:"+file)
	spec.Enabled = false
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{spec},
		Restart: RestartPolicy{Healthy: time.Hour, First: patience, Max: patience, Limit: 2},
	}).start(t)
	err := r.Enable(t.Context(), "x", true)
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' cannot be started: the file is not there")
	r.wantState(t, "x", Backoff)
	// Once more, from BACKOFF.
	err = r.Enable(t.Context(), "x", true)
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' cannot be started: the file is not there")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	r.wantState(t, "x", Running)
	if info := r.info(t, "x"); info.LastError == "" || info.LastErrorTime == 0 || info.Restarts != 0 {
		t.Errorf("%+v", info)
	}
}

func TestRestartFromFatal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	spec := section("x", "while:"+file)
	spec.Required = false
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, Restart: RestartPolicy{Limit: 1}}).start(t)
	r.wantState(t, "x", Fatal)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	r.mustCall(t, "x.pid")
}

func TestDisableInBackoff(t *testing.T) {
	spec := section("x", "exit")
	spec.Required = false
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{spec},
		Restart: RestartPolicy{Healthy: time.Hour, First: time.Hour, Max: time.Hour, Limit: 9},
	}).start(t)
	r.wantState(t, "x", Backoff)
	if err := r.Disable(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	r.wantState(t, "x", Disabled)
}

// No call is lost while the process is exchanged, whether two may overlap or not.
func TestRestartLosesNoCall(t *testing.T) {
	for _, behaviour := range []string{"ok", "exclusive"} {
		t.Run(behaviour, func(t *testing.T) {
			r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", behaviour)}}).start(t)
			first := r.mustCall(t, "x.pid")
			var calls, pids sync.Map
			var made atomic.Int64
			var wg sync.WaitGroup
			stop := make(chan struct{})
			for range 4 {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						pid, err := r.call(t, "x.pid")
						if err != nil {
							calls.Store(err.Error(), true)
							return
						}
						pids.Store(pid, true)
						made.Add(1)
					}
				})
			}
			const restarts = 3
			for range restarts {
				if err := r.Restart(t.Context(), "x", true); err != nil {
					t.Error(err)
				}
			}
			close(stop)
			wg.Wait()
			calls.Range(func(err, _ any) bool { t.Errorf("a call failed: %v", err); return true })
			if last := r.mustCall(t, "x.pid"); last == first {
				t.Error("the process was not exchanged")
			}
			if n := r.info(t, "x").Restarts; n != restarts {
				t.Errorf("%d restarts are counted", n)
			}
			await(t, "the first process is gone", func() bool { return gone(int(first.(rpcinterface.Int))) })
			t.Logf("%d calls", made.Load())
		})
	}
}

// A call under way ends before the process that serves it, whoever takes over.
func TestRestartDrains(t *testing.T) {
	for _, behaviour := range []string{"ok", "exclusive"} {
		t.Run(behaviour, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "go")
			if err := syscall.Mkfifo(file, 0o600); err != nil {
				t.Fatal(err)
			}
			r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", behaviour)}, SlowStart: time.Millisecond}).start(t)
			first := r.mustCall(t, "x.pid")
			calls := r.member0().latest.Load().calls
			answer := make(chan rpcinterface.Value, 1)
			go func() {
				v, err := r.call(t, "x.read", file)
				if err != nil {
					t.Error(err)
				}
				answer <- v
			}()
			w, err := os.OpenFile(file, os.O_WRONLY, 0) // somebody reads: the call is there
			if err != nil {
				t.Fatal(err)
			}
			await(t, "the call", func() bool { return r.info(t, "x").Calls == 2 })
			go r.Restart(context.Background(), "x", true)
			if behaviour == "ok" {
				// The new one serves while the old one still works.
				await(t, "another pid", func() bool { return r.mustCall(t, "x.pid") != first })
				await(t, "the first process retires", func() bool { _, closed := calls.closing(); return closed })
				go r.Restart(context.Background(), "x", true)
			} else {
				await(t, "STARTING", func() bool { return r.info(t, "x").State == Starting })
			}
			r.log.await(t, fmt.Sprintf("WARN a change of extension 'x' waits until its process before (pid %v) has answered its calls (1), for %v at most", first, patience))
			if gone(int(first.(rpcinterface.Int))) {
				t.Error("the first process did not wait for its call")
			}
			if _, err := w.WriteString("text"); err != nil {
				t.Fatal(err)
			}
			w.Close()
			if v := <-answer; v != rpcinterface.Value(rpcinterface.String("text")) {
				t.Errorf("the call answered %v", v)
			}
			await(t, "the first process is gone", func() bool { return gone(int(first.(rpcinterface.Int))) })
			if r.mustCall(t, "x.pid") == first {
				t.Error("the same process")
			}
		})
	}
}

func TestRestartThatFailsKeepsTheOld(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "while:"+file)}}).start(t)
	pid := r.mustCall(t, "x.pid")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	wantFault(t, r.Restart(t.Context(), "x", true), rpcinterface.CodeFailed, "extension 'x' cannot be started: the file is not there")
	if now := r.mustCall(t, "x.pid"); now != pid {
		t.Errorf("pid %v, want %v", now, pid)
	}
	r.log.await(t, fmt.Sprintf("WARN cannot exchange extension 'x' (pid %v goes on): the file is not there", pid))
}

// Something that cleans up in /tmp removes the sockets. What runs goes on, and what is
// started has sockets again.
func TestSocketsAreRemoved(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok"), section("y", "ok")}}).start(t)
	if err := os.RemoveAll(r.socketDir()); err != nil {
		t.Fatal(err)
	}
	pid := r.mustCall(t, "x.pid")
	if err := r.Restart(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	if now := r.mustCall(t, "x.pid"); now == pid {
		t.Error("it was not exchanged")
	}
	if err := os.RemoveAll(r.socketDir()); err != nil {
		t.Fatal(err)
	}
	kill(t, r.mustCall(t, "y.pid"), syscall.SIGKILL)
	r.log.await(t, "extension 'y' runs again")
	r.mustCall(t, "y.pid")
	r.mustCall(t, "x.pid")
}

// What turns out to be exclusive only when it has described itself is not
// configured beside the old one.
func TestBecomesExclusive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "exclusive-if:"+file)}}).start(t)
	first := r.mustCall(t, "x.pid").(rpcinterface.Int)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.Restart(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	if !gone(int(first)) {
		t.Error("the old process runs beside the new one")
	}
	r.mustCall(t, "x.pid")
	if !r.info(t, "x").Exclusive {
		t.Error("is not shown as exclusive")
	}
}

// The old process dies while its successor is being started.
func TestCrashDuringRestart(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "second-waits:"+fifo)}}).start(t)
	first := r.mustCall(t, "x.pid")
	done := make(chan error, 1)
	go func() { done <- r.Restart(context.Background(), "x", true) }()
	// Somebody reads the pipe: the second one is in Configure.
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	kill(t, first, syscall.SIGKILL)
	r.log.await(t, "its successor is being started")
	w.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	r.mustCall(t, "x.pid")
}

func TestDisableDuringCall(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	answer := make(chan error, 1)
	go func() {
		_, err := r.call(t, "x.read", fifo)
		answer <- err
	}()
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Disable(context.Background(), "x", true) }()
	await(t, "STOPPING", func() bool { return r.info(t, "x").State == Stopping })
	_, err = r.call(t, "x.pid")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' is STOPPING")
	w.Close()
	if err := <-answer; err != nil {
		t.Errorf("the call that was under way: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// An operator need not wait for a start that hangs to disable the extension.
func TestDisableEndsEnable(t *testing.T) {
	spec := section("x", "silent")
	spec.Enabled = false
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, SlowStart: time.Millisecond}).start(t)
	enabled := make(chan error, 1)
	go func() { enabled <- r.Enable(context.Background(), "x", true) }()
	line := r.log.await(t, "waiting for extension 'x' (pid ")
	if !strings.HasSuffix(line, ") to start, for 30s at most") {
		t.Errorf("logged %q", line)
	}
	begun := time.Now()
	if err := r.Disable(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > patience/3 {
		t.Errorf("it took %v", took)
	}
	wantFault(t, <-enabled, rpcinterface.CodeFailed, "extension 'x' cannot be started: it was stopped: disabled by an operator")
	r.wantState(t, "x", Disabled)
}

// Nor need they wait for a successor that hangs.
func TestDisableEndsRestart(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "second-waits:"+fifo)}}).start(t)
	first := int(r.mustCall(t, "x.pid").(rpcinterface.Int))
	restarted := make(chan error, 1)
	go func() { restarted <- r.Restart(context.Background(), "x", true) }()
	// Somebody reads the pipe: the second one is in Configure.
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.Disable(t.Context(), "x", true); err != nil {
		t.Fatal(err)
	}
	wantFault(t, <-restarted, rpcinterface.CodeFailed, "extension 'x' cannot be started: it was stopped: disabled by an operator")
	r.wantState(t, "x", Disabled)
	if !gone(first) {
		t.Error("the process that served is left")
	}
}

func TestDisableWhileStarting(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	spec := section("x", "waits:"+fifo)
	spec.Enabled = false
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	if err := r.Enable(t.Context(), "x", false); err != nil {
		t.Fatal(err)
	}
	w, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := r.disableNow(t, "x"); err != nil {
		t.Fatal(err)
	}
	r.wantState(t, "x", Disabled)
	if left := r.member0().current.Load().session; left != nil {
		t.Error("a session is left")
	}
}

// disableNow ends an extension although another operation on it is under way.
func (r *rig) disableNow(t *testing.T, name string) error {
	x, err := r.find(name)
	if err != nil {
		return err
	}
	return x.disable(t.Context(), errDisabled)
}

func (r *rig) member0() *extension { return r.all()[0].ext }

// An extension may disable and restart itself from within a call.
func TestOperatesOnItself(t *testing.T) {
	for _, behaviour := range []string{"ok", "exclusive"} {
		t.Run(behaviour, func(t *testing.T) {
			spec := section("x", behaviour)
			spec.Grants = &rpcinterface.Grants{"rpc:call=extension.*"}
			r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
			first := r.mustCall(t, "x.pid")
			r.mustCall(t, "x.callwith", "extension.restartExtension", "x")
			await(t, "another pid", func() bool { return r.mustCall(t, "x.pid") != first })
			await(t, "nothing under way", func() bool { return len(r.member0().operating) == 0 })
			r.mustCall(t, "x.callwith", "extension.disableExtension", "x")
			await(t, "DISABLED", func() bool { return r.info(t, "x").State == Disabled })
			r.log.await(t, "INFO extension 'x' is disabled: disabled by itself")
			if err := r.Enable(t.Context(), "x", true); err != nil {
				t.Fatal(err)
			}
			r.mustCall(t, "x.pid")
		})
	}
}

func TestStopEndsOperations(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	pid := r.mustCall(t, "x.pid").(rpcinterface.Int)
	go r.call(t, "x.hang")
	await(t, "two calls", func() bool { return r.info(t, "x").Calls == 2 })
	done := make(chan error, 1)
	go func() { done <- r.Disable(context.Background(), "x", true) }()
	await(t, "STOPPING", func() bool { return r.info(t, "x").State == Stopping })
	r.stopTimeout = time.Millisecond
	r.Stop(t.Context())
	if err := <-done; err != nil && !errors.As(err, new(*rpcinterface.Fault)) {
		t.Error(err)
	}
	if !gone(int(pid)) {
		t.Error("the process still runs")
	}
	wantFault(t, r.Enable(t.Context(), "x", true), rpcinterface.CodeFailed, "extension 'x' cannot be started: the supervisor ends")
}

func TestCounts(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{section("x", "ok")}}).start(t)
	r.mustCall(t, "x.pid")
	r.call(t, "x.refuse")
	r.call(t, "x.exit")
	info := r.info(t, "x")
	if info.Calls != 3 || info.Faults != 1 || info.Errors != 1 {
		t.Errorf("%d calls, %d faults, %d errors", info.Calls, info.Faults, info.Errors)
	}
	if want := "extension 'x' exited with status 7 during the call; the outcome is unknown"; info.LastError != want && info.LastError != "it exited with status 7" { // which is told first is open
		t.Errorf("the last error is %q", info.LastError)
	}
	r.mustCall(t, "x.pid") // waits for the restart
	if info := r.info(t, "x"); info.Memory == 0 || info.Restarts != 1 || info.Protocol != 1 || info.PID == 0 {
		t.Errorf("%+v", info)
	}
}
