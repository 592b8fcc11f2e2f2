package e2e

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// script writes a shell script of the site. A shell does so: what this process has
// open for writing, its children have too for a moment, and cannot be executed.
func (s *site) script(name, text string) (path string) {
	s.t.Helper()
	path = s.path(name)
	out, code := s.run("/bin/sh", "-c", `printf '#!/bin/sh\n%s\n' "$1" >"$0" && chmod 755 "$0"`, path, text)
	if code != 0 {
		s.t.Fatalf("cannot write %s: %s", path, out)
	}
	return path
}

// startBelow starts the daemon from a shell that does something to itself first.
func (s *site) startBelow(shell string) *daemon {
	s.t.Helper()
	real := s.supervisord()
	if err := os.Mkdir(s.path("bin"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	s.bin = s.path("bin")
	s.script("bin/supervisord", shell+"\nexec "+real+" \"$@\"")
	return s.start()
}

// TestInheritedLimits has programs get the limits that supervisord was started
// with, though Go raises that of descriptors for itself.
func TestInheritedLimits(t *testing.T) {
	t.Parallel()
	s := newSite(t, "[supervisord]\nminfds=64\nminprocs=50\n"+
		program("p", "/bin/sh -c \"ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -f; ulimit -Ss\"", "stdout_logfile=%(here)s/p.out"))
	d := s.startBelow("ulimit -Sn 300 && ulimit -Hn 500 && ulimit -c 7 && ulimit -f 99999 && ulimit -Ss 4000 || exit 9")
	expect(s, "true", "supervisor.startProcess", "p")
	d.wait("exited: p (exit status 0; expected)")
	if got, want := d.read("p.out"), "300\n500\n7\n99999\n4000\n"; got != want {
		t.Errorf("the program's limits are %q, want %q", got, want)
	}
}

// TestInheritedSignals has programs ignore what supervisord was started to ignore,
// as far as Go leaves it, SIGPIPE and SIGXFSZ always, and nothing else.
func TestInheritedSignals(t *testing.T) {
	t.Parallel()
	bits := func(signals ...syscall.Signal) (mask uint64) {
		for _, sig := range signals {
			mask |= 1 << (sig - 1)
		}
		return mask
	}
	always := bits(syscall.SIGPIPE, syscall.SIGXFSZ)
	for _, c := range []struct {
		name, shell string
		want        uint64
	}{
		{"nothing", "", always},
		{"job control", "trap '' TSTP TTIN TTOU", always | bits(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU)},
		// The daemon handles these itself, as the reference does.
		{"its own", "trap '' HUP INT TERM", always},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, program("p", "/bin/cat /proc/self/status", "stdout_logfile=%(here)s/p.out"))
			d := s.startBelow(c.shell)
			expect(s, "true", "supervisor.startProcess", "p")
			d.wait("exited: p (exit status 0; expected)")
			masks := map[string]uint64{}
			for line := range strings.Lines(d.read("p.out")) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
				masks[name], _ = strconv.ParseUint(value, 16, 64)
			}
			// What runs the tests may have left glibc's own signals ignored.
			const libc = uint64(3) << 31
			if got := masks["SigIgn"] &^ libc; got != c.want || masks["SigBlk"] != 0 {
				t.Errorf("the program ignores %#x and blocks %#x; want %#x and none", got, masks["SigBlk"], c.want)
			}
		})
	}
}
