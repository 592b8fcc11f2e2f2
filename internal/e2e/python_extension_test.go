package e2e

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pythonSection is a section of an extension written in Python.
func pythonSection(t *testing.T, name, script, more string) string {
	t.Helper()
	need(t, exists(python), "python3")
	var paths []any
	for _, p := range []string{filepath.Join("..", "..", "sdk", "python"), script} {
		abs, err := filepath.Abs(p)
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, abs)
	}
	return fmt.Sprintf("\n[rpcinterface:%s]\nsupervisor.rpcinterface_factory = "+
		"/usr/bin/env PYTHONPATH=%s PYTHONDONTWRITEBYTECODE=1 "+python+" %s\n%s\n",
		append(append([]any{name}, paths...), more)...)
}

const pythonGrants = "plugin.grants = processes:read processes:control programs:write logs:read stdin:write log:write " +
	"events:subscribe events:publish rpc:call=*\n"

const pythonProbe = "testdata/probe.py"

func TestPythonSession(t *testing.T) {
	t.Parallel()
	needPython(t)
	d := newSite(t, pythonSection(t, "probe", pythonProbe, "words = of the section\nwatch = yes\n"+pythonGrants)+
		pythonSection(t, "poor", pythonProbe, "plugin.grants = log:write")+
		"[program:cat]\ncommand=/bin/cat\nautostart=false\nstartsecs=0\n"+
		"[eventlistener:listener]\ncommand=/bin/cat\nautostart=false\nevents=TICK_3600\n").start("-e", "debug")
	d.session("python_extension")
}

func TestPythonExample(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, pythonSection(t, "hello", "../../examples/extensions/hello-python/hello.py", "greeting = Servus")+twoPrograms)
	d.wait("INFO hello: ready to say Servus")
	d.wait("success: b entered RUNNING state")
	expect(d.site, "Servus, World", "hello.greet", "World")
	expect(d.site, "Servus, Servus, World", "hello.greet", "World", 2)
	expect(d.site, "3 BAD_ARGUMENTS: times must be 1 or more", "hello.greet", "World", 0)
	expect(d.site, "[map[group:a running:1] map[group:b running:1]]", "hello.running")
	for _, c := range []struct{ words, want string }{
		{"hello greet World 2", "Servus, Servus, World\n"},
		{"hello running", "a                    1\nb                    1\n"},
	} {
		if out, code := d.run(filepath.Join(d.bin, "supervisorctl"), append([]string{"-c", d.conf}, strings.Fields(c.words)...)...); out != c.want || code != 0 {
			t.Errorf("%s: %q with code %d, want %q", c.words, out, code, c.want)
		}
	}
}

// TestPythonLog: whatever an extension writes is an entry of the main log under its
// name, and a traceback is one entry, however long it is.
func TestPythonLog(t *testing.T) {
	t.Parallel()
	d := newSite(t, pythonSection(t, "probe", pythonProbe, pythonGrants)).start("-e", "debug")
	d.wait("INFO probe: a line before it serves")
	d.wait("INFO probe: a line of __init__")
	expect(d.site, "<nil>", "probe.write", "text")
	for _, line := range []string{
		"INFO probe: text printed", "INFO probe: text to stderr", "INFO probe: text of a child", "DEBG probe: text at debug",
		"ERRO probe: text at critical", "INFO probe: text", "in two lines: module=part",
	} {
		d.wait(line)
	}
	from := d.log.count()
	expect(d.site, "30 FAILED: no luck", "probe.fail")
	at := d.waitFrom(from, "ERRO probe: fail: ValueError: no luck:")
	d.waitFrom(at, "  | ValueError: no luck")
	for _, line := range d.log.snapshot()[at:] {
		if !strings.HasPrefix(line, "  ") {
			t.Errorf("the traceback has the line %q", line)
		}
	}
	expect(d.site, "30 FAILED: no luck"+strings.Repeat("!", 20000), "probe.fail", 20000)
	at = d.waitFrom(at, "ERRO probe: fail: ValueError: no luck!!!")
	d.waitFrom(at, "  traceback=")
	d.waitFrom(at, "  | ValueError: no luck")
}

func TestPythonKilled(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, pythonSection(t, "probe", pythonProbe, pythonGrants)+twoPrograms)
	d.wait("success: b entered RUNNING state")
	before, pid := d.pids(), answer[int](d.site, "probe.pid")
	call := pythonSleeping(d)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	call.ends(t, killed)
	if again := answer[int](d.site, "probe.pid"); again == pid {
		t.Errorf("the extension has pid %d again", pid)
	}
	if after := d.pids(); !maps.Equal(before, after) || len(after) != 2 {
		t.Errorf("programs had the pids %v, have %v", before, after)
	}
	from := d.log.count()
	d.signal(syscall.SIGTERM)
	d.waitFrom(from, "INFO probe: closing")
	d.exit(0)
}

// pythonSleeping is sleeping for the extension in Python.
func pythonSleeping(d *daemon) *pending {
	d.t.Helper()
	from := d.log.count()
	p := &pending{make(chan string, 1), time.Now()}
	go func() { p.outcome <- outcome(d.site, "probe.sleep", 600) }()
	d.waitFrom(from, "INFO probe: sleeping")
	return p
}

// TestPythonLifeline has the daemon die with no chance to end anything.
func TestPythonLifeline(t *testing.T) {
	t.Parallel()
	s := newSite(t, pythonSection(t, "probe", pythonProbe, pythonGrants))
	d := s.start()
	pid := answer[int](s, "probe.pid")
	d.signal(syscall.SIGKILL)
	d.exit(-1)
	d.mustEnd(pid, "the extension")
	s.start() // which removes what the first has left
}

