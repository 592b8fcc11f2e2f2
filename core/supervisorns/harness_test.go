package supervisorns_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

type (
	str    = rpcinterface.String
	num    = rpcinterface.Int
	double = rpcinterface.Double
	truth  = rpcinterface.Bool
	array  = rpcinterface.Array
	object = rpcinterface.Struct
	null   = rpcinterface.Nil
)

// harness is the namespace over a supervisor whose machine is made up, in virtual
// time.
type harness struct {
	*World
	t   *testing.T
	ns  rpcinterface.Namespace
	dir string

	mainLog   string // its path
	cleared   int
	clearErr  error
	reread    []*core.GroupSpec
	rereadErr error
}

// run runs a test with these programs:
//
//	group g, the processes a (priority 2) and b (1), which are up at once
//	quick, which exits before startsecs
//	slow, with startsecs 5
//	gone, whose command is not there
//	logs, which logs to out and err in the directory
func run(t *testing.T, f func(h *harness)) {
	synctest.Test(t, func(t *testing.T) {
		h := &harness{World: New(t), t: t, dir: t.TempDir()}
		h.mainLog = filepath.Join(h.dir, "main.log")
		h.Life["quick"] = 1
		h.Missing["gone"] = rpcinterface.NewFault(rpcinterface.CodeNoFile, "can't find command 'gone'")
		logs := func(p *core.ProcessSpec) {
			p.Stdout.File = core.LogFile{Kind: core.LogPath, Path: filepath.Join(h.dir, "out")}
			p.Stderr.File = core.LogFile{Kind: core.LogPath, Path: filepath.Join(h.dir, "err")}
		}
		h.Run(
			Group("g", 50, Program("a", NoStartSecs, Priority(2)), Program("b", NoStartSecs, Priority(1))),
			Group("quick", 999, Program("quick")),
			Group("slow", 999, Program("slow", func(p *core.ProcessSpec) { p.StartSecs = 5 })),
			Group("gone", 999, Program("gone")),
			Group("logs", 999, Program("logs", logs, NoStartSecs)))
		defer h.End()
		h.ns = supervisorns.New(supervisorns.Config{
			Supervisor: h.Sup, MainLog: h, PID: 4711,
			Reload: func() ([]*core.GroupSpec, error) { return h.reread, h.rereadErr },
		})
		f(h)
	})
}

func (h *harness) Path() string { return h.mainLog }

func (h *harness) Clear() error {
	h.cleared++
	return h.clearErr
}

// call calls a method and gives its value as Python writes it, or "! CODE TEXT".
func (h *harness) call(method string, params ...rpcinterface.Value) string {
	v, err := h.ns.Call(h.t.Context(), &rpcinterface.Call{Method: method, Params: params})
	if err != nil {
		return outcome(err)
	}
	return pytext.Repr(v)
}

func outcome(err error) string {
	var f *rpcinterface.Fault
	if !errors.As(err, &f) {
		return "no fault: " + err.Error()
	}
	return fmt.Sprintf("! %d %s", f.Code, f.Message)
}

// row is one call of a table.
type row struct {
	method string
	params array
	want   string
}

func (h *harness) table(rows []row) {
	h.t.Helper()
	for _, r := range rows {
		if got := h.call(r.method, r.params...); got != r.want {
			h.t.Errorf("%s%s = %s, want %s", r.method, show(r.params), got, r.want)
		}
	}
}

func show(params array) string {
	return "(" + strings.TrimSuffix(strings.TrimPrefix(pytext.Repr(params), "["), "]") + ")"
}

// start has a process started, and drops what that did.
func (h *harness) start(name string) {
	h.t.Helper()
	if got := h.call("startProcess", str(name)); got != "True" {
		h.t.Fatalf("startProcess(%s) = %s", name, got)
	}
	h.Done()
}

func (h *harness) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// did compares what was done to processes since the last time.
func (h *harness) did(want ...string) {
	h.t.Helper()
	synctest.Wait()
	if got := h.Done(); fmt.Sprint(got) != fmt.Sprint(want) {
		h.t.Errorf("done: %q, want %q", got, want)
	}
}
