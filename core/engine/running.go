package engine

import (
	"errors"

	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/supervisor"
)

// running is the living end of one process.
type running struct {
	stdin   *stdin
	streams []*logfile.Stream
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

// ReopenLogs opens the log files anew.
func (r *running) ReopenLogs() {
	for _, s := range r.streams {
		// A log that cannot be opened stays with the file that it has.
		_ = s.ReopenLog()
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
