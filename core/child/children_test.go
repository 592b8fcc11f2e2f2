package child

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestManyShortLivedChildrenAreReportedOnce(t *testing.T) {
	c := newChildren(t)
	const starters, each = 8, 50
	var (
		mu      sync.Mutex
		reports = make(map[int][]int) // pid to exit codes
		started = make(map[int][]int)
		ended   sync.WaitGroup
		all     sync.WaitGroup
	)
	for s := range starters {
		all.Go(func() {
			for i := range each {
				code := (s*each + i) % 200
				spec := sh("exit " + strconv.Itoa(code))
				reported := make(chan int, 2)
				ended.Add(1)
				pid, err := c.Start(&spec, func(status syscall.WaitStatus) {
					reported <- status.ExitStatus()
					ended.Done()
				})
				if err != nil {
					t.Error(err)
					ended.Done()
					return
				}
				got := receive(t, reported)
				mu.Lock()
				started[pid] = append(started[pid], code)
				reports[pid] = append(reports[pid], got)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	ended.Wait()
	total := 0
	for pid, codes := range started {
		total += len(codes)
		if fmt.Sprint(codes) != fmt.Sprint(reports[pid]) {
			t.Errorf("pid %d: exit codes %v, reported %v", pid, codes, reports[pid])
		}
	}
	if total != starters*each {
		t.Errorf("%d children reported, want %d", total, starters*each)
	}
}

func TestFailingStartsAmongOthersReportNoOrphan(t *testing.T) {
	c := newChildren(t) // its orphan callback fails the test
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				spec := Spec{Path: "/no/such/file", Argv: []string{"x"}, NoShim: true}
				_, err := c.Start(&spec, func(syscall.WaitStatus) { t.Error("a failed start has an exit") })
				if !errors.Is(err, syscall.ENOENT) {
					t.Errorf("error %v, want ENOENT", err)
				}
				good := sh("exit 3")
				done := make(chan syscall.WaitStatus, 1)
				if _, err := c.Start(&good, func(s syscall.WaitStatus) { done <- s }); err != nil {
					t.Error(err)
					return
				}
				if got := receive(t, done).ExitStatus(); got != 3 {
					t.Errorf("exit code %d, want 3", got)
				}
			}
		})
	}
	all.Wait()
}

// An exit that is collected while its fork is in flight waits for the pid.
func TestExitBeforeRegistration(t *testing.T) {
	c := newChildren(t)
	spawn, err := c.begin()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 7"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil && err != syscall.ECHILD {
		t.Fatal(err)
	}
	c.collect(pid) // unless the reaper was faster
	done := make(chan syscall.WaitStatus, 2)
	c.registered(spawn, pid, owner{onExit: func(s syscall.WaitStatus) { done <- s }})
	if got := receive(t, done).ExitStatus(); got != 7 {
		t.Errorf("exit code %d, want 7", got)
	}
	if err := c.Signal(pid, syscall.SIGTERM, false); err != syscall.ESRCH {
		t.Errorf("Signal: %v, want ESRCH", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.early)+len(c.spawns)+len(c.owners) != 0 {
		t.Errorf("left over: early %v, spawns %v, owners %v", c.early, c.spawns, c.owners)
	}
}

// Early exits are sorted into owned, failed and orphaned ones.
func TestEarlyExitsAreSettled(t *testing.T) {
	const failure = syscall.WaitStatus(forkFailure << 8)
	exited := func(code int) syscall.WaitStatus { return syscall.WaitStatus(code << 8) }
	tests := []struct {
		name    string
		status  syscall.WaitStatus
		settle  func(c *Children, first, second uint64)
		orphans int
	}{
		{"the failed fork's child", failure, func(c *Children, a, b uint64) { c.failed(a); c.failed(b) }, 0},
		{"orphan with the code, no failure", failure, func(c *Children, a, b uint64) {
			c.registered(a, -2, owner{})
			c.registered(b, -3, owner{})
		}, 1},
		{"orphan while forks fail", exited(1), func(c *Children, a, b uint64) { c.failed(a); c.failed(b) }, 1},
		{"undecided while one is in flight", exited(1), func(c *Children, a, _ uint64) { c.failed(a) }, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			orphans := make(chan int, 2)
			c := &Children{
				orphan: func(pid int, _ syscall.WaitStatus) { orphans <- pid },
				wake:   make(chan struct{}, 1),
				owners: map[int]owner{}, spawns: map[uint64]struct{}{}, early: map[int]*exit{},
			}
			first, _ := c.begin()
			second, _ := c.begin()
			c.early[-1] = &exit{status: test.status, upTo: c.last}
			later, _ := c.begin() // could not have made that pid
			test.settle(c, first, second)
			if test.orphans == 1 {
				if got := receive(t, orphans); got != -1 {
					t.Errorf("orphan %d, want -1", got)
				}
			}
			c.failed(later)
			wantEarly := 0
			if strings.HasPrefix(test.name, "undecided") {
				wantEarly = 1
			}
			if len(c.early) != wantEarly {
				t.Errorf("%d early exits left, want %d", len(c.early), wantEarly)
			}
			if len(orphans) != 0 {
				t.Errorf("an orphan too many: %d", <-orphans)
			}
		})
	}
}

