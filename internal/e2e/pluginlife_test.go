package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// atOnce is what "at once" may take on a busy machine. It is far below what the
// calls that are cut short would take, and below plugin.call_timeout.
const atOnce = 10 * time.Second

// twoPrograms are there to be left alone.
var twoPrograms = "[program:a]\ncommand=/bin/cat\nstartsecs=0\n\n[program:b]\ncommand=/bin/cat\nstartsecs=0\n\n"

// pending is a call that a test waits for.
type pending struct {
	outcome chan string
	begun   time.Time
}

// sleeping makes a call that takes ten minutes, and returns when the plugin is at
// it.
func sleeping(d *daemon) *pending {
	d.t.Helper()
	from := d.log.count()
	p := &pending{make(chan string, 1), time.Now()}
	go func() { p.outcome <- outcome(d.site, "probe.sleep", 600) }()
	d.waitFrom(from, "probe: sleeping")
	return p
}

// ends says how long the call took, which must end so.
func (p *pending) ends(t *testing.T, want string) time.Duration {
	t.Helper()
	if got := <-p.outcome; got != want {
		t.Errorf("the call ends with %q, want %q", got, want)
	}
	return time.Since(p.begun)
}

const killed = "30 FAILED: extension 'probe' was killed by SIGKILL during the call; the outcome is unknown"

func TestPluginKilledDuringCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		grandchild bool
		session    bool
	}{
		{"alone", false, false},
		{"a grandchild holds its pipes", true, false},
		{"a grandchild holds its pipes from another session", true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := startDaemon(t, probeSection(t, "works", "")+twoPrograms)
			d.wait("success: b entered RUNNING state")
			before, pid := d.pids(), answer[int](d.site, "probe.pid")
			grandchild := 0
			if c.grandchild {
				grandchild = answer[int](d.site, "probe.spawnGrandchild", c.session)
			}
			call := sleeping(d)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if took := call.ends(t, killed); took > atOnce {
				t.Errorf("the call ended after %v", took)
			}
			if again := answer[int](d.site, "probe.pid"); again == pid {
				t.Errorf("the plugin has pid %d again", pid)
			}
			if after := d.pids(); !maps.Equal(before, after) || len(after) != 2 {
				t.Errorf("programs had the pids %v, have %v", before, after)
			}
			if c.session {
				// It left the plugin's group on purpose, and nobody's business is it any more.
				if err := syscall.Kill(grandchild, syscall.SIGKILL); err != nil {
					t.Errorf("the grandchild: %v", err)
				}
			}
			if c.grandchild {
				d.mustEnd(grandchild, "the grandchild")
			}
		})
	}
}

// TestPluginCrashes has the plugin exit by itself, first during a call and then
// again and again.
func TestPluginCrashes(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, probeSection(t, "works", "")+twoPrograms)
	d.wait("success: b entered RUNNING state")
	before := d.pids()
	const gone = "30 FAILED: extension 'probe' exited with status 7 during the call; the outcome is unknown"
	expect(d.site, gone, "probe.crash", 7)
	expect(d.site, gone, "probe.crash", 7)
	// The first time it is started again at once, the second time after a pause.
	d.wait("extension 'probe' runs again")
	from := d.waitFrom(0, "next attempt in 1s")
	d.waitFrom(from, "extension 'probe' runs again")
	answer[int](d.site, "probe.pid")
	if after := d.pids(); !maps.Equal(before, after) {
		t.Errorf("programs had the pids %v, have %v", before, after)
	}
}

func TestPluginStopped(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, probeSection(t, "works", "plugin.call_timeout = 1")+twiddler+twoPrograms)
	pid := answer[int](d.site, "probe.pid")
	d.stop(pid)
	begun := time.Now()
	expect(d.site, "30 FAILED: extension 'probe' did not answer within 1s (plugin.call_timeout); the outcome is unknown", "probe.pid")
	if took := time.Since(begun); took < time.Second || took > atOnce {
		t.Errorf("the call ended after %v", took)
	}
	expect(d.site, "1.0", "twiddler.getAPIVersion")
	begun = time.Now()
	d.signal(syscall.SIGTERM)
	d.exit(0)
	if took := time.Since(begun); took > atOnce {
		t.Errorf("the shutdown took %v", took)
	}
	d.mustEnd(pid, "the plugin")
}

// stop stops a process with all its threads. The kernel tells that only to its
// parent, so there is nothing to wait for but to look again.
func (d *daemon) stop(pid int) {
	d.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		d.t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; runtime.Gosched() {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			d.t.Fatal(err)
		}
		running := slices.ContainsFunc(threads, func(path string) bool {
			stat, err := os.ReadFile(path)
			return err == nil && !bytes.Contains(stat, []byte(") T "))
		})
		if !running {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatalf("process %d does not stop", pid)
		}
	}
}

