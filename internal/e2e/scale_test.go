package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// openFiles counts what a process has open, connections apart.
func openFiles(t *testing.T, pid int) (files, connections int) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range list {
		// What is closed in between is not open.
		if to, err := os.Readlink(dir + "/" + fd.Name()); err == nil && strings.HasPrefix(to, "socket:") {
			connections++
		} else if err == nil {
			files++
		}
	}
	return files, connections
}

// opensNoMore fails the test when the daemon keeps more open than it had. A
// connection ends when its client has gone, a little later.
func (d *daemon) opensNoMore(files, connections int) {
	d.t.Helper()
	f, c := openFiles(d.t, d.pid)
	for end := time.Now().Add(patience); f > files || c > connections; f, c = openFiles(d.t, d.pid) {
		if time.Now().After(end) {
			d.t.Errorf("%d files and %d connections were open, now %d and %d", files, connections, f, c)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// row is one result of an operation on a group.
type row struct {
	Name   string `xmlrpc:"name"`
	Status int    `xmlrpc:"status"`
}

// TestManyPrograms starts and stops two hundred programs, twice, and looks for
// what they leave in the daemon.
func TestManyPrograms(t *testing.T) {
	t.Parallel()
	const n = 200
	d := startDaemon(t, twiddler+program("p", "/bin/cat", fmt.Sprintf("numprocs=%d", n), "process_name=%(process_num)d"))
	all := func(method, state string) {
		t.Helper()
		rows := answer[[]row](d.site, method)
		if len(rows) != n || slices.ContainsFunc(rows, func(r row) bool { return r.Status != 80 }) {
			t.Errorf("%s answers %v, want %d successes", method, rows, n)
		}
		infos := answer[[]info](d.site, "supervisor.getAllProcessInfo")
		if len(infos) != n || slices.ContainsFunc(infos, func(i info) bool { return i.StateName != state }) {
			t.Errorf("after %s, not all are %s: %v", method, state, infos)
		}
	}
	// What is made at the first use stays.
	expect(d.site, "true", "supervisor.startProcess", "p:0")
	expect(d.site, "true", "supervisor.stopProcess", "p:0")
	files, connections := openFiles(t, d.pid)
	for range 2 {
		all("supervisor.startAllProcesses", "RUNNING")
		if running := len(d.children()) - len(d.plugins()); running != n {
			t.Errorf("%d children run, want %d", running, n)
		}
		all("supervisor.stopAllProcesses", "STOPPED")
	}
	for _, p := range d.children() {
		if p.argv[0] != "supervisord-plugin" {
			t.Errorf("child %d is left in state %s: %q", p.pid, p.state, p.argv)
		}
	}
	d.opensNoMore(files, connections+5)
}

// TestRunawayProgram has a program that is to run for ever and ends at once: it is
// started again about once a second, as the reference does, and not as often as the
// machine can.
func TestRunawayProgram(t *testing.T) {
	t.Parallel()
	// From before the first start: a line may be read long after it was written.
	begun := time.Now()
	d := startDaemon(t, "[program:runaway]\ncommand=/bin/true\nstartsecs=0\nautorestart=true\n")
	from := 0
	for range 3 {
		from = d.waitFrom(from, "spawned: 'runaway'")
	}
	if took := time.Since(begun); took < 1900*time.Millisecond {
		t.Errorf("it was started three times within %v", took)
	}
}
