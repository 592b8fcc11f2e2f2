package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// proc is a process as /proc shows it.
type proc struct {
	pid, ppid int
	state     string // "Z" is a zombie
	argv      []string
}

// processes lists all processes that there are.
func processes(t *testing.T) (list []proc) {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range dirs {
		pid, _ := strconv.Atoi(filepath.Base(dir))
		stat, err := os.ReadFile(dir + "/stat")
		if err != nil {
			continue // it has just ended
		}
		// The name, in brackets, may have blanks in it.
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		ppid, _ := strconv.Atoi(fields[1])
		cmdline, _ := os.ReadFile(dir + "/cmdline")
		argv := strings.Split(strings.TrimSuffix(string(cmdline), "\x00"), "\x00")
		list = append(list, proc{pid, ppid, fields[0], argv})
	}
	return list
}

// children lists the daemon's children.
func (d *daemon) children() []proc {
	d.t.Helper()
	return slices.DeleteFunc(processes(d.t), func(p proc) bool { return p.ppid != d.pid })
}

// plugins lists the pids of the daemon's plugins.
func (d *daemon) plugins() (pids []int) {
	d.t.Helper()
	for _, p := range d.children() {
		if p.argv[0] == "supervisord-plugin" || p.argv[0] == self(d.t) {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// inhabitants lists the processes whose TMPDIR is the site: those of its daemons.
func (s *site) inhabitants() (list []proc) {
	s.t.Helper()
	for _, p := range processes(s.t) {
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if slices.Contains(strings.Split(string(environ), "\x00"), "TMPDIR="+s.dir) {
			list = append(list, p)
		}
	}
	return list
}

// checkNothingLeft fails the test when a process, a socket or a pidfile of the
// site's daemons is still there. Processes are killed then.
func (s *site) checkNothingLeft() {
	s.t.Helper()
	for _, p := range s.inhabitants() {
		// One that was killed a moment ago may still be going.
		if !ends(p.pid, soon) {
			s.t.Errorf("process %d is left: %q", p.pid, p.argv)
			syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	for _, pattern := range []string{"supervisord.pid", "s.sock*", "plugvisor-*/*"} {
		left, err := filepath.Glob(s.path(pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		if len(left) > 0 {
			s.t.Errorf("files are left: %q", left)
		}
	}
}

// ends waits for the end of a process, anybody's child, and says whether it came
// within the time. A zombie has ended.
func ends(pid int, limit time.Duration) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return err == unix.ESRCH
	}
	defer unix.Close(fd)
	return readable(fd, limit)
}

// mustEnd fails the test when a process does not end.
func (s *site) mustEnd(pid int, what string) {
	s.t.Helper()
	if !ends(pid, patience) {
		s.t.Errorf("%s (pid %d) did not end", what, pid)
	}
}
