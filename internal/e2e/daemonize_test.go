package e2e

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// detach starts the daemon in the background and gives its pid. If the test does
// not end it, it is ended in the end.
func (s *site) detach(args ...string) (pid int) {
	s.t.Helper()
	out, code := s.run(s.supervisord(), append([]string{"-c", s.conf}, args...)...)
	if code != 0 || out != "" {
		s.t.Fatalf("supervisord: exit code %d, want 0; output %q", code, out)
	}
	// It answers, as soon as the shell goes on.
	pid = answer[int](s, "supervisor.getPID")
	s.t.Cleanup(func() {
		if syscall.Kill(pid, syscall.SIGTERM) == nil {
			s.mustEnd(pid, "the daemon")
		}
	})
	return pid
}

// announcer is a program that says its pid through a pipe each time it starts.
func announcer(f *fifo) string {
	return fmt.Sprintf("[program:announcer]\ncommand=/bin/sh -c 'echo $$ >%s && exec cat'\nstartsecs=0\n\n", f.path)
}

// announced waits for the start of the announcer.
func announced(f *fifo) int {
	f.t.Helper()
	pid, err := strconv.Atoi(f.next())
	if err != nil {
		f.t.Fatal(err)
	}
	return pid
}

func TestDaemonize(t *testing.T) {
	t.Parallel()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, twiddler)
			f := s.fifo("started")
			s.write(s.read("supervisord.conf") + announcer(f))
			pid := s.detach()
			program := announced(f)
			if got := s.read("supervisord.pid"); got != fmt.Sprintln(pid) {
				t.Errorf("the pidfile has %q, want %d", got, pid)
			}
			if sid, err := unix.Getsid(pid); err != nil || sid != pid {
				t.Errorf("the daemon is in session %d (%v), want one of its own", sid, err)
			}
			for fd := range 3 {
				if to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd)); to != os.DevNull {
					t.Errorf("descriptor %d is %s (%v)", fd, to, err)
				}
			}
			expect(s, "1.0", "twiddler.getAPIVersion")
			if err := syscall.Kill(pid, sig); err != nil {
				t.Fatal(err)
			}
			s.mustEnd(pid, "the daemon")
			s.mustEnd(program, "the program")
			want := "WARN received " + unix.SignalName(sig) + " indicating exit request"
			if log := s.read("supervisord.log"); !strings.Contains(log, want) {
				t.Errorf("the log has no line with %q:\n%s", want, log)
			}
		})
	}
}

// TestRestart restarts a daemon in the background by SIGHUP.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, twiddler)
	f := s.fifo("started")
	s.write(s.read("supervisord.conf") + announcer(f))
	pid := s.detach()
	d := &daemon{site: s, pid: pid}
	program, plugins := announced(f), d.plugins()

	// The file is read anew.
	s.write(s.read("supervisord.conf") + "[group:fresh]\n")
	if err := syscall.Kill(pid, syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if again := announced(f); again == program {
		t.Errorf("the program has pid %d again", program)
	}
	s.mustEnd(program, "the program of before")
	if now := answer[int](s, "supervisor.getPID"); now != pid {
		t.Errorf("the daemon had pid %d and has %d", pid, now)
	}
	expect(s, "[announcer fresh]", "twiddler.getGroupNames")
	if now := d.plugins(); len(plugins) != 1 || len(now) != 1 || plugins[0] == now[0] {
		t.Errorf("the plugins had the pids %v and have %v", plugins, now)
	}
	if got := s.read("supervisord.pid"); got != fmt.Sprintln(pid) {
		t.Errorf("the pidfile has %q, want %d", got, pid)
	}
}

