package process

// rule is one line of the table: in a state, on an event, under a condition, do
// something and enter a state. Of several that fit, the first counts.
type rule struct {
	from   State
	on     EventKind
	when   string // the condition, for people
	guard  func(*step) bool
	to     State
	action func(*step)
}

// table is every transition there is. docs/process-states.md is made from it.
var table = [...]rule{
	{Stopped, Start, "", nil, Spawning, (*step).begin},
	{Stopped, Deadline, "autostart", (*step).mayStart, Spawning, (*step).begin},

	{Spawning, Spawned, "startsecs is 0", (*step).noStartSecs, Running, (*step).pidKnownRunning},
	{Spawning, Spawned, "", nil, Starting, (*step).pidKnown},
	{Spawning, SpawnFailed, "", nil, Backoff, (*step).spawnFailed},
	{Spawning, Stop, "", nil, SpawningStop, (*step).nothing},
	{Spawning, Signal, "", nil, Spawning, (*step).keepSignal},

	{SpawningStop, Spawned, "", nil, Stopping, (*step).stopWhenSpawned},
	{SpawningStop, SpawnFailed, "", nil, Stopped, (*step).spawnFailedStopped},
	{SpawningStop, Stop, "", nil, SpawningStop, (*step).nothing},
	{SpawningStop, Signal, "", nil, SpawningStop, (*step).keepSignal},

	{Starting, Deadline, "", nil, Running, (*step).running},
	{Starting, Ended, "before startsecs", (*step).tooQuickly, Backoff, (*step).exitedTooQuickly},
	{Starting, Ended, "", nil, Exited, (*step).exitedLate},
	{Starting, Stop, "", nil, Stopping, (*step).sendStop},
	{Starting, Signal, "", nil, Starting, (*step).sendSignal},
	{Starting, KillFailed, "", nil, Unknown, (*step).killFailed},

	{Running, Ended, "", nil, Exited, (*step).exited},
	{Running, Stop, "", nil, Stopping, (*step).sendStop},
	{Running, Signal, "", nil, Running, (*step).sendSignal},
	{Running, KillFailed, "", nil, Unknown, (*step).killFailed},

	{Backoff, Deadline, "no retries left", (*step).noRetries, Fatal, (*step).giveUpLoudly},
	{Backoff, Deadline, "", (*step).notFrozen, Spawning, (*step).begin},
	{Backoff, Stop, "", nil, Stopped, (*step).stopBackoff},
	{Backoff, GiveUp, "", nil, Fatal, (*step).giveUp},

	{Stopping, Ended, "", nil, Stopped, (*step).stopped},
	{Stopping, Deadline, "stopwaitsecs passed", (*step).killDue, Stopping, (*step).killAgain},
	{Stopping, Deadline, "", nil, Stopping, (*step).report},
	{Stopping, Report, "", nil, Stopping, (*step).report},
	{Stopping, Signal, "", nil, Stopping, (*step).sendSignal},
	{Stopping, KillFailed, "", nil, Unknown, (*step).killFailed},

	{Exited, Start, "", nil, Spawning, (*step).begin},
	{Exited, Deadline, "autorestart", (*step).mayRestart, Spawning, (*step).begin},

	{Fatal, Start, "", nil, Spawning, (*step).begin},

	{Unknown, Ended, "", nil, Exited, (*step).exitedUnknown},
}

func (s *step) nothing() {}

// pidKnownRunning is STARTING and RUNNING in one step.
func (s *step) pidKnownRunning() {
	s.pidKnown()
	s.running()
}

func (s *step) mayStart() bool    { return !s.frozen && s.start.IsZero() && s.spec.Autostart }
func (s *step) mayRestart() bool  { return !s.frozen && s.restart }
func (s *step) notFrozen() bool   { return !s.frozen }
func (s *step) noStartSecs() bool { return s.spec.StartSecs <= 0 }
func (s *step) noRetries() bool   { return s.failures > s.spec.StartRetries }
func (s *step) killDue() bool     { return !s.now.Before(s.killAt) }
func (s *step) tooQuickly() bool  { return s.now.Sub(s.start) < seconds(s.spec.StartSecs) }
