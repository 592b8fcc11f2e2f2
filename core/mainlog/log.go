// Package mainlog is the daemon's own log, in the reference's format:
//
//	2026-01-02 03:04:05,678 INFO message
//
// A Log may be used by many goroutines at once. Each message goes out with one
// write, in the same order to the file and to standard output. What cannot be
// written is dropped: logging never fails and never ends the daemon.
package mainlog

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Config says where the log goes.
type Config struct {
	// Path is the file, "" for none, logfile.SyslogPath for the system's log.
	Path string
	// Level is the lowest level that is written.
	Level rpcinterface.LogLevel
	// MaxBytes and Backups are those of logfile.Open.
	MaxBytes, Backups int64
	// Stdout is written to as well, unless nil.
	Stdout io.Writer
	Clock  core.Clock
	// Report, which may be nil, hears of the first of a row of failures to write
	// the file. It must not log.
	Report func(error)
}

// Log is the main log.
type Log struct {
	level rpcinterface.LogLevel
	clock core.Clock
	path  string
	file  *logfile.File  // nil for none
	sys   io.WriteCloser // the system's log, nil for none

	mu     sync.Mutex
	stdout io.Writer
	buf    []byte // of the last message
}

var _ core.Logger = (*Log)(nil)

// Open opens the log. The error reads "cannot open log file: …".
func Open(cfg Config) (*Log, error) {
	l := &Log{level: cfg.Level, clock: cfg.Clock, path: cfg.Path, stdout: cfg.Stdout}
	switch cfg.Path {
	case "":
	case logfile.SyslogPath:
		l.sys = logfile.NewSyslog("")
	default:
		var err error
		if l.file, err = logfile.Open(cfg.Path, cfg.MaxBytes, cfg.Backups, cfg.Report); err != nil {
			return nil, err
		}
	}
	return l, nil
}

// Path is the path given in Config.
func (l *Log) Path() string { return l.path }

// Enabled says whether messages of a level are written.
func (l *Log) Enabled(level rpcinterface.LogLevel) bool { return level >= l.level }

// Log writes a message. Lines after its first have no prefix but in syslog, where
// each is a message of its own.
func (l *Log) Log(level rpcinterface.LogLevel, message string) {
	if !l.Enabled(level) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.clock.Now()
	l.buf = appendEntry(l.buf[:0], now, level, message)
	if l.stdout != nil {
		_, _ = l.stdout.Write(l.buf)
	}
	if l.file != nil {
		_, _ = l.file.Write(l.buf) // it reports by itself
	}
	if l.sys != nil {
		for line := range strings.SplitSeq(strings.TrimRight(message, "\n"), "\n") {
			l.buf = appendEntry(l.buf[:0], now, level, line)
			_, _ = l.sys.Write(l.buf)
		}
	}
	const keep = 64 << 10
	if cap(l.buf) > keep {
		l.buf = nil
	}
}

func appendEntry(b []byte, now time.Time, level rpcinterface.LogLevel, message string) []byte {
	b = now.Local().AppendFormat(b, "2006-01-02 15:04:05,000")
	b = append(b, ' ')
	b = append(b, level.String()...)
	b = append(b, ' ')
	b = append(b, message...)
	return append(b, '\n')
}

// Reopen opens the file anew, for when another program has moved it, and says so
// there. When that fails the old file stays in use.
func (l *Log) Reopen() error {
	var err error
	if l.file != nil {
		err = l.file.Reopen()
	}
	l.Log(rpcinterface.LevelInfo, "supervisord logreopen")
	return err
}

// Clear removes the file, begins a new one and says so there. The error is
// fs.ErrNotExist where there is no file to remove.
func (l *Log) Clear() error {
	if l.file == nil {
		return fmt.Errorf("cannot clear log file: %w", fs.ErrNotExist)
	}
	if _, err := os.Stat(l.path); err != nil {
		return fmt.Errorf("cannot clear log file: %w", err)
	}
	if err := l.file.Clear(); err != nil {
		return err
	}
	l.Log(rpcinterface.LevelInfo, "reopening log file")
	return nil
}

// SetStdout replaces Config.Stdout; nil ends the output there.
func (l *Log) SetStdout(w io.Writer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stdout = w
}

// Close closes the file. Messages that come later go to standard output only.
func (l *Log) Close() error {
	if l.sys != nil {
		return l.sys.Close()
	}
	if l.file != nil {
		return l.file.Close()
	}
	return nil
}
