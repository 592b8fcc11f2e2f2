package engine

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// deadline is ten times what the slowest wait of these tests needs.
const deadline = 20 * time.Second

func TestMain(m *testing.M) {
	if child.ShimMain(os.Args) {
		return
	}
	child.IgnoreInherited()
	os.Exit(m.Run())
}

// harness is an engine in a directory of its own.
type harness struct {
	*Engine
	t   testing.TB
	dir string
	log *recorder
}

func newHarness(t testing.TB, change ...func(*Config)) *harness {
	t.Helper()
	children, err := child.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(children.Close)
	h := &harness{t: t, dir: t.TempDir(), log: &recorder{level: rpcinterface.LevelInfo}}
	cfg := Config{
		Children:     children,
		Logger:       h.log,
		Environ:      []string{"PATH=/bin:/usr/bin"},
		ServerURL:    "unix:///s",
		ChildLogDir:  h.dir,
		Identifier:   "ident",
		SplitCommand: config.SplitCommand,
	}
	for _, f := range change {
		f(&cfg)
	}
	h.Engine = New(cfg)
	t.Cleanup(h.Close)
	return h
}

// recorder is a main log in memory.
type recorder struct {
	level rpcinterface.LogLevel
	mu    sync.Mutex
	lines []string
}

func (r *recorder) Enabled(level rpcinterface.LogLevel) bool { return level >= r.level }

func (r *recorder) Log(level rpcinterface.LogLevel, message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, level.String()+" "+message)
}

func (r *recorder) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.lines, "\n")
}

// program is a program that logs to NAME.out and NAME.err.
func (h *harness) program(name, command string, change ...func(*core.ProcessSpec)) *core.ProcessSpec {
	spec := &core.ProcessSpec{
		Name: name, Command: command,
		Stdout: core.LogSpec{File: core.LogFile{Kind: core.LogPath, Path: h.path(name + ".out")}},
		Stderr: core.LogSpec{File: core.LogFile{Kind: core.LogPath, Path: h.path(name + ".err")}},
	}
	for _, f := range change {
		f(spec)
	}
	return spec
}

// script is a program that is a shell script in a file, to which quoting and
// comments of commands mean nothing.
func (h *harness) script(name, text string, change ...func(*core.ProcessSpec)) *core.ProcessSpec {
	h.t.Helper()
	path := h.path(name + ".sh")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		h.t.Fatal(err)
	}
	return h.program(name, "/bin/sh "+path, change...)
}

func (h *harness) path(name string) string { return filepath.Join(h.dir, name) }

func (h *harness) read(name string) string {
	h.t.Helper()
	data, err := os.ReadFile(h.path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(data)
}

func (h *harness) write(name, text string, mode os.FileMode) string {
	h.t.Helper()
	path := h.path(name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// job is one spawn that was asked for.
type job struct {
	t       testing.TB
	started chan started
	ended   chan process.Status
}

type started struct {
	child supervisor.Child
	pid   int
	why   string
}

func (h *harness) spawn(spec *core.ProcessSpec) *job {
	j := &job{h.t, make(chan started, 2), make(chan process.Status, 2)}
	h.Spawn(supervisor.SpawnJob{
		Spec: spec, Group: "group",
		Started: func(child supervisor.Child, pid int, why string) { j.started <- started{child, pid, why} },
		Ended:   func(status process.Status, _ time.Time) { j.ended <- status },
	})
	return j
}

// up waits until the process has a pid.
func (j *job) up() started {
	j.t.Helper()
	s := receive(j.t, j.started)
	if s.pid == 0 {
		j.t.Fatalf("not started: %s", s.why)
	}
	return s
}

// run starts a process and waits for its end.
func (h *harness) run(spec *core.ProcessSpec) process.Status {
	h.t.Helper()
	j := h.spawn(spec)
	j.up()
	return receive(h.t, j.ended)
}

// fails starts a process that cannot be, and gives the reason.
func (h *harness) fails(spec *core.ProcessSpec) string {
	h.t.Helper()
	s := receive(h.t, h.spawn(spec).started)
	if s.pid != 0 || s.child != nil {
		h.t.Errorf("%s was started", spec.Name)
	}
	return s.why
}

func receive[T any](t testing.TB, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(deadline):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// gate is a named pipe on which a script and the test wait for each other: a
// script that has opened it for writing has come that far, one that reads it goes
// on when the test says so.
type gate struct {
	t    testing.TB
	path string
}

func (h *harness) gate(name string) gate {
	h.t.Helper()
	g := gate{h.t, h.path(name)}
	if err := unix.Mkfifo(g.path, 0o600); err != nil {
		h.t.Fatal(err)
	}
	return g
}

// reached waits until the script writes to the gate and gives what it writes.
func (g gate) reached() string {
	g.t.Helper()
	came := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(g.path)
		if err != nil {
			data = []byte(err.Error())
		}
		came <- string(data)
	}()
	return receive(g.t, came)
}

// open lets the script that reads the gate go on.
func (g gate) open() {
	g.t.Helper()
	done := make(chan error, 1)
	go func() { done <- os.WriteFile(g.path, []byte("go\n"), 0) }()
	if err := receive(g.t, done); err != nil {
		g.t.Fatal(err)
	}
}
