package engine

import (
	"errors"
	"os"
	"syscall"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/supervisor"
)

// running is the living end of one process.
type running struct {
	stdin   *stdin   // nil for a FastCGI program
	socket  *os.File // its group's socket
	release func()   // gives the socket back, nil without one
	streams []*logfile.Stream
	taps    func(spec *core.ProcessSpec, channel event.Channel) func([]byte) // who sees a stream
	report  func(error)                                                      // of what cannot be answered to anybody
	started chan struct{}                                                    // closed when the loop was told of the start
}

var _ supervisor.Child = (*running)(nil)

// WriteStdin queues data for the process's standard input.
func (r *running) WriteStdin(data []byte) error {
	if r.stdin == nil {
		return syscall.EPIPE
	}
	return r.stdin.write(data)
}

// Reconfigure changes the limits of the logs and who sees the output.
func (r *running) Reconfigure(spec *core.ProcessSpec) {
	for i, s := range r.streams {
		channel := event.Channel(i)
		log := logSpec(spec, channel)
		s.SetLimits(log.MaxBytes, log.Backups)
		s.SetOnData(r.taps(spec, channel))
	}
}

// Release gives back what the processes of a group share.
func (r *running) Release() {
	if r.release != nil {
		r.release()
		r.release = nil
	}
}

// afterStart has f wait until the loop was told of the start: what a process says
// comes after it.
func (r *running) afterStart(f func([]byte)) func([]byte) {
	return func(data []byte) {
		<-r.started
		f(data)
	}
}

// childFiles are the child's descriptors 0, 1 and 2.
func (r *running) childFiles(files [3]*os.File, redirectStderr bool) []*os.File {
	if r.socket != nil {
		files[0] = r.socket
	}
	if redirectStderr {
		files[2] = files[1]
	}
	return files[:]
}

// ClearLogs removes the log files and begins new ones.
func (r *running) ClearLogs() error {
	var errs []error
	for _, s := range r.streams {
		errs = append(errs, s.ClearLog())
	}
	return errors.Join(errs...)
}

// ReopenLogs opens the log files anew. One that cannot be opened stays with the
// file that it has.
func (r *running) ReopenLogs() {
	for _, s := range r.streams {
		if err := s.ReopenLog(); err != nil && !errors.Is(err, os.ErrClosed) {
			r.report(err)
		}
	}
}

// drain ends the streams when the process is dead, or was never started.
func (r *running) drain() {
	if r.stdin != nil {
		r.stdin.close()
	}
	for _, s := range r.streams {
		s.Drain()
	}
}
