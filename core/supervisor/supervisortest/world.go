// Package supervisortest has a machine of its own for a Supervisor: its processes
// are spawned at once, or when the test says so, and live until they get a signal
// that ends them. In a testing/synctest bubble all that takes virtual time.
// Production code never imports it.
package supervisortest

import (
	"errors"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// World is the machine: a Supervisor's Effects and its Logger. The maps are keyed
// by process name and are not changed while the Supervisor runs.
type World struct {
	Sup *supervisor.Supervisor

	// Immune processes ignore all signals but SIGKILL.
	Immune map[string]bool
	// Life is how long processes live that exit by themselves, with status 1.
	Life map[string]time.Duration
	// Unspawnable says why processes cannot be spawned.
	Unspawnable map[string]string
	// Missing is what CheckCommand answers.
	Missing map[string]error
	// Prepared, unless nil, is what PrepareLogs waits for.
	Prepared chan struct{}
	// SocketErr is what CheckSocket answers.
	SocketErr error
	// Verdict is what HandleResult answers, at once.
	Verdict process.Verdict
	// Clock is the time of day, nil for that of the bubble.
	Clock core.Clock
	// StdinErr and ClearErr are what children's WriteStdin and both ClearLogs
	// answer.
	StdinErr, ClearErr map[string]error

	t       testing.TB
	mu      sync.Mutex
	lines   []string
	lastPID int
	alive   map[int]supervisor.SpawnJob
	spawned []string
	done    []string
	hold    bool
	held    []func()
	killErr error
}

var (
	_ supervisor.Effects = (*World)(nil)
	_ core.Logger        = (*World)(nil)
)

// New makes a world without a Supervisor.
func New(t testing.TB) *World {
	return &World{
		t: t, alive: map[int]supervisor.SpawnJob{},
		Immune: map[string]bool{}, Life: map[string]time.Duration{},
		Unspawnable: map[string]string{}, Missing: map[string]error{},
		StdinErr: map[string]error{}, ClearErr: map[string]error{},
	}
}

// Run starts the loop of a Supervisor of these groups; End ends it.
func (w *World) Run(groups ...*core.GroupSpec) *World {
	w.Sup = supervisor.New(supervisor.Config{Identifier: "ident", Groups: groups, Effects: w, Logger: w, Clock: w.Clock, Serials: &event.Serials{}})
	go w.Sup.Run()
	return w
}

// End shuts the Supervisor down, so that the bubble is empty.
func (w *World) End() {
	w.Sup.Shutdown()
	<-w.Sup.Done()
}

// Log keeps a line.
func (w *World) Log(level rpcinterface.LogLevel, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, level.String()+" "+message)
}

// Enabled answers true.
func (w *World) Enabled(rpcinterface.LogLevel) bool { return true }

// Lines gives the lines of the log that contain text.
func (w *World) Lines(text string) (out []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, line := range w.lines {
		if strings.Contains(line, text) {
			out = append(out, line)
		}
	}
	return out
}

// CheckCommand answers what Missing has.
func (w *World) CheckCommand(spec *core.ProcessSpec) error { return w.Missing[spec.Name] }

// Hold keeps spawns in flight until Release.
func (w *World) Hold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hold = true
}

// Held is how many spawns are in flight.
func (w *World) Held() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}

// Release lets the spawns in flight go on, in order.
func (w *World) Release() {
	w.mu.Lock()
	held := w.held
	w.held, w.hold = nil, false
	w.mu.Unlock()
	for _, run := range held {
		run()
	}
}

// Spawned lists what was spawned so far, as "group:process".
func (w *World) Spawned() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spawned
}

// Done takes what was done to processes' streams and signals sent since the last
// time: "stdin NAME TEXT", "clear NAME", "reopen NAME", "signal NAME NUMBER".
func (w *World) Done() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	done := w.done
	w.done = nil
	return done
}

func (w *World) did(words ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = append(w.done, strings.Join(words, " "))
}

// Spawn starts a process, or holds it.
func (w *World) Spawn(job supervisor.SpawnJob) {
	w.mu.Lock()
	defer w.mu.Unlock()
	run := func() { w.spawn(job) }
	if w.hold {
		w.held = append(w.held, run)
		return
	}
	go run()
}

func (w *World) spawn(job supervisor.SpawnJob) {
	if why := w.Unspawnable[job.Spec.Name]; why != "" {
		job.Started(nil, 0, why)
		return
	}
	w.mu.Lock()
	w.lastPID++
	pid := w.lastPID
	w.alive[pid] = job
	w.spawned = append(w.spawned, job.Group+":"+job.Spec.Name)
	w.mu.Unlock()
	job.Started(&streams{w, job.Spec.Name}, pid, "")
	if life, ok := w.Life[job.Spec.Name]; ok {
		time.Sleep(life)
		w.Finish(pid, process.Status{Code: 1})
	}
}

