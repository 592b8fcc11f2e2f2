package process

import (
	"fmt"
	"slices"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// State is a state of the machine. Two of them are a spawn in flight, which
// clients see as STARTING.
type State uint8

// The states.
const (
	Stopped State = iota
	Spawning
	SpawningStop // a spawn in flight that is to be stopped as soon as it has a pid
	Starting
	Running
	Backoff
	Stopping
	Exited
	Fatal
	Unknown
	numStates
)

// Public is the state that clients see.
func (s State) Public() rpcinterface.ProcessState {
	switch s {
	case Stopped:
		return rpcinterface.ProcessStopped
	case Spawning, SpawningStop, Starting:
		return rpcinterface.ProcessStarting
	case Running:
		return rpcinterface.ProcessRunning
	case Backoff:
		return rpcinterface.ProcessBackoff
	case Stopping:
		return rpcinterface.ProcessStopping
	case Exited:
		return rpcinterface.ProcessExited
	case Fatal:
		return rpcinterface.ProcessFatal
	}
	return rpcinterface.ProcessUnknown
}

// InFlight says whether a spawn is under way whose outcome is not known yet.
func (s State) InFlight() bool { return s == Spawning || s == SpawningStop }

func (s State) String() string {
	switch s {
	case Spawning:
		return "STARTING (spawn in flight)"
	case SpawningStop:
		return "STARTING (spawn in flight, stop asked)"
	}
	return s.Public().String()
}

// Machine is the state of one process. The zero value is not ready: use New.
type Machine struct {
	spec  *core.ProcessSpec
	state State

	pid      int
	start    time.Time // of the last spawn, zero for never
	stop     time.Time // when the last one ended
	spawnErr string
	exit     int // exit status, -1 after death by signal
	failures int64

	frozen   bool // the supervisor is shutting down: nothing is started
	restart  bool // EXITED and to be started again
	killing  bool // a stop was asked and sent
	deadline time.Time
	killAt   time.Time
	reportAt time.Time // when "waiting for x to stop" is due again, zero for never
	reported time.Time
	pending  []int // signals to deliver with the pid
}

// New makes the machine of a process that was never started.
func New(spec *core.ProcessSpec) *Machine { return &Machine{spec: spec} }

// Spec is the process's configuration.
func (m *Machine) Spec() *core.ProcessSpec { return m.spec }

// SetSpec replaces the configuration; what it says counts from the next step on.
func (m *Machine) SetSpec(spec *core.ProcessSpec) { m.spec = spec }

// State is the current state.
func (m *Machine) State() State { return m.state }

// PID is the process's id, 0 when there is none.
func (m *Machine) PID() int { return m.pid }

// Killing says whether the process was told to stop.
func (m *Machine) Killing() bool { return m.killing }

// Reporting says whether the log is told that somebody waits for the stop.
func (m *Machine) Reporting() bool { return m.state == Stopping && !m.reportAt.IsZero() }

// SpawnErr is why the last start failed, or "".
func (m *Machine) SpawnErr() string { return m.spawnErr }

// ExitStatus is that of the last run: -1 after death by a signal, 0 while there
// is none.
func (m *Machine) ExitStatus() int { return m.exit }

// Started is when the last spawn had a pid, or began while it has none; zero for
// never.
func (m *Machine) Started() time.Time { return m.start }

// Ended is when the last run ended, zero for never.
func (m *Machine) Ended() time.Time { return m.stop }

// Deadline is when the owner should send Deadline, zero for never.
func (m *Machine) Deadline() time.Time { return m.deadline }

// Arm makes a process that has autostart and was never started due at now.
func (m *Machine) Arm(now time.Time) {
	if m.state == Stopped && m.start.IsZero() && m.spec.Autostart && !m.frozen {
		m.deadline = now
	}
}

// Freeze ends all starting that nobody asks for: the supervisor is shutting down or
// restarting. Its owner sends no Start any more.
func (m *Machine) Freeze() {
	m.frozen = true
	switch m.state {
	case Stopped, Exited:
		m.deadline = time.Time{}
	}
}

// EventKind is a kind of event.
type EventKind uint8

// The kinds of events.
const (
	Start       EventKind = iota // somebody asks for a start
	Spawned                      // the spawn in flight has a pid
	SpawnFailed                  // the spawn in flight failed before it had one
	Ended                        // the process was reaped
	Deadline                     // the deadline has passed
	Stop                         // somebody asks for a stop
	Signal                       // somebody sends a signal
	GiveUp                       // shutdown does not wait for the next retry
	KillFailed                   // a signal could not be sent
	Report                       // somebody waits for the stop
	numEvents
)

func (k EventKind) String() string {
	return [...]string{"start", "spawned", "spawn failed", "exited", "deadline", "stop",
		"signal", "give up", "kill failed", "report"}[k]
}

// Event is one thing that happened to the process.
type Event struct {
	Kind    EventKind
	PID     int    // Spawned
	Message string // SpawnFailed, KillFailed
	Signal  int    // Signal
	Status  Status // Ended
}

// Status is how a process ended.
type Status struct {
	Code   int  // exit code, when Signal is 0
	Signal int  // the signal that killed it
	Core   bool // a core was dumped
}

// Effect is one thing to do. It is a Spawn, Kill, Log or Change.
type Effect interface{ effect() }

type (
	// SpawnProcess asks for the process to be started; the answer is Spawned or
	// SpawnFailed.
	SpawnProcess struct{}
	// Kill sends a signal to the process, or to its process group.
	Kill struct {
		PID, Signal int
		Group       bool
		Stop        bool // it is to end the process; else somebody just sends it
	}
	// Log writes a line to the main log.
	Log struct {
		Level   rpcinterface.LogLevel
		Message string
	}
	// Change tells of a change of the public state. PID is that of the process
	// which the state was about, Tries counts failed starts in a row, and Expected
	// says of EXITED that the exit code was one of exitcodes.
	Change struct {
		From, To rpcinterface.ProcessState
		PID      int
		Tries    int64
		Expected bool
	}
)

func (SpawnProcess) effect() {}
func (Kill) effect()         {}
func (Log) effect()          {}
func (Change) effect()       {}

// Step takes one event at a time and gives the effects to carry out, in order. It
// answers false when the state has no rule for the event; a deadline without a
// rule is forgotten.
func (m *Machine) Step(now time.Time, ev Event) ([]Effect, bool) {
	s := &step{Machine: m, now: now, ev: ev, about: m.pid}
	for i := range table {
		r := &table[i]
		if r.from != m.state || r.on != ev.Kind || (r.guard != nil && !r.guard(s)) {
			continue
		}
		r.action(s)
		s.become(r.to)
		return append(s.effects, s.after...), true
	}
	if ev.Kind == Deadline {
		m.deadline = time.Time{}
	}
	return nil, false
}

// step is one event being taken: the machine, the time, and the effects so far.
type step struct {
	*Machine
	now     time.Time
	ev      Event
	about   int // the pid that the step is about
	effects []Effect
	after   []Effect // follow the change of state
}

// become enters a state and tells of it when clients see a difference.
func (s *step) become(to State) {
	from := s.state.Public()
	s.state = to
	if from != to.Public() {
		s.effects = append(s.effects, Change{
			From: from, To: to.Public(), PID: s.about, Tries: s.failures,
			Expected: s.ev.Kind == Ended && s.expected(),
		})
	}
}

func (s *step) log(level rpcinterface.LogLevel, format string, args ...any) {
	s.effects = append(s.effects, Log{level, fmt.Sprintf(format, args...)})
}

func (s *step) logAfter(level rpcinterface.LogLevel, format string, args ...any) {
	s.after = append(s.after, Log{level, fmt.Sprintf(format, args...)})
}

// seconds converts an option to a duration; options are whole seconds and may be
// absurdly large.
func seconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Second)
	return time.Duration(min(max(n, 0), most)) * time.Second
}

