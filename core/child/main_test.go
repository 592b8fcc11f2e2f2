package child

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// deadline is ten times what the slowest wait of these tests needs.
const deadline = 20 * time.Second

// modeVariable has the test executable act as a daemon of its own.
const modeVariable = "CHILD_TEST_MODE"

func TestMain(m *testing.M) {
	if ShimMain(os.Args) {
		return
	}
	switch os.Getenv(modeVariable) {
	case "":
	case "limit":
		os.Exit(daemonLimit())
	case "ask":
		n, err := DescriptorLimit()
		fmt.Println("started with", n, err)
		os.Exit(daemonLimit())
	case "restore":
		if err := restoreLimit(); err != nil {
			fmt.Println(err)
		}
		os.Exit(daemonLimit())
	case "root":
		_, message := NewNameService().CredentialFor(0)
		fmt.Print(message)
		os.Exit(0)
	case "die":
		os.Exit(daemonThatIsKilled(nil))
	case "die-prepared":
		os.Exit(daemonThatIsKilled([]Limit{{unix.RLIMIT_CPU, 100, 100}}))
	default:
		os.Exit(2)
	}
	IgnoreInherited()
	os.Exit(m.Run())
}

// newChildren makes a registry that fails the test for an orphan. It forks programs
// from a thread with a descriptor table of its own, however few there are.
func newChildren(t *testing.T) *Children {
	t.Helper()
	c, err := New(func(pid int, status syscall.WaitStatus) {
		t.Errorf("orphan %d with status %#x", pid, status)
	})
	if err != nil {
		t.Fatal(err)
	}
	c.few = 0
	t.Cleanup(c.Close)
	t.Cleanup(func() { noChildrenLeft(t) })
	return c
}

// noChildrenLeft fails the test when there are children, zombies included.
func noChildrenLeft(t *testing.T) {
	t.Helper()
	if pid, err := peek(syscall.WNOHANG); err != syscall.ECHILD {
		t.Errorf("children are left: waitid says %d, %v", pid, err)
	}
}

// result is what one child wrote and how it ended.
type result struct {
	pid            int
	stdout, stderr string
	status         syscall.WaitStatus
}

// run starts a child with pipes and waits until it has ended.
func run(t *testing.T, c *Children, spec Spec) result {
	t.Helper()
	var r result
	outRead, outChild := outputPipe(t)
	errRead, errChild := outputPipe(t)
	spec.Files = []*os.File{nil, outChild, errChild}
	exited := make(chan syscall.WaitStatus, 1)
	pid, err := c.Start(&spec, func(s syscall.WaitStatus) { exited <- s })
	outChild.Close()
	errChild.Close()
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	r.pid = pid
	r.stdout, r.stderr = readAll(t, outRead), readAll(t, errRead)
	r.status = receive(t, exited)
	return r
}

func outputPipe(t *testing.T) (read, child *os.File) {
	t.Helper()
	read, child, err := OutputPipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	return read, child
}

func readAll(t *testing.T, f *os.File) string {
	t.Helper()
	if err := f.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(deadline):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

func sh(script string) Spec {
	return Spec{Path: "/bin/sh", Argv: []string{"sh", "-c", script}, ProcessGroup: true}
}

// daemonLimit prints a child's limit of descriptors beside that of the process.
func daemonLimit() int {
	c, err := New(nil)
	if err != nil {
		return 3
	}
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		return 4
	}
	fmt.Printf("own %d child ", own.Cur)
	spec := sh("ulimit -Sn")
	spec.Files = []*os.File{nil, os.Stdout, os.Stderr}
	done := make(chan syscall.WaitStatus)
	if _, err := c.Start(&spec, func(s syscall.WaitStatus) { done <- s }); err != nil {
		return 5
	}
	return (<-done).ExitStatus()
}

// daemonThatIsKilled starts a child that is to die with it and prints its own pid,
// and waits to be killed.
func daemonThatIsKilled(limits []Limit) int {
	c, err := New(nil)
	if err != nil {
		return 3
	}
	spec := sh("echo $$; exec sleep 1000 >&-")
	spec.Files = []*os.File{nil, os.Stdout}
	spec.DieWithParent = true
	spec.Limits = limits
	_, err = c.Start(&spec, func(syscall.WaitStatus) {})
	if err != nil {
		return 4
	}
	os.Stdout.Close()
	select {}
}

// asSubreaper has the kernel hand orphaned descendants to the test process.
func asSubreaper(t *testing.T) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) })
}

// statusOf gives the fields of /proc/PID/status.
func statusOf(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			fields[name] = strings.TrimSpace(value)
		}
	}
	return fields
}
