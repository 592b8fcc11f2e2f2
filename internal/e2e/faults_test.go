package e2e

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soon is ten times what a call takes on a busy machine.
const soon = 5 * time.Second

// world is what a daemon has, and must have again when a fault is over.
type world struct {
	programs           map[string]int // pids
	children           []int
	files, connections int
	goroutines         int
	sockets            []string
}

func (d *daemon) world() world {
	d.t.Helper()
	w := world{programs: d.pids()}
	for _, p := range d.children() {
		w.children = append(w.children, p.pid)
	}
	slices.Sort(w.children)
	var err error
	if w.sockets, err = filepath.Glob(d.path("plugvisor-*/pv-*/*")); err != nil {
		d.t.Fatal(err)
	}
	_, page, err := get(context.Background(), "http://"+d.addr+"/metrics", "")
	if err != nil {
		d.t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^go_goroutines (\d+)$`).FindStringSubmatch(page)
	if m == nil {
		d.t.Fatalf("the metrics have no goroutines:\n%s", page)
	}
	fmt.Sscan(m[1], &w.goroutines)
	w.files, w.connections = openFiles(d.t, d.pid)
	return w
}

// no worse: programs, children and sockets are the same, and nothing is left open.
func (w world) noWorse(than world) bool {
	return maps.Equal(w.programs, than.programs) && slices.Equal(w.children, than.children) && slices.Equal(w.sockets, than.sockets) &&
		w.files <= than.files && w.connections <= than.connections && w.goroutines <= than.goroutines
}

// scene is a daemon with two programs, an extension "other" that is in order, and
// one named "bad" that is not enabled yet.
type scene struct {
	*daemon
	before world
	from   int    // of the log
	rest   func() // ends the callers
}

// newScene makes a scene, in which callers call others than "bad" all the time:
// each of them must be answered soon.
func newScene(t *testing.T, mode, more string) *scene {
	t.Helper()
	t.Parallel()
	other := strings.ReplaceAll(probeSection(t, "works", ""), ":probe]", ":other]")
	bad := strings.ReplaceAll(probeSection(t, faultArg+mode, "plugin.enabled = false\n"+more), ":probe]", ":bad]")
	s := &scene{daemon: startDaemon(t, other+bad+twoPrograms)}
	s.wait("success: b entered RUNNING state")
	// It calls the host, and so has both its connections.
	expect(s.site, "true", "other.sleep", 0.0)
	s.wait("probe: sleeping")
	s.world() // what the first look leaves open stays
	s.before = s.world()
	s.from = s.log.count()

	done := make(chan struct{})
	var callers sync.WaitGroup
	for _, method := range []string{"other.pid", "supervisor.getState", "extension.getAllExtensionInfo"} {
		callers.Go(func() {
			for {
				begun := time.Now()
				var result any
				if err := s.ctl.call(&result, method); err != nil {
					t.Errorf("meanwhile %s answers %v", method, err)
					return
				}
				if took := time.Since(begun); took > soon {
					t.Errorf("meanwhile %s took %v", method, took)
				}
				select {
				case <-done:
					return
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
	s.rest = sync.OnceFunc(func() { close(done); callers.Wait() })
	t.Cleanup(s.rest)
	return s
}

func (s *scene) enable() {
	s.t.Helper()
	expect(s.site, "true", "extension.enableExtension", "bad")
}

// within makes a call whose outcome must be this, after at least and at most this long.
func (s *scene) within(atLeast, atMost time.Duration, want, method string, args ...any) {
	s.t.Helper()
	begun := time.Now()
	expect(s.site, want, method, args...)
	if took := time.Since(begun); took < atLeast || took > atMost {
		s.t.Errorf("%s took %v, not between %v and %v", method, took, atLeast, atMost)
	}
}

// let makes the file that a plugin waits for.
func (s *scene) let(name string) {
	s.t.Helper()
	if err := syscall.Mkfifo(s.path(name), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

const disabled = "INFO extension 'bad' is disabled: disabled by an operator"

// end disables the extension, and looks at what the daemon has said since the
// beginning, pids apart, and at what it has open: as before.
func (s *scene) end(want ...string) {
	s.t.Helper()
	if got := outcome(s.site, "extension.disableExtension", "bad"); got != "true" {
		s.t.Errorf("extension 'bad' cannot be disabled: %s", got)
	}
	s.over(append(want, disabled)...)
}

// over is end for an extension that is disabled.
func (s *scene) over(want ...string) {
	s.t.Helper()
	got := s.told()
	for end := time.Now().Add(soon); len(got) < len(want) && time.Now().Before(end); got = s.told() {
		time.Sleep(time.Millisecond)
	}
	s.rest()
	if !slices.Equal(got, want) {
		s.t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	s.restored()
}

func (s *scene) restored() {
	s.t.Helper()
	now := s.world()
	for end := time.Now().Add(patience); !now.noWorse(s.before); now = s.world() {
		if time.Now().After(end) {
			s.t.Errorf("there was %+v, there is %+v", s.before, now)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

var (
	ofPid   = regexp.MustCompile(`pid \d+`)
	ofPause = regexp.MustCompile(`next attempt in \d+s`)
)

// told is what the log has since the beginning. A failure that came again, with a
// longer pause, stands there once.
func (s *scene) told() (list []string) {
	for _, line := range s.log.snapshot()[s.from:] {
		if f := strings.SplitN(line, " ", 3); len(f) == 3 {
			line = f[2]
		}
		line = ofPause.ReplaceAllString(ofPid.ReplaceAllString(line, "pid N"), "next attempt in Ns")
		if n := len(list); n > 0 && list[n-1] == line && strings.Contains(line, "next attempt") {
			continue
		}
		list = append(list, line)
	}
	return list
}

const runsAgain = "INFO extension 'bad' runs again, with pid N"

// TestFaultAtStart has the extension fail before it serves.
func TestFaultAtStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ mode, reason string }{
		{"start-exit", "it exited with status 3 before it was ready"},
		{"describe-exit", "it exited with status 4 before it was ready"},
		{"version", "incompatible API version with plugin. Plugin version: 7, Client versions: [1]"},
		{"garbage", `it is no plugin, or writes before it serves; its first line is: \x00\x1b[2J\xff garbage`},
	} {
		t.Run(c.mode, func(t *testing.T) {
			s := newScene(t, c.mode, "")
			s.within(0, atOnce, "30 FAILED: extension 'bad' cannot be started: "+c.reason, "extension.enableExtension", "bad")
			if got := outcome(s.site, "bad.pid"); !strings.HasPrefix(got, "30 FAILED: extension 'bad' ") {
				t.Errorf("a call is answered %q", got)
			}
			s.end("WARN cannot start extension 'bad': " + c.reason + "; next attempt in Ns")
		})
	}
}

// TestHangAtStart has it say nothing at all. The operator is told who is waited
// for, and need not wait.
func TestHangAtStart(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"start-hang", "describe-hang"} {
		t.Run(mode, func(t *testing.T) {
			s := newScene(t, mode, "")
			expect(s.site, "true", "extension.enableExtension", "bad", false)
			s.awaitState("bad", "STARTING") // who does not wait is answered before
			call := make(chan string, 1)
			go func() { call <- outcome(s.site, "bad.pid") }()
			s.waitFrom(s.from, "waiting for extension 'bad'")
			s.within(0, soon, "true", "extension.disableExtension", "bad")
			// It is told what it finds when it wakes up.
			want := []string{"30 FAILED: extension 'bad' is STOPPING", "30 FAILED: extension 'bad' is DISABLED: disabled by an operator"}
			if got := <-call; !slices.Contains(want, got) {
				t.Errorf("the call is answered %q, want one of %q", got, want)
			}
			s.over("WARN waiting for extension 'bad' (pid N) to start, for 30s at most", disabled)
		})
	}
}

// TestFaults has an extension that was in order fail.
func TestFaults(t *testing.T) {
	t.Parallel()
	ended := func(how string) string {
		return "WARN extension 'bad' (pid N) ended: it " + how + "; starting it again"
	}
	for _, c := range []struct {
		name, mode, more string
		do               func(s *scene)
		log              []string
	}{
		{"crash in a call", "ok", "", func(s *scene) {
			s.within(0, soon, "30 FAILED: extension 'bad' exited with status 7 during the call; the outcome is unknown", "bad.exit")
		}, []string{ended("exited with status 7"), runsAgain}},
		{"crash between calls", "ok", "", func(s *scene) {
			s.within(0, soon, "true", "bad.later", s.path("go"))
			s.let("go")
		}, []string{ended("exited with status 8"), runsAgain}},
		{"crash in an event stream", "ok", "plugin.grants = events:subscribe", func(s *scene) {
			s.within(0, soon, "true", "bad.watch")
			s.within(0, soon, "true", "supervisor.sendRemoteCommEvent", "type", "data")
		}, []string{ended("exited with status 9"), runsAgain}},
		{"hang in a call", "ok", "plugin.call_timeout = 3", func(s *scene) {
			pid := answer[int](s.site, "bad.pid")
			s.within(3*time.Second, 3*time.Second+soon, "30 FAILED: extension 'bad' did not answer within 3s (plugin.call_timeout); the outcome is unknown", "bad.hang")
			s.within(0, soon, fmt.Sprint(pid), "bad.pid") // it serves, and so is left alone
		}, []string{"WARN extension 'bad' did not answer bad.hang within 3s (plugin.call_timeout)"}},
		{"a client that leaves", "ok", "", func(s *scene) {
			body := "<methodCall><methodName>bad.sleep</methodName><params><param><value>" + s.path("none") + "</value></param></params></methodCall>"
			conn, _ := s.dial()
			fmt.Fprintf(conn, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			s.awaitCalls("bad", 1)
			conn.Close()
			s.awaitInfo("bad", func(i extensionInfo) bool {
				return strings.Contains(i.LastError, "had not answered when the caller left")
			})
			answer[int](s.site, "bad.pid")
		}, nil},
		{"hang in Shutdown", "shutdown-hang", "", func(s *scene) {
			s.within(0, 2*time.Second+soon, "true", "extension.disableExtension", "bad")
			s.enable()
		}, []string{"WARN extension 'bad' did not end in order: it did not shut down within 2s and was killed", disabled, runsAgain,
			"WARN extension 'bad' did not end in order: it did not shut down within 2s and was killed"}},
		{"a reply of 100 MB", "ok", "", func(s *scene) {
			before, err := peak(s.pid)
			s.within(0, atOnce, "30 FAILED: extension 'bad' failed to answer bad.big: Namespace.Call: message larger than 16777216 bytes", "bad.big")
			after, err2 := peak(s.pid)
			if err != nil || err2 != nil || after > before+32<<10 {
				s.t.Errorf("the daemon had %d KiB at most, and then %d (%v, %v)", before, after, err, err2)
			}
			answer[int](s.site, "bad.pid")
		}, []string{"WARN extension 'bad' failed to answer bad.big: Namespace.Call: message larger than 16777216 bytes"}},
		{"garbage on its output", "ok", "", func(s *scene) {
			s.within(0, soon, "true", "bad.garbage")
			s.waitFrom(s.waitFrom(s.waitFrom(s.from, " out"), " out"), " out")
			s.waitFrom(s.waitFrom(s.waitFrom(s.from, " err"), " err"), " err")
			answer[int](s.site, "bad.pid")
		}, nil},
		{"its socket is deleted", "ok", "", func(s *scene) {
			pid := answer[int](s.site, "bad.pid")
			s.within(0, soon, "true", "bad.unlink")
			s.within(0, soon, fmt.Sprint(pid), "bad.pid") // the connection is still there
		}, nil},
		{"its socket is deleted and its connection lost", "ok", "", func(s *scene) {
			s.within(0, soon, "true", "bad.deafen", s.path("go"))
			s.let("go")
			// The daemon waits a little for the process's end, of which it would rather tell.
			s.within(0, atOnce, "30 FAILED: extension 'bad' could not be reached; the outcome is unknown", "bad.hang")
		}, []string{ended("was killed because it could not be reached"), runsAgain}},
		{"SIGSTOP while idle", "ok", "plugin.call_timeout = 3", func(s *scene) {
			s.stop(answer[int](s.site, "bad.pid"))
			s.within(3*time.Second, 3*time.Second+soon, "30 FAILED: extension 'bad' did not answer within 3s (plugin.call_timeout); the outcome is unknown", "bad.pid")
		}, []string{"WARN extension 'bad' did not answer bad.pid within 3s (plugin.call_timeout)",
			ended("was killed because it did not answer a health check within 5s"), runsAgain}},
		{"SIGSTOP during a call", "ok", "plugin.call_timeout = 5", func(s *scene) {
			pid := answer[int](s.site, "bad.pid")
			done := make(chan string, 1)
			go func() { done <- outcome(s.site, "bad.hang") }()
			s.awaitCalls("bad", 2)
			s.stop(pid)
			if got, want := <-done, "30 FAILED: extension 'bad' did not answer within 5s (plugin.call_timeout); the outcome is unknown"; got != want {
				s.t.Errorf("the call is answered %q, want %q", got, want)
			}
		}, []string{"WARN extension 'bad' did not answer bad.hang within 5s (plugin.call_timeout)",
			ended("was killed because it did not answer a health check within 5s"), runsAgain}},
		{"the host calls it while it calls the host", "ok", "plugin.grants = rpc:call=*.*", func(s *scene) {
			pid := fmt.Sprint(answer[int](s.site, "bad.pid"))
			var calls sync.WaitGroup
			for i := range 300 {
				method, want := "supervisor.getPID", fmt.Sprint(s.pid)
				if i%2 == 0 {
					method, want = "bad.pid", pid
				}
				calls.Go(func() { s.within(0, 2*soon, want, "bad.reenter", method) })
			}
			calls.Wait()
		}, nil},
		{"children that outlive it", "ok", "", func(s *scene) {
			same, setsid := answer[int](s.site, "bad.grandchild", "same"), answer[int](s.site, "bad.grandchild", "setsid")
			s.within(0, soon, "true", "extension.disableExtension", "bad")
			s.mustEnd(same, "the child in its group")
			if err := syscall.Kill(setsid, syscall.SIGKILL); err != nil {
				s.t.Errorf("the child in a session of its own: %v", err)
			}
			s.mustEnd(setsid, "the child in a session of its own")
			s.enable()
		}, []string{disabled, runsAgain}},
		{"disabled during a call", "ok", "", func(s *scene) {
			done := make(chan string, 2)
			go func() { done <- outcome(s.site, "bad.sleep", s.path("go")) }()
			s.awaitCalls("bad", 1)
			go func() { done <- outcome(s.site, "extension.disableExtension", "bad") }()
			s.awaitState("bad", "STOPPING")
			s.within(0, soon, "30 FAILED: extension 'bad' is STOPPING", "bad.pid")
			s.let("go")
			for range 2 {
				if got := <-done; got != "true" {
					s.t.Errorf("a call is answered %q", got)
				}
			}
			s.enable()
		}, []string{disabled, runsAgain}},
		{"disabled during a call that hangs", "ok", "", func(s *scene) {
			done := make(chan string, 1)
			go func() { done <- outcome(s.site, "bad.hang") }()
			s.awaitCalls("bad", 1)
			s.within(10*time.Second, 10*time.Second+soon, "true", "extension.disableExtension", "bad")
			if got := <-done; !strings.HasPrefix(got, "30 FAILED: extension 'bad' was killed by SIGKILL during the call") {
				s.t.Errorf("the call is answered %q", got)
			}
			s.enable()
		}, []string{disabled, runsAgain}},
		{"it disables itself", "ok", "plugin.grants = rpc:call=extension.*", func(s *scene) {
			s.within(0, soon, "true", "bad.disable")
			s.waitFrom(s.from, "is disabled")
			s.within(0, soon, "30 FAILED: extension 'bad' is DISABLED: disabled by itself", "bad.pid")
			s.enable()
		}, []string{"INFO extension 'bad' is disabled: disabled by itself", runsAgain}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newScene(t, c.mode, c.more)
			s.enable()
			c.do(s)
			if n := len(c.log); n > 0 && c.log[n-1] == runsAgain {
				s.waitFrom(s.from, "runs again")
				answer[int](s.site, "bad.pid")
			}
			if c.name == "garbage on its output" { // the order of the two streams is open
				s.mustEndWith(`INFO bad: \x00\x1b[2J\xff err`, `INFO bad: \x00\x1b[2J\xff out`)
				return
			}
			s.end(c.log...)
		})
	}
}

// mustEndWith is end where each of the lines stands three times, in any order.
func (s *scene) mustEndWith(want ...string) {
	s.t.Helper()
	expect(s.site, "true", "extension.disableExtension", "bad")
	s.waitFrom(s.from, "extension 'bad' is disabled")
	s.rest()
	got := s.told()
	for _, line := range want {
		n := len(got)
		if got = slices.DeleteFunc(got, func(l string) bool { return l == line }); n-len(got) != 3 {
			s.t.Errorf("%q stands %d times in the log", line, n-len(got))
		}
	}
	if !slices.Equal(got, []string{disabled}) {
		s.t.Errorf("the log has %q besides", got)
	}
	s.restored()
}

// extensionInfo is what the tests read of an extension's information.
type extensionInfo struct {
	StateName string `xmlrpc:"statename"`
	Calls     int    `xmlrpc:"calls"`
	LastError string `xmlrpc:"lasterror"`
}

func (s *scene) awaitInfo(name string, is func(extensionInfo) bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !is(answer[extensionInfo](s.site, "extension.getExtensionInfo", name)); {
		if time.Now().After(end) {
			s.t.Fatalf("extension %s is %+v", name, answer[extensionInfo](s.site, "extension.getExtensionInfo", name))
		}
	}
}

func (s *scene) awaitCalls(name string, n int) {
	s.t.Helper()
	s.awaitInfo(name, func(i extensionInfo) bool { return i.Calls >= n })
}

func (s *scene) awaitState(name, state string) {
	s.t.Helper()
	s.awaitInfo(name, func(i extensionInfo) bool { return i.StateName == state })
}

// flooded tells how many lines of a flood the log has, and how many it counts.
func (s *scene) flooded() (logged, leftOut int) {
	s.t.Helper()
	for _, line := range s.told() {
		var n int
		switch {
		case strings.HasSuffix(line, " bad: a line of a flood"):
			logged++
		case strings.HasSuffix(line, " lines of output were left out: more than 500, or 256 KiB, a second"):
			if _, err := fmt.Sscanf(line, "WARN bad: %d lines", &n); err != nil {
				s.t.Errorf("%q: %v", line, err)
			}
			leftOut += n
		case line != disabled:
			s.t.Errorf("the log has %q", line)
		}
	}
	return logged, leftOut
}

// TestFloodOfLog has an extension write a million lines: the log has a few hundred
// a second of them, and each of the others is counted.
func TestFloodOfLog(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"lines", "records"} {
		t.Run(kind, func(t *testing.T) {
			s := newScene(t, "ok", "")
			s.enable()
			begun := time.Now()
			s.within(0, longest, "true", "bad.flood", kind)
			expect(s.site, "true", "extension.disableExtension", "bad")
			s.waitFrom(s.from, "extension 'bad' is disabled")
			s.rest()
			logged, leftOut := 0, 0
			// What is left out last may be told of after that.
			poll(t, "all lines are logged or counted", func() bool {
				logged, leftOut = s.flooded()
				return logged+leftOut >= floodLines
			})
			seconds := int(time.Since(begun).Seconds()) + 2
			if logged+leftOut != floodLines || logged > 500*seconds {
				t.Errorf("%d lines are logged and %d counted, in %d seconds", logged, leftOut, seconds)
			}
			s.restored()
		})
	}
}

// TestFloodOfMessages has it write through the host, which answers each: none is
// lost, and the extension is held up.
func TestFloodOfMessages(t *testing.T) {
	s := newScene(t, "ok", "")
	s.enable()
	s.within(1900*time.Millisecond, 2*time.Second+atOnce, "true", "bad.flood", "messages")
	s.end(slices.Repeat([]string{"WARN a message of a flood"}, floodMessages)...)
}

// TestTenCrashing has ten extensions crash again and again, each in its way, while
// programs are started and stopped.
func TestTenCrashing(t *testing.T) {
	modes := []string{"start-exit", "describe-exit", "soon", "version", "garbage"}
	reasons := map[string]string{
		"start-exit":    "cannot start extension '%s': it exited with status 3 before it was ready",
		"describe-exit": "cannot start extension '%s': it exited with status 4 before it was ready",
		"soon":          "extension '%s' (pid N) ended: it exited with status 5",
		"version":       "cannot start extension '%s': incompatible API version with plugin. Plugin version: 7, Client versions: [1]",
		"garbage":       `cannot start extension '%s': it is no plugin, or writes before it serves; its first line is: \x00\x1b[2J\xff garbage`,
	}
	const reasonEarly = "cannot start extension '%s': it exited with status 5 before it was ready"
	var more strings.Builder
	for i := range 10 {
		fmt.Fprint(&more, strings.ReplaceAll(probeSection(t, faultArg+modes[i%5], "plugin.enabled = false\nplugin.required = false"),
			":probe]", fmt.Sprintf(":bad%d]", i)))
	}
	more.WriteString(program("worker", "/bin/cat"))
	s := newScene(t, "ok", "\n"+more.String())
	for i := range 10 {
		expect(s.site, "true", "extension.enableExtension", fmt.Sprintf("bad%d", i), false)
	}
	// Until each has failed three times.
	for i, rounds := 0, 0; ; rounds++ {
		s.within(0, soon, "true", "supervisor.startProcess", "worker")
		s.within(0, soon, "true", "supervisor.stopProcess", "worker")
		for i < 10 && strings.Count(strings.Join(s.log.snapshot()[s.from:], "\n"), fmt.Sprintf(" extension 'bad%d'", i)) >= 3 {
			i++
		}
		if i == 10 {
			t.Logf("a program was started and stopped %d times", rounds)
			break
		}
	}
	for i := range 10 {
		expect(s.site, "true", "extension.disableExtension", fmt.Sprintf("bad%d", i))
	}
	s.waitFrom(s.from, "extension 'bad9' is disabled")
	s.rest()
	ofProgram := regexp.MustCompile(`^(INFO spawned: 'worker' with pid N|INFO success: worker entered RUNNING state|` +
		`(INFO|WARN) (waiting for|stopped:|exited:) worker)`)
	counted := map[string]int{}
	for _, line := range s.log.snapshot()[s.from:] {
		line = ofPid.ReplaceAllString(strings.SplitN(line, " ", 3)[2], "pid N")
		m := regexp.MustCompile(`'(bad\d)'`).FindStringSubmatch(line)
		if m == nil {
			if !ofProgram.MatchString(line) {
				t.Errorf("the log has %q", line)
			}
			continue
		}
		name := m[1]
		mode := modes[(name[3]-'0')%5]
		reason := fmt.Sprintf(reasons[mode], name)
		if early := fmt.Sprintf(reasonEarly, name); mode == "soon" && strings.HasPrefix(line, "WARN "+early) {
			reason = early // it had a moment, and that was over before its answer was there
		}
		switch rest, ok := strings.CutPrefix(line, "WARN "+reason); {
		case ok && regexp.MustCompile(`^; (starting it again|next attempt in \d+s)$`).MatchString(rest):
			counted[name]++
		case line == "INFO extension '"+name+"' is disabled: disabled by an operator",
			mode == "soon" && line == "INFO extension '"+name+"' runs again, with pid N":
		default:
			t.Errorf("the log has %q", line)
		}
	}
	for i := range 10 {
		// Back-off: at most the first, and those after 0, 1, 2, 4, 8 … seconds.
		if n := counted[fmt.Sprintf("bad%d", i)]; n < 2 || n > 10 {
			t.Errorf("bad%d failed %d times by the log", i, n)
		}
	}
	s.restored()
}