// TestRestartThatFails has the file broken before a restart: the daemon ends, as
// the reference does, and leaves nothing behind.
func TestRestartThatFails(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+twoPrograms)
	d.wait("success: b entered RUNNING state")
	d.write("[supervisord]\nlogfile\n")
	d.signal(syscall.SIGHUP)
	d.wait("Error: ")
	d.exit(2)
	// In the background nobody sees standard error: the log has it too.
	if log := d.read("supervisord.log"); !strings.Contains(log, "CRIT cannot start again: ") {
		t.Errorf("the log does not tell why the daemon ended:\n%s", log)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	need(t, err == nil && os.Getuid() == 0, "root, and the user nobody,")
	uid, _ := strconv.Atoi(nobody.Uid)
	s := newBareSite(t)
	// The user writes all its files itself.
	if err := os.Chown(s.dir, uid, -1); err != nil {
		t.Fatal(err)
	}
	started, umask := s.fifo("started"), s.fifo("umask")
	s.write("[supervisord]\nlogfile=/no/matter\n[unix_http_server]\nfile=%(here)s/s.sock\n" + twiddler +
		"[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n" +
		announcer(started) + program("mask", "/bin/sh -c 'umask >"+umask.path+"'"))
	s.write(strings.Replace(s.read("supervisord.conf"), "/no/matter", s.path("unused.log"), 1))
	pid := s.detach("-l", s.path("flag.log"), "--pidfile="+s.path("flag.pid"), "-u", "nobody", "--directory", "/usr",
		"-i", "flagged", "--loglevel=debug", "-m", "027", "-q", s.dir)
	program := announced(started)
	expect(s, "flagged", "supervisor.getIdentification")
	expect(s, "1.0", "twiddler.getAPIVersion")
	if got := s.read("flag.pid"); got != fmt.Sprintln(pid) {
		t.Errorf("the pidfile has %q, want %d", got, pid)
	}
	if log := s.read("flag.log"); !strings.Contains(log, " INFO set current directory: '/usr'") || exists(s.path("unused.log")) {
		t.Errorf("the log has:\n%s", log)
	}
	expect(s, "true", "supervisor.startProcess", "mask")
	if got := umask.next(); got != "0027" {
		t.Errorf("a program's umask is %s, want 0027", got)
	}
	for _, p := range append((&daemon{site: s, pid: pid}).plugins(), pid, program) {
		var status unix.Stat_t
		if err := unix.Stat(fmt.Sprintf("/proc/%d", p), &status); err != nil || int(status.Uid) != uid {
			t.Errorf("process %d belongs to user %d (%v), want %d", p, status.Uid, err, uid)
		}
	}
	if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", program)); cwd != "/usr" {
		t.Errorf("a program's directory is %s (%v), want /usr", cwd, err)
	}
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	s.mustEnd(pid, "the daemon")
	if exists(s.path("flag.pid")) {
		t.Error("the pidfile is left")
	}
}

// TestReopenLogs moves the logs away, as logrotate does.
func TestReopenLogs(t *testing.T) {
	t.Parallel()
	// At this level the log shows what programs write.
	d := startDaemon(t, "[supervisord]\nloglevel=debug\n"+program("cat", "/bin/cat", "autostart=true", "stdout_logfile=%(here)s/cat.log"))
	d.wait("success: cat entered RUNNING state")
	d.awaitFile("cat.log")
	for _, name := range []string{"cat.log", "supervisord.log"} {
		if err := os.Rename(d.path(name), d.path(name+".1")); err != nil {
			t.Fatal(err)
		}
	}
	d.signal(syscall.SIGUSR2)
	d.awaitFile("cat.log")
	expect(d.site, "true", "supervisor.sendProcessStdin", "cat", "after\n")
	d.wait("after")
	expect(d.site, "true", "supervisor.stopProcess", "cat")
	if got := d.read("cat.log"); got != "after\n" {
		t.Errorf("the program's log has %q", got)
	}
	old, fresh := d.read("supervisord.log.1"), d.read("supervisord.log")
	if want := "INFO received SIGUSR2 indicating log reopen request"; !strings.Contains(old, want) || strings.Contains(fresh, want) {
		t.Errorf("the main log before:\n%safterwards:\n%s", old, fresh)
	}
	if want := "stopped: cat"; strings.Contains(old, want) || !strings.Contains(fresh, want) {
		t.Errorf("the main log before:\n%safterwards:\n%s", old, fresh)
	}
}

// TestSIGUSR1 sends what kills the reference.
func TestSIGUSR1(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "[supervisord]\nloglevel=blather\n")
	d.signal(syscall.SIGUSR1)
	d.wait("received SIGUSR1 indicating nothing")
	expect(d.site, fmt.Sprint(d.pid), "supervisor.getPID")
}