// Finish ends a process, if it is alive.
func (w *World) Finish(pid int, status process.Status) {
	w.mu.Lock()
	job, ok := w.alive[pid]
	delete(w.alive, pid)
	w.mu.Unlock()
	if ok {
		job.Ended(status, time.Now())
	}
}

// FailKills has signals fail from now on.
func (w *World) FailKills(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killErr = err
}

// Signal ends the process on SIGTERM, unless it is immune, and on SIGKILL.
func (w *World) Signal(pid, signal int, _ bool) error {
	w.mu.Lock()
	job, ok := w.alive[pid]
	err := w.killErr
	w.mu.Unlock()
	switch {
	case err != nil:
		return err
	case !ok:
		return syscall.ESRCH
	}
	w.did("signal", job.Spec.Name, core.SignalName(signal))
	if signal == core.SIGKILL || signal == int(syscall.SIGTERM) && !w.Immune[job.Spec.Name] {
		go w.Finish(pid, process.Status{Signal: signal})
	}
	return nil
}

// PrepareLogs names the stdout log /auto/NAME.
func (w *World) PrepareLogs(specs []*core.ProcessSpec, done func([]*core.ProcessSpec)) {
	out := make([]*core.ProcessSpec, len(specs))
	for i, spec := range specs {
		made := *spec
		made.Stdout.File = core.LogFile{Kind: core.LogPath, Path: "/auto/" + spec.Name}
		out[i] = &made
	}
	go func() {
		if w.Prepared != nil {
			<-w.Prepared
		}
		done(out)
	}()
}

// ClearLogs keeps that it was called.
func (w *World) ClearLogs(spec *core.ProcessSpec) error {
	w.did("empty", spec.Name)
	return w.ClearErr[spec.Name]
}

// streams are those of a process that is alive.
type streams struct {
	w    *World
	name string
}

func (s *streams) WriteStdin(data []byte) error {
	s.w.did("stdin", s.name, string(data))
	return s.w.StdinErr[s.name]
}

func (s *streams) ClearLogs() error {
	s.w.did("clear", s.name)
	return s.w.ClearErr[s.name]
}

func (s *streams) Release() {}

func (s *streams) Reconfigure(*core.ProcessSpec) { s.w.did("reconfigure", s.name) }

func (s *streams) ReopenLogs() { s.w.did("reopen", s.name) }

// State is the state of a process.
func (w *World) State(name string) rpcinterface.ProcessState {
	w.t.Helper()
	info, err := w.Sup.Process(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return info.State
}

// Program is a program with the defaults of a file, that neither starts by itself
// nor keeps logs.
func Program(name string, change ...func(*core.ProcessSpec)) *core.ProcessSpec {
	p := &core.ProcessSpec{
		Name: name, Command: "/bin/cat", Priority: 999, Autorestart: core.RestartUnexpected,
		StartSecs: 1, StartRetries: 3, StopSignal: 15, StopWaitSecs: 10, ExitCodes: []int{0},
		Stdout: core.LogSpec{File: core.LogFile{Kind: core.LogNone}},
		Stderr: core.LogSpec{File: core.LogFile{Kind: core.LogNone}},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

// Autostart sets autostart=true.
func Autostart(p *core.ProcessSpec) { p.Autostart = true }

// NoStartSecs sets startsecs=0.
func NoStartSecs(p *core.ProcessSpec) { p.StartSecs = 0 }

// AutoLog gives stdout an automatic log.
func AutoLog(p *core.ProcessSpec) { p.Stdout.File.Kind = core.LogAuto }

// Priority sets priority=.
func Priority(n int64) func(*core.ProcessSpec) {
	return func(p *core.ProcessSpec) { p.Priority = n }
}

// Group is a group of programs.
func Group(name string, priority int64, programs ...*core.ProcessSpec) *core.GroupSpec {
	return &core.GroupSpec{Name: name, Priority: priority, Processes: programs}
}

// WantFault fails the test unless err is this fault.
func WantFault(t testing.TB, err error, code int, text string) {
	t.Helper()
	var f *rpcinterface.Fault
	if !errors.As(err, &f) || f.Code != code || f.Message != text {
		t.Errorf("error is %v, want fault %d %q", err, code, text)
	}
}

// CheckSocket answers SocketErr.
func (w *World) CheckSocket(*core.SocketSpec) error { return w.SocketErr }

// HandleResult notes what it was asked, and answers Verdict.
func (w *World) HandleResult(handler string, e rpcinterface.Event, result []byte, done func(process.Verdict)) {
	w.did("handle", handler, e.Name, string(result))
	go done(w.Verdict)
}

// Job is what the living process of a name was spawned for.
func (w *World) Job(name string) supervisor.SpawnJob {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, job := range w.alive {
		if job.Spec.Name == name {
			return job
		}
	}
	w.t.Fatalf("%s is not alive", name)
	return supervisor.SpawnJob{}
}

// Say has an event listener write to its stdout.
func (w *World) Say(name, text string) {
	w.t.Helper()
	w.Job(name).OnListener([]byte(text))
}
