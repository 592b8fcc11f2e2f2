package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestNoServer has a daemon without an http section: no factory is called, be it
// one that could not be.
func TestNoServer(t *testing.T) {
	t.Parallel()
	s := newBareSite(t)
	f := s.fifo("started")
	s.write("[supervisord]\nlogfile=%(here)s/supervisord.log\npidfile=%(here)s/supervisord.pid\nchildlogdir=%(here)s\n" +
		twiddler + probeSection(t, "crash", "") + announcer(f))
	d := s.start()
	announced(f)
	if children := d.children(); len(children) != 1 {
		t.Errorf("the daemon has the children %v, want the program alone", children)
	}
	if log := d.read("supervisord.log"); strings.Contains(log, "RPC interface") {
		t.Errorf("an interface was made:\n%s", log)
	}
}

// TestControlPlugin uses a file with a Python plugin of supervisorctl: the daemon
// takes no notice, supervisorctl says what to do.
func TestControlPlugin(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "[ctlplugin:cache]\nsupervisor.ctl_factory = supervisor_cache.controllerplugin:make_cache_controllerplugin\n")
	out, code := d.run(d.supervisorctl(), "-c", d.conf, "pid")
	want := "supervisor_cache.controllerplugin:make_cache_controllerplugin cannot be resolved within [ctlplugin:cache]: ...remove the section..."
	if code != 2 || !matches("Error: "+want+"\nFor help, use "+d.supervisorctl()+" -h\n", out) {
		t.Errorf("exit code %d, output %q; want 2, %q", code, out, want)
	}
	expect(d.site, fmt.Sprint(d.pid), "supervisor.getPID")
}

// TestProxied runs a program that goes into the background below pidproxy: the
// signal that stops it gets there.
func TestProxied(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	if err := os.Symlink(s.supervisord(), s.path("pidproxy")); err != nil {
		t.Fatal(err)
	}
	told := s.fifo("told")
	script := "(trap 'echo stopped >" + told.path + "; exit 0' HUP\n" +
		"sh -c 'echo $PPID' >" + s.path("back.pid") + "\necho ready >" + told.path + "\nwhile :; do sleep 0.05; done) &\nwait"
	s.write(s.read("supervisord.conf") + program("x", s.path("pidproxy")+" "+s.path("back.pid")+" "+s.script("background", script), "stopsignal=HUP"))
	d := s.start()
	expect(s, "true", "supervisor.startProcess", "x")
	if got := told.next(); got != "ready" {
		t.Fatalf("the program says %q", got)
	}
	expect(s, "true", "supervisor.stopProcess", "x", false)
	if got := told.next(); got != "stopped" {
		t.Errorf("the program says %q", got)
	}
	d.wait("stopped: x (")
}