// TestPythonDeadline: a call whose time is up can see it, and asks the host for
// nothing any more.
func TestPythonDeadline(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, pythonSection(t, "probe", pythonProbe, pythonGrants+"plugin.call_timeout = 1"))
	const late = "30 FAILED: extension 'probe' did not answer within 1s (plugin.call_timeout); the outcome is unknown"
	expect(d.site, late, "probe.sleep", 600)
	d.wait("WARN probe: woken, 0 s left")
	expect(d.site, late, "probe.expired")
	d.wait("INFO probe: too late: cannot ask for Host.State: the call has ended")
}

// TestPythonWaits: a call whose time is up waits for the host no longer.
func TestPythonWaits(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, pythonSection(t, "probe", pythonProbe, pythonGrants+"plugin.call_timeout = 1")+
		"[program:slow]\ncommand=/bin/cat\nautostart=false\nstartsecs=600\n")
	expect(d.site, "30 FAILED: extension 'probe' did not answer within 1s (plugin.call_timeout); the outcome is unknown",
		"probe.ask", "start_process", []any{"slow"})
	// The daemon's clock may be ahead of the extension's: then the call is cancelled.
	at := d.waitFrom(0, "ERRO probe: ask: plugvisor.")
	line := d.log.snapshot()[at-1]
	if !strings.Contains(line, "DeadlineExceeded: cannot ") &&
		!strings.Contains(line, "TransportError: cannot wait for Host.StartProcess: the call has ended") {
		t.Errorf("the log says: %s", line)
	}
}

// TestPythonTogether has many calls be served at once, each of which calls another
// method of the same extension.
func TestPythonTogether(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, pythonSection(t, "probe", pythonProbe, pythonGrants))
	const calls = 100
	outcomes := make(chan string, calls)
	for i := range calls {
		go func() { outcomes <- outcome(d.site, "probe.ask", "call", []any{"probe.echo", i}) }()
	}
	got := map[string]bool{}
	for range calls {
		got[<-outcomes] = true
	}
	for i := range calls {
		if !got[fmt.Sprint(i)] {
			t.Errorf("no call was answered %d: %v", i, got)
			break
		}
	}
}

// TestPythonResultHandler has the extension judge a listener's answers: a rejected
// event is sent again.
func TestPythonResultHandler(t *testing.T) {
	t.Parallel()
	for result, again := range map[string]bool{"FINE": false, "COARSE": true} {
		t.Run(result, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			s.write(s.read("supervisord.conf") + s.listener(result, "REMOTE_COMMUNICATION", "probe:strict") +
				pythonSection(t, "probe", pythonProbe, pythonGrants))
			d := s.start()
			expect(s, "true", "supervisor.sendRemoteCommEvent", "x", "one")
			from := 0
			for range 2 {
				from = d.waitFrom(from, "judging b'"+result+"' of REMOTE_COMMUNICATION")
				if !again {
					expect(s, "true", "supervisor.sendRemoteCommEvent", "x", "two")
				}
			}
			if got := strings.Count(s.read("events"), "one"); (got > 1) != again {
				t.Errorf("the event was sent %d times", got)
			}
		})
	}
}

// TestPythonRefused has sections that an extension refuses and scripts that cannot
// serve; each says why.
func TestPythonRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, script, section, want string }{
		{"unknown key", "", "colour = red", "unknown option colour"},
		{"bad value", "", "number = seven\nwatch = perhaps", `number: "seven" is no integer; watch: "perhaps" is no boolean`},
		{"no docstring", "import plugvisor\nclass X:\n  def m(self): pass\nplugvisor.serve(X)\n", "", "method m: it has no docstring"},
		{"a type that cannot be passed", "import plugvisor\nclass X:\n  def m(self, x: set):\n    'Help.'\nplugvisor.serve(X)\n", "",
			"method m: parameter x: values of type set cannot be passed"},
		{"exception at import", "import plugvisor\nprint('so far', flush=True)\nraise ValueError('no way')\n", "",
			"it exited with status 1 before it was ready, after writing: ValueError: no way"},
		{"exception in __init__", "import plugvisor\nclass X:\n  def __init__(self, host, config): raise OSError('no disk')\nplugvisor.serve(X)\n", "", "no disk"},
		{"syntax", "import plugvisor\nclass\n", "", "after writing: SyntaxError: invalid syntax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			script := pythonProbe
			if c.script != "" {
				script = s.path("x.py")
				if err := os.WriteFile(script, []byte(c.script), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s.write(s.read("supervisord.conf") + pythonSection(t, "x", script, c.section))
			d := s.launch()
			d.wait(c.want)
			d.exit(2)
		})
	}
}

// TestPythonByHand runs the example as a person would.
func TestPythonByHand(t *testing.T) {
	t.Parallel()
	need(t, exists(python), "python3")
	s := newBareSite(t)
	example, err := filepath.Abs("../../examples/extensions/hello-python/hello.py")
	if err != nil {
		t.Fatal(err)
	}
	sdk, err := filepath.Abs("../../sdk/python")
	if err != nil {
		t.Fatal(err)
	}
	cmd := s.command(example)
	cmd.Env = append(cmd.Env, "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it ended with %v", err)
	}
	for _, want := range []string{
		"This is a plugin of supervisord, version 1.0. It is not run by hand.\n", "It has the methods greet, running.\n",
		"supervisor.rpcinterface_factory = " + example + "\n", "plugin.grants = processes:read\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in:\n%s", want, out)
		}
	}
}
