package extension

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// children is the one registry of children that the test process may have.
var children = sync.OnceValues(func() (*child.Children, error) { return child.New(nil) })

// patience is ten times what anything here should take.
const patience = 30 * time.Second

// journal collects the main log.
type journal struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

func newJournal() *journal { return &journal{more: make(chan struct{})} }

func (j *journal) Enabled(rpcinterface.LogLevel) bool { return true }

func (j *journal) Log(level rpcinterface.LogLevel, message string) {
	j.add(level.String() + " " + message)
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	close(j.more)
	j.more = make(chan struct{})
}

// Write takes hclog's lines.
func (j *journal) Write(b []byte) (int, error) {
	for line := range bytes.Lines(b) {
		j.add(strings.TrimSpace(string(line)))
	}
	return len(b), nil
}

func (j *journal) hclog(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{Name: name, Output: j, Level: hclog.Info, DisableTime: true})
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// await waits for a line that holds the text.
func (j *journal) await(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		j.mu.Lock()
		more := j.more
		for _, line := range j.lines {
			if strings.Contains(line, text) {
				j.mu.Unlock()
				return line
			}
		}
		j.mu.Unlock()
		select {
		case <-more:
		case <-deadline:
			t.Fatalf("the log has no %q:\n%s", text, strings.Join(j.all(), "\n"))
		}
	}
}

// testEngine is a supervisor with two groups. Its events are those of a real one,
// where a test has asked for it.
type testEngine struct {
	Engine
	events *supervisor.Supervisor
	mu     sync.Mutex
	added  []string

	hanging atomic.Int32 // programs that are being added, and never will have been
}

func (e *testEngine) State() rpcinterface.SupervisorState { return rpcinterface.SupervisorRunning }

func (e *testEngine) Groups() []rpcinterface.GroupInfo {
	return []rpcinterface.GroupInfo{{Name: "web"}, {Name: "db"}}
}

func (e *testEngine) AddProgram(ctx context.Context, group, program string, _ rpcinterface.Struct) error {
	if program == "hang" {
		e.hanging.Add(1)
		<-ctx.Done()
		return ctx.Err()
	}
	if group != "web" {
		return rpcinterface.NewFault(rpcinterface.CodeBadName, "group: "+group)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.added = append(e.added, program)
	return nil
}

func (e *testEngine) Processes() []rpcinterface.ProcessInfo {
	return make([]rpcinterface.ProcessInfo, 3)
}

// rig is a manager in a daemon's surroundings.
type rig struct {
	*Manager
	log      *journal
	engine   *testEngine
	registry *namespace.Registry
	runDir   string
}

// shortTempDir is t.TempDir with a path that sockets fit into.
func shortTempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pvx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newRig(t testing.TB, cfg Config) *rig {
	t.Helper()
	kids, err := children()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{log: newJournal(), engine: &testEngine{}, runDir: shortTempDir(t)}
	r.registry = namespace.New(r.engine.State)
	cfg.RunDir, cfg.Engine, cfg.Registry, cfg.Children = r.runDir, r.engine, r.registry, kids
	cfg.Logger, cfg.HCLog = r.log, r.log.hclog
	if cfg.StopTimeout == 0 {
		cfg.StopTimeout = patience
	}
	cfg.EndGrace = patience // how a process has ended is waited for, not guessed
	r.Manager = New(cfg)
	return r
}

// start resolves and starts, and stops with the test.
func (r *rig) start(t testing.TB) *rig {
	t.Helper()
	if err := r.Resolve(); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Stop(context.Background()) })
	return r
}

// section is a required [rpcinterface:name] whose plugin behaves as said.
func section(name, behaviour string) core.ExtensionSpec {
	return core.ExtensionSpec{
		Name:        name,
		Section:     "rpcinterface:" + name,
		File:        "/etc/supervisord.conf",
		Factory:     fmt.Sprintf("'%s' test-plugin %s", os.Args[0], behaviour),
		Required:    true,
		Enabled:     true,
		CallTimeout: patience,
	}
}

var testCaller = rpcinterface.Caller{User: "u", Peer: "p", Server: "inet_http_server"}

// call makes a call as a client does.
func (r *rig) call(t testing.TB, method string, params ...string) (rpcinterface.Value, error) {
	t.Helper()
	values := make([]rpcinterface.Value, len(params))
	for i, p := range params {
		values[i] = rpcinterface.String(p)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	return r.registry.Call(ctx, method, values, testCaller)
}

func (r *rig) mustCall(t testing.TB, method string, params ...string) rpcinterface.Value {
	t.Helper()
	v, err := r.call(t, method, params...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return v
}

// wantFault checks that err is a fault of the code whose text holds each of the words.
func wantFault(t *testing.T, err error, code int, words ...string) {
	t.Helper()
	var f *rpcinterface.Fault
	if !errors.As(err, &f) {
		t.Fatalf("got %v, want a fault", err)
	}
	if f.Code != code {
		t.Errorf("fault %d: %s, want code %d", f.Code, f.Message, code)
	}
	for _, w := range words {
		if !strings.Contains(f.Message, w) {
			t.Errorf("fault %q lacks %q", f.Message, w)
		}
	}
}

// stateOf gives the letter that the kernel has for what a process does, "" when there
// is none.
func stateOf(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return after[:1]
}

// gone says whether a process has ended, or waits to be reaped.
func gone(pid int) bool { return strings.Contains("ZX", stateOf(pid)) }

// await waits for a thing that nothing tells of.
func await(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func kill(t testing.TB, pid rpcinterface.Value, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(int(pid.(rpcinterface.Int)), sig); err != nil {
		t.Fatal(err)
	}
}
