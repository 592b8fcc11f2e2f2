package engine

import (
	"errors"
	"os"

	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/supervisor"
)

// running is the living end of one process.
type running struct {
	stdin   *stdin
	streams []*logfile.Stream
	report  func(error) // of what cannot be answered to anybody
}

var _ supervisor.Child = (*running)(nil)

// WriteStdin queues data for the process's standard input.
func (r *running) WriteStdin(data []byte) error { return r.stdin.write(data) }

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
