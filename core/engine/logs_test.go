package engine

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestLogsOfARunningProcess(t *testing.T) {
	h := newHarness(t)
	first, second, third := h.gate("first"), h.gate("second"), h.gate("third")
	// Output reaches the log in its own time: cat's end says that all was read.
	j := h.spawn(h.script("x", "echo one; echo one >&2; read go <"+first.path+
		"; echo two; read go <"+second.path+"; echo three; read go <"+third.path+"; echo four"))
	child := j.up().child
	has := func(name, want string) {
		t.Helper()
		eventually(t, name+" to be "+want, func() bool {
			data, err := os.ReadFile(h.path(name))
			return err == nil && string(data) == want
		})
	}
	has("x.out", "one\n")
	has("x.err", "one\n")
	if err := child.ClearLogs(); err != nil {
		t.Fatal(err)
	}
	has("x.out", "")
	has("x.err", "")
	first.open()
	has("x.out", "two\n")
	if err := os.Rename(h.path("x.out"), h.path("moved")); err != nil {
		t.Fatal(err)
	}
	second.open()
	has("moved", "two\nthree\n")
	child.ReopenLogs()
	third.open()
	receive(t, j.ended)
	if got := h.read("x.out"); got != "four\n" {
		t.Errorf("the reopened log has %q", got)
	}
	if err := child.ClearLogs(); err == nil {
		t.Error("the logs of a process that has ended were cleared as if it ran")
	}
}

// A log that cannot be opened anew goes on where it was, and the main log says why.
func TestReopenFails(t *testing.T) {
	h := newHarness(t)
	g := h.gate("gate")
	if err := os.Mkdir(h.path("logs"), 0o700); err != nil {
		t.Fatal(err)
	}
	j := h.spawn(h.script("x", "read go <"+g.path+"; echo on", func(p *core.ProcessSpec) { p.Stdout.File.Path = h.path("logs/out") }))
	child := j.up().child
	if err := os.Rename(h.path("logs"), h.path("moved")); err != nil {
		t.Fatal(err)
	}
	child.ReopenLogs()
	g.open()
	receive(t, j.ended)
	if got := h.read("moved/out"); got != "on\n" {
		t.Errorf("the log has %q", got)
	}
	want := "ERRO cannot open log file: open " + h.path("logs/out") + ": no such file or directory"
	if got := h.log.text(); got != want {
		t.Errorf("main log %q, want %q", got, want)
	}
}

func TestLogsOfAStoppedProcess(t *testing.T) {
	h := newHarness(t)
	spec := h.program("x", "/bin/true")
	if err := h.ClearLogs(spec); err != nil {
		t.Errorf("with no logs there: %v", err)
	}
	h.write("x.out", "text", 0o600)
	h.write("x.err", "text", 0o600)
	if err := h.ClearLogs(spec); err != nil {
		t.Error(err)
	}
	if out, err := h.read("x.out"), h.read("x.err"); out != "" || err != "" {
		t.Errorf("after clearing the logs have %q and %q", out, err)
	}
	for _, kind := range []core.LogKind{core.LogNone, core.LogAuto} {
		h.write("x.out", "text", 0o600)
		other := h.program("x", "/bin/true", func(p *core.ProcessSpec) { p.Stdout.File.Kind = kind })
		if err := h.ClearLogs(other); err != nil || h.read("x.out") != "text" {
			t.Errorf("log kind %v: %v, and the file was touched", kind, err)
		}
	}
}

func TestPrepareLogs(t *testing.T) {
	h := newHarness(t)
	auto := func(p *core.ProcessSpec) { p.Stdout.File, p.Stderr.File = core.LogFile{}, core.LogFile{} }
	specs := []*core.ProcessSpec{
		h.program("both", "x", auto),
		h.program("one", "x", auto, func(p *core.ProcessSpec) { p.Stderr.File.Kind = core.LogNone }),
		h.program("none", "x"),
	}
	made := h.prepare(specs)
	for i, want := range [][2]string{{`both-stdout---ident-\w{8}\.log`, `both-stderr---ident-\w{8}\.log`}, {`one-stdout---ident-\w{8}\.log`, ""}, {`none\.out`, `none\.err`}} {
		for j, log := range []core.LogSpec{made[i].Stdout, made[i].Stderr} {
			if want[j] == "" {
				if log.File.Kind != core.LogNone {
					t.Errorf("%s: log %d is %+v, want none", specs[i].Name, j, log.File)
				}
				continue
			}
			if ok, _ := regexp.MatchString("^"+want[j]+"$", filepath.Base(log.File.Path)); !ok || log.File.Kind != core.LogPath {
				t.Errorf("%s: log %d is %+v, want %s", specs[i].Name, j, log.File, want[j])
			}
			if info, err := os.Stat(log.File.Path); strings.Contains(want[j], "ident") && (err != nil || info.Mode() != 0o600) {
				t.Errorf("%s: log %d is %v (%v), want an own file of mode 0600", specs[i].Name, j, info, err)
			}
		}
	}
	if specs[0].Stdout.File.Kind != core.LogAuto {
		t.Error("the specs that were handed in were changed")
	}
	if text := h.log.text(); text != "" {
		t.Errorf("main log %q", text)
	}
}

func (h *harness) prepare(specs []*core.ProcessSpec) []*core.ProcessSpec {
	h.t.Helper()
	done := make(chan []*core.ProcessSpec, 1)
	h.PrepareLogs(specs, func(made []*core.ProcessSpec) { done <- made })
	return receive(h.t, done)
}

func TestPrepareLogsFails(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.ChildLogDir = "/no/such/dir" })
	made := h.prepare([]*core.ProcessSpec{h.program("x", "/bin/true", func(p *core.ProcessSpec) { p.Stdout.File = core.LogFile{} })})
	if made[0].Stdout.File.Kind != core.LogNone {
		t.Errorf("stdout's log is %+v, want none", made[0].Stdout.File)
	}
	if made[0].Stderr.File.Path != h.path("x.err") {
		t.Errorf("stderr's log is %+v", made[0].Stderr.File)
	}
	if got := h.log.text(); !strings.HasPrefix(got, rpcinterface.LevelErro.String()+" cannot make the stdout log of x, it is not kept: ") ||
		!strings.Contains(got, "no such file or directory") {
		t.Errorf("main log %q", got)
	}
	h.run(made[0]) // it can be started all the same
}
