package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// background starts supervisord as a daemon, which becomes our child, and gives its
// pid.
func (s site) background(args ...string) (pid int) {
	s.t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0) })
	out, errs, code := s.run(append([]string{"@D@/supervisord", "-c", s.dir + "/supervisord.conf"}, args...)...)
	if out != "" || errs != "" || code != 0 {
		s.t.Fatalf("%q, stderr %q, code %d", out, errs, code)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(s.read("pid")))
	if err != nil {
		s.t.Fatal(err)
	}
	return pid
}

// finish ends a daemon in the background.
func (s site) finish(pid int) {
	s.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	var status syscall.WaitStatus
	for {
		if _, err := syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
			if err != nil || status != 0 {
				s.t.Errorf("the daemon ended with status %#x, %v", status, err)
			}
			return
		}
	}
}

// messages gives the main log without times.
func (s site) messages() []string {
	var out []string
	for line := range strings.Lines(s.read("main.log")) {
		if len(line) > len("2000-01-01 00:00:00,000 ") {
			out = append(out, strings.TrimSuffix(line[len("2000-01-01 00:00:00,000 "):], "\n"))
		}
	}
	return out
}

// expectInOrder looks for messages, others between them or not.
func (s site) expectInOrder(want ...string) {
	s.t.Helper()
	rest := s.messages()
	for _, text := range want {
		i := 0
		for i < len(rest) && rest[i] != text {
			i++
		}
		if i == len(rest) {
			s.t.Errorf("the log has not %q, or not in this place\n%s", text, s.read("main.log"))
			return
		}
		rest = rest[i+1:]
	}
}

func TestDaemonise(t *testing.T) {
	s := newSite(t)
	if err := os.Mkdir(s.dir+"/work", 0o777); err != nil {
		t.Fatal(err)
	}
	s.configure("loglevel=blather\ndirectory=@D@/work\numask=037", "")
	pid := s.background()
	dir, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil || dir != s.dir+"/work" {
		t.Errorf("directory %s, %v", dir, err)
	}
	for fd := range 3 {
		if name, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); err != nil || name != "/dev/null" {
			t.Errorf("descriptor %d is %s, %v", fd, name, err)
		}
	}
	if sid, err := unix.Getsid(pid); err != nil || sid != pid {
		t.Errorf("session %d of pid %d, %v", sid, pid, err)
	}
	info, err := os.Stat(s.dir + "/pid")
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("pidfile: %v, %v", info.Mode(), err)
	}
	s.finish(pid)
	s.expectInOrder("BLAT supervisord forked; parent exiting", "INFO daemonizing the supervisord process",
		"INFO set current directory: '"+s.dir+"/work'", fmt.Sprintf("INFO supervisord started with pid %d", pid))
	if _, err := os.Stat(s.dir + "/pid"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pidfile: %v", err)
	}
}

// Programs of a daemon in the background work where it does, under its umask.
func TestProgramsOfADaemon(t *testing.T) {
	s := newSite(t)
	if err := os.Mkdir(s.dir+"/work", 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(s.dir+"/done", 0o666); err != nil {
		t.Fatal(err)
	}
	s.configure("directory=@D@/work\numask=037\nenvironment=A=\"1\",B=\"2\"",
		program("p", `environment=B="3"`, `/bin/sh -c "pwd; umask; echo $A $B; exec > @D@/done"`))
	pid := s.background()
	s.read("done") // until it is closed
	s.finish(pid)
	if got, want := s.read("p.out"), s.dir+"/work\n0037\n1 3\n"; got != want {
		t.Errorf("output %q, want %q", got, want)
	}
}

func TestDirectoryThatCannotBeEntered(t *testing.T) {
	needsRoot(t)
	s := newSite(t)
	if err := os.Mkdir(s.dir+"/it's", 0o700); err != nil {
		t.Fatal(err)
	}
	s.configure("user=nobody\ndirectory=@D@/it's", "")
	s.finish(s.background())
	shown := `"` + s.dir + `/it's"`
	s.expectInOrder("CRIT can't chdir into " + shown + ": [Errno 13] Permission denied: " + shown)
	if log := s.read("main.log"); strings.Contains(log, "set current directory") {
		t.Errorf("it is said to be there all the same:\n%s", log)
	}
}

// In the foreground neither directory nor umask count.
func TestForegroundKeepsDirectoryAndUmask(t *testing.T) {
	s := newSite(t)
	s.configure("directory=/\numask=0", program("p", "", `/bin/sh -c "pwd; umask"`))
	d := s.start("/bin/sh", "-c", `umask 026 && exec "$0" "$@"`)
	d.await("exited: p")
	d.stop()
	if got, want := s.read("p.out"), s.dir+"\n0026\n"; got != want {
		t.Errorf("output %q, want %q", got, want)
	}
}
