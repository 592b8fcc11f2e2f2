package child

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestStartHandsOverWhatTheSpecSays(t *testing.T) {
	c := newChildren(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mask := 0o37
	spec := sh(`pwd; umask; echo "$A|$B|$HOME"; echo "$0 $1"`)
	spec.Argv = append(spec.Argv, "zero", "one two")
	spec.Env = []string{"A=1", "B=\xff=x"}
	spec.Dir = dir
	spec.Umask = &mask
	got := run(t, c, spec)
	want := dir + "\n0037\n1|\xff=x|\nzero one two\n"
	if got.stdout != want || got.stderr != "" || got.status != 0 {
		t.Errorf("stdout %q, stderr %q, status %#x; want %q", got.stdout, got.stderr, got.status, want)
	}
}

func TestUmaskIsTheChildsAlone(t *testing.T) {
	before := unix.Umask(0o22)
	unix.Umask(before)
	for _, refused := range []bool{false, true} {
		t.Run(fmt.Sprintf("unshare refused %v", refused), func(t *testing.T) {
			c := newChildren(t)
			if refused {
				c.umasks = newThread(c.closed, func() error { return syscall.EPERM })
			}
			for _, mask := range []int{0, 0o77, 0o22} {
				spec := sh("umask")
				spec.Umask = &mask
				if got, want := run(t, c, spec).stdout, fmt.Sprintf("%04o\n", mask); got != want {
					t.Errorf("umask %q, want %q", got, want)
				}
			}
			if got, want := run(t, c, sh("umask")).stdout, fmt.Sprintf("%04o\n", before); got != want {
				t.Errorf("a child without one has umask %q, want %q", got, want)
			}
			now := unix.Umask(before)
			if now != before {
				t.Errorf("the process's umask became %04o, was %04o", now, before)
			}
		})
	}
}

func bit(s syscall.Signal) uint64 { return 1 << (s - 1) }

// ignoredHere gives the signals that this process ignores.
func ignoredHere(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	mask, err := strconv.ParseUint(statusOf(string(text))["SigIgn"], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mask
}

// The signals, descriptors and groups of a child are as the reference's.
func TestChildStartsClean(t *testing.T) {
	c := newChildren(t)
	leak, err := unix.Open("/dev/null", unix.O_RDONLY, 0) // inherited: not close-on-exec
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(leak)
	if err := closeOnExec(); err != nil {
		t.Fatal(err)
	}
	mask := 0o22
	specs := map[string]Spec{"direct": {}, "ordinary": {ordinary: true}, "umask": {Umask: &mask}, "plugin": {DieWithParent: true}}
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			base := sh("cat /proc/self/status; echo; ls /proc/$$/fd; echo; cut -d' ' -f5,6 /proc/$$/stat; echo; echo $$")
			spec.Path, spec.Argv, spec.ProcessGroup = base.Path, base.Argv, true
			spec.Env = os.Environ()
			got := run(t, c, spec)
			parts := strings.Split(got.stdout, "\n\n")
			if len(parts) != 4 {
				t.Fatalf("output %q", got.stdout)
			}
			status := statusOf(parts[0])
			// The two that nohup or a shell may have ignored for the test stay so.
			ignored := bit(syscall.SIGPIPE) | bit(syscall.SIGXFSZ) | ignoredHere(t)&(bit(syscall.SIGHUP)|bit(syscall.SIGINT))
			// A parent such as make leaves the two signals ignored that glibc keeps for
			// itself, 32 and 33.
			const libc = uint64(3) << 31
			if got, err := strconv.ParseUint(status["SigIgn"], 16, 64); err != nil || got&^libc != ignored {
				t.Errorf("ignores %s, want %016x", status["SigIgn"], ignored)
			}
			if want := fmt.Sprintf("%016x", 0); status["SigBlk"] != want {
				t.Errorf("blocks %s, want none", status["SigBlk"])
			}
			if want := "1\n2"; parts[1] != want {
				t.Errorf("descriptors %q, want %q", parts[1], want)
			}
			sid, _ := unix.Getsid(0)
			if want := fmt.Sprintf("%d %d", got.pid, sid); parts[2] != want {
				t.Errorf("process group and session %q, want %q", parts[2], want)
			}
			if want := strconv.Itoa(got.pid) + "\n"; parts[3] != want {
				t.Errorf("pid %q, want %q", parts[3], want)
			}
		})
	}
}