// begin asks for a spawn.
func (s *step) begin() {
	s.killing, s.restart = false, false
	s.spawnErr, s.exit = "", 0
	s.start = s.now
	s.deadline = time.Time{}
	s.after = append(s.after, SpawnProcess{})
}

// pidKnown records the pid of a spawn that succeeded, and delivers the signals
// that came before it. The time for startsecs begins here: a spawn may have waited
// for others before it.
func (s *step) pidKnown() {
	s.pid, s.about = s.ev.PID, s.ev.PID
	s.start = s.now
	s.spawnErr = ""
	s.log(rpcinterface.LevelInfo, "spawned: '%s' with pid %d", s.spec.Name, s.pid)
	s.deadline = s.start.Add(seconds(s.spec.StartSecs))
	for _, sig := range s.pending {
		s.signal(sig)
	}
	s.pending = nil
}

// running ends the time in which an exit would be a failed start.
func (s *step) running() {
	s.deadline = time.Time{}
	s.failures = 0
	s.logAfter(rpcinterface.LevelInfo, "success: %s entered RUNNING state, process has stayed up for > than %d seconds (startsecs)",
		s.spec.Name, s.spec.StartSecs)
}

// failed counts a failed start and sets the time of the next.
func (s *step) failed() {
	s.failures++
	s.pending = nil
	if s.failures > s.spec.StartRetries {
		s.deadline = s.now
		return
	}
	s.deadline = s.now.Add(seconds(s.failures))
}

