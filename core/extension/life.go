package extension

import (
	"time"

	"github.com/plugvisor/plugvisor/core"
)

// State is where an extension is in its life.
type State = core.ExtensionState

// The states, in the words of this package.
const (
	Starting = core.ExtensionStarting
	Running  = core.ExtensionRunning
	Backoff  = core.ExtensionBackoff
	Fatal    = core.ExtensionFatal
	Stopping = core.ExtensionStopping
	Disabled = core.ExtensionDisabled
)

// input is what can happen to an extension.
type input int

const (
	ready   input = iota // it accepted its configuration
	failed               // it could not be started, or ended too soon
	ended                // it ended after a good while
	spent                // it failed, and that was the last attempt
	due                  // the time for the next attempt has come
	again                // an operator wants it started, or its process exchanged
	stop                 // the supervisor or an operator wants it to end
	stopped              // it has ended as wished
)

func (in input) String() string {
	return [...]string{"ready", "failed", "ended", "spent", "due", "again", "stop", "stopped"}[in]
}

// next is the table of the life of an extension. ok is false where the input has
// no meaning in the state.
func next(s State, in input) (to State, ok bool) {
	type edge struct {
		from State
		in   input
	}
	switch (edge{s, in}) {
	case edge{Starting, ready}:
		return Running, true
	case edge{Starting, failed}:
		return Backoff, true
	case edge{Starting, spent}:
		return Fatal, true
	case edge{Starting, stop}:
		return Stopping, true

	case edge{Running, ready}: // another process has taken over
		return Running, true
	case edge{Running, again}:
		return Starting, true
	case edge{Running, ended}:
		return Starting, true
	case edge{Running, failed}:
		return Backoff, true
	case edge{Running, spent}:
		return Fatal, true
	case edge{Running, stop}:
		return Stopping, true

	case edge{Backoff, due}:
		return Starting, true
	case edge{Backoff, again}:
		return Starting, true
	case edge{Backoff, stop}:
		return Disabled, true

	case edge{Fatal, again}:
		return Starting, true
	case edge{Fatal, stop}:
		return Disabled, true

	case edge{Stopping, stopped}:
		return Disabled, true

	case edge{Disabled, again}:
		return Starting, true
	}
	return s, false
}

// RestartPolicy says when an extension whose process ended is started again.
//
// One that ran for Healthy is started again at once and has its failures forgotten.
// So is one that ran for less, the first time: its callers should not pay for a
// single crash. Every further failure is answered by a pause, First at the
// beginning and then twice the one before, up to Max. At the Limit-th failure in
// a row the extension is given up.
type RestartPolicy struct {
	Healthy    time.Duration
	First, Max time.Duration
	Limit      int
}

// DefaultRestartPolicy gives up after two and a half minutes of failures.
func DefaultRestartPolicy() RestartPolicy {
	return RestartPolicy{Healthy: 10 * time.Second, First: time.Second, Max: 30 * time.Second, Limit: 10}
}

// pause is the time before the attempt that follows the n-th failure in a row.
func (p RestartPolicy) pause(n int) time.Duration {
	d := p.First
	for ; n > 1 && d < p.Max; n-- {
		d *= 2
	}
	return min(d, p.Max)
}

// life is the state of an extension with what it needs to judge the next failure.
// It is a value: each thing that happens makes the next one, and nothing is done.
type life struct {
	state State
	since time.Time // when it entered the state
	// failures counts those in a row; crashed, that one of them was a process that
	// had been running.
	failures int
	crashed  bool
	reason   string    // why it is in Backoff, Fatal or Disabled
	due      time.Time // of the next attempt, in Backoff
}

// enter goes where the table says; the state is unchanged where it says nothing.
func (l life) enter(now time.Time, in input) life {
	if to, ok := next(l.state, in); ok {
		l.state, l.since = to, now
	}
	return l
}

// anew goes on at an operator's wish, with earlier failures forgotten.
func (l life) anew(now time.Time) life {
	l.failures, l.crashed = 0, false
	return l.enter(now, again)
}

// fail is a failure to start, or the end of a process that was running.
func (l life) fail(now time.Time, reason string, p RestartPolicy) life {
	l.reason = reason
	if l.state == Running {
		if now.Sub(l.since) >= p.Healthy {
			l.failures, l.crashed = 0, false
			return l.enter(now, ended)
		}
		if l.failures == 0 && !l.crashed {
			l.crashed = true
			return l.enter(now, ended)
		}
	}
	l.failures++
	if l.failures >= p.Limit {
		return l.enter(now, spent)
	}
	l.due = now.Add(p.pause(l.failures))
	return l.enter(now, failed)
}