func TestOrphansAreReaped(t *testing.T) {
	asSubreaper(t)
	type orphan struct {
		pid    int
		status syscall.WaitStatus
	}
	orphans := make(chan orphan, 1)
	c, err := New(func(pid int, status syscall.WaitStatus) { orphans <- orphan{pid, status} })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	read, child := outputPipe(t)
	lifeline, hold, err := InputPipe()
	if err != nil {
		t.Fatal(err)
	}
	// The grandchild outlives the child and ends when the lifeline is closed.
	spec := sh("exec 3<&0; { read x <&3; exit 9; } 1>&- & echo $!")
	spec.Files = []*os.File{lifeline, child}
	done := make(chan syscall.WaitStatus, 1)
	if _, err := c.Start(&spec, func(s syscall.WaitStatus) { done <- s }); err != nil {
		t.Fatal(err)
	}
	child.Close()
	lifeline.Close()
	pid, err := strconv.Atoi(strings.TrimSpace(readAll(t, read)))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, done)
	hold.Close()
	got := receive(t, orphans)
	if got.pid != pid || got.status.ExitStatus() != 9 {
		t.Errorf("orphan %d with code %d, want %d with 9", got.pid, got.status.ExitStatus(), pid)
	}
	noChildrenLeft(t)
}

// A process that joins while there are no children is reaped as well.
func TestOrphanOfNobodyWakesTheIdleReaper(t *testing.T) {
	orphans := make(chan int, 1)
	c, err := New(func(pid int, _ syscall.WaitStatus) { orphans <- pid })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "exit 0"}, &syscall.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	if got := receive(t, orphans); got != pid {
		t.Errorf("orphan %d, want %d", got, pid)
	}
}

func TestSignal(t *testing.T) {
	c := newChildren(t)
	start := func(script string) (pid int, done chan syscall.WaitStatus) {
		spec := sh(script)
		done = make(chan syscall.WaitStatus, 1)
		pid, err := c.Start(&spec, func(s syscall.WaitStatus) { done <- s })
		if err != nil {
			t.Fatal(err)
		}
		return pid, done
	}
	pid, done := start("exec sleep 1000")
	if err := c.Signal(pid, syscall.SIGTERM, false); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, done); !got.Signaled() || got.Signal() != syscall.SIGTERM {
		t.Errorf("status %#x, want death by SIGTERM", got)
	}
	for _, group := range []bool{false, true} {
		if err := c.Signal(pid, 0, group); err != syscall.ESRCH {
			t.Errorf("Signal to a reaped pid, group %v: %v, want ESRCH", group, err)
		}
	}
	for _, pid := range []int{os.Getpid(), 1, 0, -1} {
		if err := c.Signal(pid, 0, false); err != syscall.ESRCH {
			t.Errorf("Signal to the stranger %d: %v, want ESRCH", pid, err)
		}
	}
}

func TestSignalGroup(t *testing.T) {
	c := newChildren(t)
	asSubreaperFor(t, c)
	read, child := outputPipe(t)
	spec := sh("sleep 1000 & echo ready; wait")
	spec.Files = []*os.File{nil, child}
	done := make(chan syscall.WaitStatus, 1)
	pid, err := c.Start(&spec, func(s syscall.WaitStatus) { done <- s })
	child.Close()
	if err != nil {
		t.Fatal(err)
	}
	readLine(t, read)
	if err := c.Signal(pid, syscall.SIGKILL, true); err != nil {
		t.Fatal(err)
	}
	receive(t, done)
	readAll(t, read) // ends when the grandchild is dead too
}

// KillGroup takes along what a child leaves behind.
func TestKillGroup(t *testing.T) {
	c := newChildren(t)
	asSubreaperFor(t, c)
	read, child := outputPipe(t)
	spec := sh("sleep 1000 & exit 4")
	spec.Files = []*os.File{nil, child}
	spec.KillGroup = true
	done := make(chan syscall.WaitStatus, 1)
	_, err := c.Start(&spec, func(s syscall.WaitStatus) { done <- s })
	child.Close()
	if err != nil {
		t.Fatal(err)
	}
	if got := receive(t, done).ExitStatus(); got != 4 {
		t.Errorf("exit code %d, want 4", got)
	}
	readAll(t, read)
}

func TestClose(t *testing.T) {
	c, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	c.Close()
	spec := sh("exit 0")
	for _, die := range []bool{false, true} {
		spec.DieWithParent = die
		if _, err := c.Start(&spec, nil); !errors.Is(err, ErrClosed) {
			t.Errorf("Start after Close: %v, want ErrClosed", err)
		}
	}
}

// asSubreaperFor lets c reap orphans without complaint.
func asSubreaperFor(t *testing.T, c *Children) {
	t.Helper()
	asSubreaper(t)
	orphaned := make(chan struct{}, 8)
	c.mu.Lock()
	c.orphan = func(int, syscall.WaitStatus) { orphaned <- struct{}{} }
	c.mu.Unlock()
	t.Cleanup(func() { receive(t, orphaned) })
}

func readLine(t *testing.T, f *os.File) string {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	var line []byte
	b := make([]byte, 1)
	for {
		if _, err := f.Read(b); err != nil {
			t.Fatal(err)
		}
		if b[0] == '\n' {
			return string(line)
		}
		line = append(line, b[0])
	}
}