func (s *step) spawnFailed() {
	s.spawnErr = s.ev.Message
	s.log(rpcinterface.LevelInfo, "spawnerr: %s", s.ev.Message)
	s.failed()
}

// spawnFailedStopped is a failed spawn that was to be stopped anyway.
func (s *step) spawnFailedStopped() {
	s.spawnFailed()
	s.become(Backoff)
	s.stopBackoff()
}

func (s *step) stopBackoff() {
	s.log(rpcinterface.LevelDebg, "Attempted to kill %s, which is in BACKOFF state.", s.spec.Name)
	s.deadline = time.Time{}
}

func (s *step) giveUp() {
	s.failures = 0
	s.deadline = time.Time{}
}

func (s *step) giveUpLoudly() {
	s.giveUp()
	s.logAfter(rpcinterface.LevelInfo, "gave up: %s entered FATAL state, too many start retries too quickly", s.spec.Name)
}

// sendStop sends the stop signal and sets the time of SIGKILL.
func (s *step) sendStop() {
	s.reported, s.reportAt = time.Time{}, time.Time{}
	s.kill(s.spec.StopSignal, s.spec.StopAsGroup)
	s.killAt = s.now.Add(seconds(s.spec.StopWaitSecs))
	s.deadline = s.killAt
}

func (s *step) kill(sig int, group bool) {
	asGroup := ""
	if group {
		asGroup = "process group "
	}
	s.log(rpcinterface.LevelDebg, "killing %s (pid %d) %swith signal %s", s.spec.Name, s.pid, asGroup, core.SignalName(sig))
	s.killing = true
	// The reference changes the state before it sends the signal.
	s.after = append(s.after, Kill{PID: s.pid, Signal: sig, Group: group, Stop: true})
}

func (s *step) stopWhenSpawned() {
	s.pidKnown()
	s.sendStop()
}

// killAgain is the deadline of a stop: SIGKILL, again and again until it is dead.
func (s *step) killAgain() {
	s.log(rpcinterface.LevelWarn, "killing '%s' (%d) with SIGKILL", s.spec.Name, s.pid)
	s.kill(core.SIGKILL, s.spec.KillAsGroup)
	s.killAt = s.now.Add(max(seconds(s.spec.StopWaitSecs), time.Second))
	s.nextStopping()
}

