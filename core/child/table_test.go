package child

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// apart gives a thread with a descriptor table of its own.
func apart(t *testing.T) *thread {
	t.Helper()
	closed := make(chan struct{})
	t.Cleanup(func() { close(closed) })
	th := newThreadApart(closed, nil)
	if err := th.ready(); err != nil {
		t.Fatal(err)
	}
	return th
}

// openMany opens files until the process has n descriptors more.
func openMany(t testing.TB, n int) {
	t.Helper()
	for range n {
		fd, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
	}
}

// links lists what a thread's descriptors are.
func links(t *testing.T, tid int) map[string]string {
	t.Helper()
	dir := fmt.Sprintf("/proc/self/task/%d/fd", tid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, e := range entries {
		// The one by which the directory was read may be gone.
		if to, err := os.Readlink(dir + "/" + e.Name()); err == nil {
			out[e.Name()] = to
		}
	}
	return out
}

func TestTableHasTheStandardDescriptorsThePollersAndOneMore(t *testing.T) {
	openMany(t, 50)
	th := apart(t)
	openMany(t, 50)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var tid int
	var here []uintptr
	none := ^uintptr(0)
	files := []uintptr{file.Fd(), none, 1, file.Fd()}
	during := map[string]string{}
	if err := th.run(files, func(got []uintptr) {
		tid, here = unix.Gettid(), got
		done := make(chan struct{})
		go func() { during = links(t, tid); close(done) }()
		<-done
	}); err != nil {
		t.Fatal(err)
	}
	if tid == unix.Getpid() {
		t.Error("the process's first thread was taken")
	}
	if len(here) != 4 || here[0] != here[3] || here[1] != none || here[2] == here[0] ||
		during[fmt.Sprint(here[0])] != os.DevNull {
		t.Errorf("%v became %v, of %v", files, here, during)
	}
	after := links(t, tid)
	process := links(t, unix.Getpid())
	var kinds []string
	for fd, to := range after {
		switch {
		case len(fd) == 1 && fd < "3":
			if to != process[fd] {
				t.Errorf("descriptor %s is %s, the process's %s", fd, to, process[fd])
			}
			kinds = append(kinds, fd)
		case strings.HasPrefix(to, "socket:"):
			kinds = append(kinds, "socket")
		default:
			if to != process[fd] {
				t.Errorf("descriptor %s is %s, the process's %s", fd, to, process[fd])
			}
			kinds = append(kinds, to)
		}
	}
	slices.Sort(kinds)
	if want := []string{"0", "1", "2", "anon_inode:[eventfd]", "anon_inode:[eventpoll]", "socket"}; !slices.Equal(kinds, want) {
		t.Errorf("the thread has %q, want %q", kinds, want)
	}
	if len(process) < 100 {
		t.Errorf("the process has %d descriptors, more were opened", len(process))
	}
}

// The thread stops and starts the world, polls and wakes the poller while other
// goroutines use pipes, timers and finalizers.
func TestRuntimeOnAThreadWithATableOfItsOwn(t *testing.T) {
	th := apart(t)
	stop := make(chan struct{})
	const pairs = 8
	ended := make(chan error, pairs)
	for range pairs {
		go func() {
			for i := 0; ; i++ {
				r, w, err := os.Pipe()
				if err != nil {
					ended <- err
					return
				}
				go func() {
					time.Sleep(time.Duration(i%3) * 100 * time.Microsecond)
					w.Write([]byte("x"))
					if i%2 == 0 {
						w.Close() // else the finalizer does
					}
				}()
				if _, err := io.ReadFull(r, make([]byte, 1)); err != nil {
					ended <- err
					return
				}
				r.Close()
				select {
				case <-stop:
					ended <- nil
					return
				default:
				}
			}
		}()
	}
	for range 50 {
		if err := th.run([]uintptr{0}, func([]uintptr) {
			runtime.GC()
			tick := make(chan struct{})
			time.AfterFunc(100*time.Microsecond, func() { close(tick) })
			<-tick
			var kept [][]byte
			for range 100 {
				kept = append(kept, make([]byte, 32<<10))
			}
			runtime.KeepAlive(kept)
			time.Sleep(50 * time.Microsecond)
			runtime.Gosched()
			runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
		}); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	for range pairs {
		if err := receive(t, ended); err != nil {
			t.Error(err)
		}
	}
}

// Where descriptors cannot be passed on, children are forked all the same.
func TestForkWhereDescriptorsAreNotPassed(t *testing.T) {
	mask := 0o77
	for name, spoil := range map[string]func(*table){
		"not at all":          func(*table) {},
		"they cannot be sent": func(tab *table) { tab.send.Close() },
		"something else comes": func(tab *table) {
			conn, err := tab.send.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			conn.Control(func(fd uintptr) { unix.Write(int(fd), []byte{0}) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newChildren(t)
			for _, th := range []*thread{c.programs, c.umasks} {
				if err := th.ready(); err != nil {
					t.Fatal(err)
				}
				spoil(th.table)
			}
			for range 3 {
				spec := sh("echo out; ls -m /proc/$$/fd; umask >&2")
				spec.Env = os.Environ()
				if got := run(t, c, spec); got.stdout != "out\n1, 2\n" {
					t.Errorf("stdout %q, stderr %q", got.stdout, got.stderr)
				}
				spec.Umask = &mask
				// The shim's standard descriptors are never closed.
				if got := run(t, c, spec); !strings.HasPrefix(got.stdout, "out\n") || got.stderr != "0077\n" {
					t.Errorf("with an umask: stdout %q, stderr %q", got.stdout, got.stderr)
				}
			}
		})
	}
}

func TestThreadThatCannotHaveATable(t *testing.T) {
	closed := make(chan struct{})
	defer close(closed)
	th := newThreadApart(closed, func() error { return nil })
	// The soft limit stops the socket pair.
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	alone := newThreadApart(closed, nil)
	err, aloneErr := th.ready(), alone.ready()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err != nil || th.table != nil {
		t.Errorf("ready: %v, table %v; want the process's table", err, th.table)
	}
	var got []uintptr
	if err := th.run([]uintptr{7}, func(files []uintptr) { got = files }); err != nil || !slices.Equal(got, []uintptr{7}) {
		t.Errorf("run: %v, files %v", err, got)
	}
	if aloneErr == nil {
		t.Error("a thread that would have nothing to itself is ready")
	}
}

// Programs leave the process's table once it has more than a few descriptors.
func TestManyDescriptors(t *testing.T) {
	c := newChildren(t)
	c.few = fewDescriptors
	run(t, c, sh("exit 0"))
	if c.programs.table != nil {
		t.Fatal("a table was made for a few descriptors")
	}
	openMany(t, fewDescriptors)
	spec := sh("ls -m /proc/$$/fd; echo err >&2")
	spec.Env = os.Environ()
	if got := run(t, c, spec); got.stdout != "1, 2\n" || got.stderr != "err\n" {
		t.Errorf("stdout %q, stderr %q", got.stdout, got.stderr)
	}
	if c.programs.table == nil {
		t.Error("no table was made for many descriptors")
	}
}

func TestFailureFromATableOfItsOwn(t *testing.T) {
	c := newChildren(t)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	spec := sh("")
	spec.Files = []*os.File{null, null, null}
	spec.Path, spec.NoShim = "/does/not/exist", true
	if _, err := c.Start(&spec, func(syscall.WaitStatus) { t.Error("there was a child") }); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Start: %v, want ENOENT", err)
	}
	spec = sh("exit 0")
	spec.Files = []*os.File{null, null, null}
	spec.Dir, spec.NoShim = "/does/not/exist", true
	if _, err := c.Start(&spec, func(syscall.WaitStatus) { t.Error("there was a child") }); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Start in a directory that is not there: %v, want ENOENT", err)
	}
	if c.programs.table == nil {
		t.Error("the thread has no table")
	}
}

func BenchmarkStart(b *testing.B) {
	for _, open := range []int{10, 800, 8000} {
		for name, few := range map[string]int{"ordinary": 1 << 30, "apart": 0, "as it is": fewDescriptors} {
			b.Run(fmt.Sprintf("%d open/%s", open, name), func(b *testing.B) {
				openMany(b, open)
				c, err := New(nil)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				c.few = few
				null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
				if err != nil {
					b.Fatal(err)
				}
				defer null.Close()
				spec := Spec{Path: "/bin/true", Argv: []string{"true"}, Files: []*os.File{null, null, null}}
				exited := make(chan struct{}, 1)
				for b.Loop() {
					if _, err := c.Start(&spec, func(syscall.WaitStatus) { exited <- struct{}{} }); err != nil {
						b.Fatal(err)
					}
					b.StopTimer()
					<-exited
					b.StartTimer()
				}
			})
		}
	}
}
