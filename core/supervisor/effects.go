package supervisor

import (
	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
)

// Effects does what the loop decides. Spawn and PrepareLogs return at once and
// answer by calling back from any goroutine; Signal is a system call that does
// not wait. CheckCommand, ClearLogs and Child's methods run on the goroutine of
// whoever called the Supervisor, never on the loop.
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
}

// SpawnJob is one process to start.
type SpawnJob struct {
	Spec  *core.ProcessSpec
	Group string
	// Started is called once: with the child and its pid, or with why there is
	// none, in the words of the reference's "spawnerr".
	Started func(child Child, pid int, spawnErr string)
	// Ended is called once after a Started with a pid, when the process was reaped
	// and all that it wrote has been read.
	Ended func(status process.Status)
}

// Child is the living end of a process: its streams.
type Child interface {
	// WriteStdin queues data for standard input. syscall.EPIPE when it is closed.
	WriteStdin(data []byte) error
	// ClearLogs removes the log files and opens them anew.
	ClearLogs() error
	// ReopenLogs opens the log files anew.
	ReopenLogs()
}