// TestDaemonKilled has the daemon die with no chance to clean up.
func TestDaemonKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t, probeSection(t, "works", "")+twiddler+twoPrograms)
	d := s.start()
	d.wait("success: b entered RUNNING state")
	programs, plugins := d.pids(), d.plugins()
	if len(plugins) != 2 {
		t.Fatalf("the plugins are %v, want two", plugins)
	}
	d.signal(syscall.SIGKILL)
	d.exit(-1)
	for _, pid := range plugins {
		if !ends(pid, atOnce) {
			t.Errorf("plugin %d lives on", pid)
		}
	}
	// Programs live on, as the reference's do.
	for _, pid := range programs {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("program %d: %v", pid, err)
		}
	}
	left := s.socketDirs()
	if len(left) != 1 || !exists(s.sock) {
		t.Fatalf("left were %q and %s (%v): the test has nothing to show", left, s.sock, exists(s.sock))
	}

	d = s.start()
	d.wait("Unlinking stale socket " + s.sock)
	expect(s, "1.0", "twiddler.getAPIVersion")
	if now := s.socketDirs(); len(now) != 1 || now[0] == left[0] {
		t.Errorf("the sockets' directories were %q and are %q", left, now)
	}
	if pid := strings.TrimSpace(s.read("supervisord.pid")); pid != fmt.Sprint(d.pid) {
		t.Errorf("the pidfile has %q, want %d", pid, d.pid)
	}
}

// socketDirs lists the directories of plugins' sockets of the site's daemons.
func (s *site) socketDirs() []string {
	s.t.Helper()
	list, err := filepath.Glob(s.path("plugvisor-*/pv-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return list
}

// TestTwoSections has one factory serve two namespaces.
func TestTwoSections(t *testing.T) {
	t.Parallel()
	const factory = "supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface\n"
	d := startDaemon(t, "[rpcinterface:reader]\n"+factory+"whitelist = getAPIVersion, getGroupNames\n"+
		"[rpcinterface:writer]\nsupervisor.rpcinterface_factory = twiddler\nwhitelist = addProgramToGroup\n"+"[group:g]\n")
	expect(d.site, "1.0", "reader.getAPIVersion")
	expect(d.site, "[g]", "reader.getGroupNames")
	expect(d.site, "230 UNKNOWN: addProgramToGroup", "reader.addProgramToGroup", "g", "p", map[string]any{"command": "/bin/true"})
	expect(d.site, "230 UNKNOWN: getAPIVersion", "writer.getAPIVersion")
	expect(d.site, "true", "writer.addProgramToGroup", "g", "p", map[string]any{"command": "/bin/cat", "autostart": "false"})
	expect(d.site, "1 UNKNOWN_METHOD", "twiddler.getAPIVersion")
	if pids := d.plugins(); len(pids) != 2 {
		t.Errorf("the plugins are %v, want two", pids)
	}
	methods := answer[[]string](d.site, "system.listMethods")
	for _, name := range []string{"reader.log", "reader.addProgramToGroup", "writer.getAPIVersion"} {
		if !slices.Contains(methods, name) {
			t.Errorf("%s is not listed", name)
		}
	}
}

// TestPluginSockets looks at who may use the sockets of plugins.
func TestPluginSockets(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler)
	for _, dir := range append(d.socketDirs(), filepath.Dir(d.socketDirs()[0])) {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != os.ModeDir|0o700 {
			t.Errorf("%s has mode %v", dir, info.Mode())
		}
	}
}

// TestStoppedWhilePluginsStart has a signal come when a plugin takes its time to
// start.
func TestStoppedWhilePluginsStart(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"at first", "at a restart"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, twoPrograms)
			f := s.fifo("started")
			slow := "[rpcinterface:slow]\nsupervisor.rpcinterface_factory = /bin/sh -c 'echo $$ >" + f.path + "; exec sleep 600'\n"
			var d *daemon
			if mode == "at first" {
				s.write(s.read("supervisord.conf") + slow)
				d = s.launch()
			} else {
				d = s.start()
				d.wait("success: b entered RUNNING state")
				s.write(s.read("supervisord.conf") + slow)
				d.signal(syscall.SIGHUP)
			}
			plugin := announced(f)
			begun := time.Now()
			d.signal(syscall.SIGTERM)
			d.exit(0)
			if took := time.Since(begun); took > atOnce {
				t.Errorf("the end took %v", took)
			}
			d.mustEnd(plugin, "the plugin")
		})
	}
}

// Whoever waits for the end of the pidfile finds nothing in the way of another start,
// however long plugins take to end.
func TestPidfileIsRemovedLast(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, probeSection(t, faultArg+"shutdown-hang", ""))
	pid := answer[int](d.site, "probe.pid")
	d.signal(syscall.SIGTERM)
	poll(t, "the end of the pidfile", func() bool {
		_, err := os.Stat(d.path("supervisord.pid"))
		return err != nil
	})
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the plugin is still there")
	}
	if c, err := net.Dial("tcp", d.addr); err == nil {
		c.Close()
		t.Error("the server still listens")
	}
	d.exit(0)
}