// reportEvery is how often a stop that somebody waits for is told of in the log.
const reportEvery = 2 * time.Second

func (s *step) report() {
	if s.reported.IsZero() || s.now.Sub(s.reported) >= reportEvery {
		s.log(rpcinterface.LevelInfo, "waiting for %s to stop", s.spec.Name)
		s.reported = s.now
	}
	s.reportAt = s.reported.Add(reportEvery)
	s.nextStopping()
}

func (s *step) nextStopping() {
	s.deadline = s.killAt
	if !s.reportAt.IsZero() && s.reportAt.Before(s.deadline) {
		s.deadline = s.reportAt
	}
}

func (s *step) signal(sig int) {
	s.log(rpcinterface.LevelDebg, "sending %s (pid %d) sig %s", s.spec.Name, s.pid, core.SignalName(sig))
	s.effects = append(s.effects, Kill{PID: s.pid, Signal: sig})
}

func (s *step) sendSignal() { s.signal(s.ev.Signal) }
func (s *step) keepSignal() { s.pending = append(s.pending, s.ev.Signal) }

func (s *step) killFailed() {
	s.killing = false
	s.deadline = time.Time{}
	s.log(rpcinterface.LevelCrit, "%s", s.ev.Message)
}

// ended is what every end of a run has in common.
func (s *step) ended() {
	s.stop = s.now
	s.pid = 0
	s.killing = false
	s.deadline = time.Time{}
	s.exit = s.ev.Status.code()
}

func (s *step) expected() bool { return slices.Contains(s.spec.ExitCodes, s.ev.Status.code()) }

func (s *step) stopped() {
	s.ended()
	level := rpcinterface.LevelWarn
	if s.expected() {
		level = rpcinterface.LevelInfo
	}
	s.logAfter(level, "stopped: %s (%s)", s.spec.Name, s.ev.Status)
}

func (s *step) exitedTooQuickly() {
	s.ended()
	s.exit = 0
	s.spawnErr = "Exited too quickly (process log may have details)"
	s.logAfter(rpcinterface.LevelWarn, "exited: %s (%s; not expected)", s.spec.Name, s.ev.Status)
	s.failed()
}

// restartPause is the least time between two starts that nobody asked for. The
// reference's main loop looks for what is to be started once a second, which keeps
// a program with startsecs=0 that ends at once from storming the machine.
const restartPause = time.Second

// exited is an end that nobody asked for.
func (s *step) exited() {
	s.ended()
	s.failures = 0
	if s.expected() {
		s.logAfter(rpcinterface.LevelInfo, "exited: %s (%s; expected)", s.spec.Name, s.ev.Status)
	} else {
		s.spawnErr = fmt.Sprintf("Bad exit code %d", s.exit)
		s.logAfter(rpcinterface.LevelWarn, "exited: %s (%s; not expected)", s.spec.Name, s.ev.Status)
	}
	s.restart = s.spec.Autorestart == core.RestartAlways ||
		s.spec.Autorestart == core.RestartUnexpected && !s.expected()
	if s.restart && !s.frozen {
		s.deadline = s.now
		if next := s.start.Add(restartPause); next.After(s.now) {
			s.deadline = next
		}
	}
}

// exitedLate is an exit after startsecs whose deadline had not been handled yet.
func (s *step) exitedLate() {
	s.become(Running)
	s.exited()
}

func (s *step) exitedUnknown() {
	s.exited()
	s.restart = false
	s.deadline = time.Time{}
}

func (s Status) code() int {
	if s.Signal != 0 {
		return -1
	}
	return s.Code
}

// String reads "exit status 1" or "terminated by SIGTERM (core dumped)".
func (s Status) String() string {
	if s.Signal == 0 {
		return fmt.Sprintf("exit status %d", s.Code)
	}
	text := "terminated by " + core.SignalName(s.Signal)
	if s.Core {
		text += " (core dumped)"
	}
	return text
}