func TestPipeEndsOfChildrenBlock(t *testing.T) {
	read, out := outputPipe(t)
	in, write, err := InputPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer write.Close()
	defer out.Close()
	for f, want := range map[*os.File]bool{read: true, write: true, out: false, in: false} {
		fds, err := descriptors([]*os.File{f})
		if err != nil {
			t.Fatal(err)
		}
		flags, err := unix.FcntlInt(fds[0], unix.F_GETFL, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := flags&unix.O_NONBLOCK != 0; got != want {
			t.Errorf("descriptor %d non-blocking: %v, want %v", fds[0], got, want)
		}
	}
}

// Go raises the limit of descriptors for itself; children have the original.
func TestDescriptorLimitIsNotRaisedForChildren(t *testing.T) {
	c := newChildren(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	spec := sh(`ulimit -Sn 300; exec "$0"`)
	spec.Argv = append(spec.Argv, exe)
	spec.Env = append(os.Environ(), modeVariable+"=limit")
	got := run(t, c, spec)
	var own, child uint64
	if _, err := fmt.Sscanf(got.stdout, "own %d child %d", &own, &child); err != nil {
		t.Fatalf("%v in %q (stderr %q)", err, got.stdout, got.stderr)
	}
	if child != 300 || own < child {
		t.Errorf("limits: own %d, child %d; want the child's to be 300", own, child)
	}
}

func TestChildDiesWithParent(t *testing.T) {
	for _, mode := range []string{"die", "die-prepared"} {
		t.Run(mode, func(t *testing.T) { testDiesWithParent(t, mode) })
	}
}

func testDiesWithParent(t *testing.T, mode string) {
	asSubreaper(t)
	orphans := make(chan int, 4)
	c, err := New(func(pid int, _ syscall.WaitStatus) { orphans <- pid })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	read, child := outputPipe(t)
	spec := Spec{
		Path: exe, Argv: []string{exe}, Env: append(os.Environ(), modeVariable+"="+mode),
		Files: []*os.File{nil, child, os.Stderr},
	}
	done := make(chan syscall.WaitStatus, 1)
	daemon, err := c.Start(&spec, func(s syscall.WaitStatus) { done <- s })
	child.Close()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(readLine(t, read))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Signal(daemon, syscall.SIGKILL, false); err != nil {
		t.Fatal(err)
	}
	receive(t, done)
	if got := receive(t, orphans); got != pid {
		t.Errorf("orphan %d ended, want %d", got, pid)
	}
}

func TestFailuresInTheChildAreSaidByTheChild(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	noexec := file("noexec", "just text\n", 0o755)
	nointerp := file("nointerp", "#!/no/such/interpreter\n", 0o755)
	nomode := file("nomode", "#!/bin/sh\n", 0o644)
	nouser := 1<<30 + 12345
	long := strings.Repeat("x", 3<<20)
	mask := 0o77
	const last = "supervisor: child process was not spawned\n"
	tests := []struct {
		name string
		spec Spec
		want string
	}{
		{"exec format", Spec{Path: noexec, Argv: []string{"arg0"}}, "couldn't exec arg0: ENOEXEC"},
		{"interpreter", Spec{Path: nointerp, Argv: []string{nointerp}}, "couldn't exec " + nointerp + ": ENOENT"},
		{"not executable", Spec{Path: nomode, Argv: []string{"x"}}, "couldn't exec x: EACCES"},
		{"no file", Spec{Path: dir + "/none", Argv: []string{"none"}}, "couldn't exec none: ENOENT"},
		{"directory", Spec{Path: "/bin/sh", Argv: []string{"sh"}, Dir: "/no/such"}, "couldn't chdir to /no/such: ENOENT"},
		{"no directory", Spec{Path: "/bin/sh", Argv: []string{"sh"}, Dir: noexec}, "couldn't chdir to " + noexec + ": ENOTDIR"},
		{"too long", Spec{Path: "/bin/sh", Argv: []string{"sh", long}}, "couldn't exec sh: E2BIG"},
		{"environment too long", Spec{Path: "/bin/sh", Argv: []string{"sh"}, Env: []string{"X=" + long}}, "couldn't exec sh: E2BIG"},
		{"no user", Spec{Path: "/bin/sh", Argv: []string{"sh"}, UID: &nouser}, fmt.Sprintf("couldn't setuid to %d: Can't find uid %d", nouser, nouser)},
		{"umask", Spec{Path: noexec, Argv: []string{"x"}, Umask: &mask}, "couldn't exec x: ENOEXEC"},
		{"plugin", Spec{Path: noexec, Argv: []string{"x"}, DieWithParent: true}, "couldn't exec x: ENOEXEC"},
	}
	c := newChildren(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.spec.ProcessGroup = true
			got := run(t, c, test.spec)
			if want := "supervisor: " + test.want + "\n" + last; got.stderr != want {
				t.Errorf("stderr %q, want %q", got.stderr, want)
			}
			if got.status.ExitStatus() != 127 {
				t.Errorf("status %#x, want exit code 127", got.status)
			}
		})
	}
}

func TestNoShimReturnsTheFailure(t *testing.T) {
	c := newChildren(t)
	nouser := 1<<30 + 12345
	spec := Spec{Path: "/no/such", Argv: []string{"x"}, NoShim: true}
	if _, err := c.Start(&spec, nil); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("error %v, want ENOENT", err)
	}
	spec.UID = &nouser
	if _, err := c.Start(&spec, nil); err == nil || !strings.Contains(err.Error(), "Can't find uid") {
		t.Errorf("error %v, want the refused user", err)
	}
}

// When nothing can be forked, Start says so and no process exists.
func TestNoDescriptorsLeft(t *testing.T) {
	c := newChildren(t)
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 0, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	spec := sh("exit 0")
	_, err := c.Start(&spec, func(syscall.WaitStatus) { t.Error("there was a child") })
	_, _, pipeErr := OutputPipe()
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Start: %v, want EMFILE", err)
	}
	if !errors.Is(pipeErr, syscall.EMFILE) {
		t.Errorf("OutputPipe: %v, want EMFILE", pipeErr)
	}
}

func TestShimMainLeavesOthersAlone(t *testing.T) {
	for _, args := range [][]string{nil, {"supervisord"}, {"supervisord", shimName}, {shimName}, {shimName, "3", "4"}} {
		if ShimMain(args) {
			t.Errorf("ShimMain(%q) took over", args)
		}
	}
}
