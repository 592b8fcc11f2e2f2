package supervisor

import (
	"sync/atomic"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Effects does what the loop decides. Spawn and PrepareLogs return at once and
// answer by calling back from any goroutine; Signal is a system call that does
// not wait. CheckCommand and ClearLogs run on the goroutine of whoever called the
// Supervisor, never on the loop, and so do the ClearLogs and ReopenLogs of Child.
type Effects interface {
	// CheckCommand finds the executable of a command, as a spawn would. Its error
	// is a NO_FILE or NOT_EXECUTABLE fault.
	CheckCommand(spec *core.ProcessSpec) error
	// Spawn starts a process.
	Spawn(job SpawnJob)
	// Signal sends a signal to a process, or to its process group. The error is a
	// syscall.Errno; ESRCH when the process has ended already.
	Signal(pid, signal int, group bool) error
	// PrepareLogs makes the automatic log files of specs, and answers with specs
	// that name them, in the same order.
	PrepareLogs(specs []*core.ProcessSpec, done func([]*core.ProcessSpec))
	// ClearLogs empties the log files of a process that is not running.
	ClearLogs(spec *core.ProcessSpec) error
	// CheckSocket sees whether a FastCGI program's socket can be made. It runs like
	// CheckCommand.
	CheckSocket(spec *core.SocketSpec) error
	// HandleResult has a result handler that is not the default one judge a
	// listener's result. It returns at once and answers by calling back.
	HandleResult(handler string, e rpcinterface.Event, result []byte, done func(process.Verdict))
}

// SpawnJob is one process to start.
type SpawnJob struct {
	Spec  *core.ProcessSpec
	Group string
	// Socket is the standard input of a FastCGI program, which the processes of its
	// group share.
	Socket *core.SocketSpec
	// Logged counts the bytes that go into the logs of stdout and stderr.
	Logged [2]*atomic.Uint64
	// OnListener is given all that an event listener writes to stdout, OnLog what a
	// process writes to a stream whose events are enabled now or later, and OnCapture what it
	// writes there between the tokens of capture mode; nil ones want nothing. They
	// are called after Started and before Ended, and hold up the stream until the
	// loop has taken the data, which is valid during the call only.
	OnListener func(data []byte)
	OnLog      func(channel event.Channel, data []byte)
	OnCapture  func(channel event.Channel, data []byte)
	// Started is called once: with the child and its pid, or with why there is
	// none, in the words of the reference's "spawnerr".
	Started func(child Child, pid int, spawnErr string)
	// Ended is called once after a Started with a pid, when the process was reaped
	// and all that it wrote has been read. at is when it was reaped.
	Ended func(status process.Status, at time.Time)
}

// Child is the living end of a process: its streams.
type Child interface {
	// WriteStdin queues data for standard input and does not wait. syscall.EPIPE when
	// it is closed.
	WriteStdin(data []byte) error
	// ClearLogs removes the log files and opens them anew.
	ClearLogs() error
	// ReopenLogs opens the log files anew.
	ReopenLogs()
	// Reconfigure changes what a living process can take: the limits of its logs and
	// whether their events are enabled.
	Reconfigure(spec *core.ProcessSpec)
	// Release is called when the loop has taken the end of the process. It does not
	// wait.
	Release()
}