// TestHostilePrograms has programs and listeners do their worst at once; the daemon
// answers all the while, and ends as it should.
func TestHostilePrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	listener := func(name, script string) string {
		return fmt.Sprintf("[eventlistener:%s]\ncommand=%s\nevents=PROCESS_STATE,REMOTE_COMMUNICATION\nstartsecs=0\nautorestart=true\nbuffer_size=2\n\n", name, s.script(name, script))
	}
	auto := []string{"autostart=true", "autorestart=true", "stdout_logfile_maxbytes=20000", "stdout_logfile_backups=1",
		"stdout_events_enabled=true", "stdout_capture_maxbytes=1KB", "stopwaitsecs=1"}
	s.write(s.read("supervisord.conf") +
		program("zeros", "/bin/cat /dev/zero", auto...) +
		program("noise", "/bin/cat /dev/urandom", auto...) +
		program("tokens", "/bin/sh -c \"yes '<!--XSUPERVISOR:BEGIN-->'\"", auto...) +
		program("deaf", "/bin/sh -c \"trap '' TERM INT HUP; while :; do sleep 1; done\"", append(auto, "stopasgroup=true")...) +
		program("suicide", "/bin/sh -c 'kill -9 $$'", auto...) +
		program("stopped", "/bin/sh -c 'kill -STOP $$'", auto...) +
		program("closed", "/bin/sh -c 'exec 0<&- 1>&- 2>&-; exec sleep 1000'", auto...) +
		program("fork", "/bin/sh -c 'sleep 1000 & sleep 1000 & exit 1'", append(auto, "startsecs=1", "startretries=1")...) +
		listener("flood", "cat /dev/zero") +
		listener("endless", "printf 'READY\\n'; read x; printf 'RESULT 99999999999\\n'; cat /dev/zero") +
		listener("ready", "yes READY") +
		listener("mute", "exec 1>&-; exec sleep 1000") +
		listener("dies", "printf 'READY\\n'; read x; kill -9 $$") +
		listener("refuses", "while :; do printf 'READY\\n'; read h; head -c ${h##*len:} >/dev/null; printf 'RESULT 4\\nFAIL'; done"))
	d := s.start()
	for _, line := range []string{"success: deaf entered RUNNING state", "exited: suicide (terminated by SIGKILL; not expected)",
		"flood: has entered the UNKNOWN state", "ready: has entered the UNKNOWN state", "endless: has entered the UNKNOWN state",
		"refuses: event was rejected", "exited: dies (terminated by SIGKILL; not expected)", "gave up: fork entered FATAL state"} {
		d.wait(line)
		expect(s, fmt.Sprint(d.pid), "supervisor.getPID")
	}
	if n := len(answer[[]info](s, "supervisor.getAllProcessInfo")); n != 14 {
		t.Errorf("%d processes are listed, want 14", n)
	}
	for _, name := range []string{"zeros", "noise", "tokens", "closed", "stopped"} {
		expect(s, "true", "supervisor.stopProcess", name)
	}
	// What the forking program left is nobody's, be it before it executes sleep.
	orphans, list := 0, s.inhabitants()
	for _, p := range list {
		if p.pid != d.pid && !slices.ContainsFunc(list, func(other proc) bool { return other.pid == p.ppid }) {
			if err := syscall.Kill(p.pid, syscall.SIGKILL); err == nil {
				orphans++
			}
		}
	}
	if orphans == 0 {
		t.Error("nothing was left by the program that forks")
	}
	d.signal(syscall.SIGTERM)
	d.exit(0)
}

// TestEventIsOneWrite has a listener read once what it is sent: header and payload
// come together.
func TestEventIsOneWrite(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	got := s.fifo("got")
	s.write(s.read("supervisord.conf") + "[eventlistener:el]\nevents=REMOTE_COMMUNICATION\nstartsecs=0\ncommand=" + s.script("el",
		"while printf 'READY\\n'; do dd bs=65536 count=1 2>/dev/null | tr '\\n' '|' >"+got.path+"; echo >"+got.path+"; printf 'RESULT 2\\nOK'; done") + "\n")
	d := s.start()
	d.wait("success: el entered RUNNING state")
	data := strings.Repeat("x", 3000)
	for i := range 20 {
		expect(s, "true", "supervisor.sendRemoteCommEvent", "t", data)
		want := fmt.Sprintf("ver:3.0 server:supervisor serial:%d pool:el poolserial:%[1]d eventname:REMOTE_COMMUNICATION len:3007|type:t|%s", i, data)
		if line := got.next(); line != want {
			t.Fatalf("the listener reads %q, want %q", line, want)
		}
	}
}

// TestOutputOfPrograms sends programs' output where the daemon's own goes, and to
// files that cannot seek.
func TestOutputOfPrograms(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	pipe := s.fifo("pipe")
	s.write(s.read("supervisord.conf") +
		program("stdout", "/bin/echo to the standard output", "stdout_logfile=/dev/stdout", "stdout_logfile_maxbytes=0") +
		program("limited", "/bin/echo to the output with a limit", "stdout_logfile=/dev/stdout") +
		program("stderr", "/bin/sh -c 'echo to the standard error >&2'", "stderr_logfile=/dev/stderr", "stderr_logfile_maxbytes=0") +
		program("fd", "/bin/echo to a descriptor", "stdout_logfile=/dev/fd/1", "stdout_logfile_maxbytes=0") +
		program("pipe", "/bin/echo to a pipe", "stdout_logfile="+pipe.path))
	d := s.start()
	for name, line := range map[string]string{"stdout": "to the standard output", "limited": "to the output with a limit",
		"stderr": "to the standard error", "fd": "to a descriptor"} {
		expect(s, "true", "supervisor.startProcess", name)
		d.wait(line)
	}
	expect(s, "true", "supervisor.startProcess", "pipe")
	if got := pipe.next(); got != "to a pipe" {
		t.Errorf("out of the pipe comes %q", got)
	}
	d.wait("exited: pipe")
	expect(s, "true", "supervisor.startProcess", "pipe")
	if got := pipe.next(); got != "to a pipe" {
		t.Errorf("out of the pipe comes %q", got)
	}
}
