package logfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// File is a log that is appended to, and rotated by size. Its methods may be used
// by many goroutines at once, and several Files may share one path.
type File struct {
	path   string
	report func(error)
	asked  atomic.Pointer[limits] // other limits that the next write takes, nil for none

	mu sync.Mutex
	limits
	file   *os.File
	closed bool
	// registry counts the Files of each file, nil for none; writers are those of ours.
	registry *Writers
	writers  *writers
	// placed says that writes go to where the file is at, not to its end (moveFrom).
	placed bool
	// piece is how much was reserved last in this flood (reserve), 0 for nothing.
	piece int64
	// due is the size at which the file is rotated, 0 for never.
	due int64
	// failing says that the last write failed, and was reported.
	failing bool
}

// limits say when a log is rotated, and how many old ones are kept.
type limits struct{ maxBytes, backups int64 }

// Open opens the log at path, creating it if need be. It is rotated after the
// write that brings it to maxBytes: to path.1, path.2 … up to backups, or emptied
// when backups is 0. With maxBytes 0, and for what is no regular file, it never is.
// Report, which may be nil, hears of the first of a row of failures to write or
// rotate. The error wraps the errno.
func Open(path string, maxBytes, backups int64, report func(error)) (*File, error) {
	return openCounted(path, maxBytes, backups, report, nil)
}

// openCounted is Open for a File that is counted among the writers of its file.
func openCounted(path string, maxBytes, backups int64, report func(error), registry *Writers) (*File, error) {
	f := &File{path: path, limits: limits{maxBytes, backups}, report: report, registry: registry}
	file, err := f.open(0)
	if err != nil {
		return nil, err
	}
	f.use(file)
	return f, nil
}

// Path is the path given to Open.
func (f *File) Path() string { return f.path }

// Write appends p with one write(2) where the system lets it, and rotates if that
// is due. A failure is reported as well as returned.
func (f *File) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takeLimits()
	err := f.setAppending(true)
	n := 0
	if err == nil {
		n, err = f.file.Write(p)
	}
	if err == nil && f.due > 0 {
		err = f.rotateIfDue()
	}
	f.note(err)
	return n, err
}

// note reports the first of a row of failures.
func (f *File) note(err error) {
	switch {
	case err == nil:
		f.failing = false
	case !f.failing && !errors.Is(err, os.ErrClosed):
		f.failing = true
		if f.report != nil {
			f.report(fmt.Errorf("cannot write log file: %w", err))
		}
	}
}

// SetLimits changes the size at which the log is rotated and how many old ones are
// kept, as Open takes them, from the next write on. It does not wait for a write that
// is under way.
func (f *File) SetLimits(maxBytes, backups int64) { f.asked.Store(&limits{maxBytes, backups}) }

// takeLimits makes limits that were asked for those that count.
func (f *File) takeLimits() {
	asked := f.asked.Swap(nil)
	if asked == nil || *asked == f.limits {
		return
	}
	f.limits = *asked
	if !f.closed && f.isRegular(f.file) {
		f.due = max(0, f.maxBytes)
	}
}

// Reopen opens the path anew, for when another program has moved the file. When
// that fails the old file stays in use.
func (f *File) Reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reopen(0)
}

// Clear removes the file and begins a new one. What is no regular file, such as
// /dev/stdout, is only opened anew.
func (f *File) Clear() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.closed && f.isRegular(f.file) {
		fresh := filepath.Join(filepath.Dir(f.path), fmt.Sprintf(".%s.%d", filepath.Base(f.path), os.Getpid()))
		if f.renew(fresh, 0) == nil {
			return nil
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot remove log file: %w", err)
		}
	}
	return f.reopen(0)
}

// Close closes the file. All else then fails with os.ErrClosed.
func (f *File) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.giveBack()
	f.leave()
	return f.file.Close()
}

// leave ends being counted for the file that was in use.
func (f *File) leave() {
	if f.writers != nil {
		f.registry.leave(f.writers)
		f.writers = nil
	}
}

func (f *File) open(flag int) (*os.File, error) {
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|flag, 0o666)
	if err != nil {
		return nil, fmt.Errorf("cannot open log file: %w", err)
	}
	return file, nil
}

func (f *File) reopen(flag int) error {
	if f.closed {
		return os.ErrClosed
	}
	f.giveBack() // before somebody has the file open again
	file, err := f.open(flag)
	if err != nil {
		return err
	}
	f.file.Close()
	f.use(file)
	return nil
}

func (f *File) use(file *os.File) {
	f.leave()
	f.file, f.due, f.placed = file, 0, false
	if !f.isRegular(file) {
		return
	}
	f.due = max(0, f.maxBytes)
	if f.registry != nil {
		f.writers = f.registry.enter(file)
		_, _ = file.Seek(0, io.SeekEnd) // where moveFrom expects to be
	}
}

// isRegular says whether the path is a file of its own. A descriptor's name is
// not, even when it leads to a file: renaming or removing it would hit the link.
func (f *File) isRegular(file *os.File) bool {
	if strings.HasPrefix(f.path, "/proc/") || strings.HasPrefix(f.path, "/dev/") && !strings.HasPrefix(f.path, "/dev/shm/") {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

func (f *File) rotateIfDue() error {
	// After an appending write the position is the end of the file, other
	// writers' bytes included.
	size, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil || size < f.due {
		return err
	}
	if err := f.rotate(); err != nil {
		// The next attempt comes later: each one may move the backups.
		f.due = size + f.maxBytes
		return err
	}
	return nil
}

func (f *File) rotate() error {
	// Of those who share the file one rotates it; the others find it gone. Where
	// there are no locks they may take each other's newest file for the full one.
	_ = withFD(f.file, func(fd uintptr) error { return unix.Flock(int(fd), unix.LOCK_EX) })
	defer unlock(f.file)
	if !f.isCurrent() {
		return f.reopen(0) // another writer has rotated the path already
	}
	if f.backups <= 0 {
		return f.reopen(os.O_TRUNC)
	}
	for i := f.backups - 1; i > 0; i-- {
		if err := rename(f.backup(i), f.backup(i+1)); err != nil {
			return err
		}
	}
	if f.renew(f.backup(1), unix.RENAME_EXCHANGE) == nil {
		return nil
	}
	if err := rename(f.path, f.backup(1)); err != nil {
		return err
	}
	return f.reopen(0)
}

// renew makes a new file under a name that must be free, moves it to the path and
// goes on with it. With RENAME_EXCHANGE the old file gets the name, otherwise it is
// gone. At no moment is the path without a file: whoever reads the log sees the old
// one or the new one, as in the reference, which does nothing between the steps.
// Not all file systems can do it.
func (f *File) renew(name string, flags uint) error {
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := unix.Renameat2(unix.AT_FDCWD, name, unix.AT_FDCWD, f.path, flags); err != nil {
		file.Close()
		os.Remove(name)
		return err
	}
	f.giveBack()
	f.file.Close()
	f.use(file)
	return nil
}

// unlock matters where rotating failed: otherwise the file is closed by now.
func unlock(file *os.File) {
	_ = withFD(file, func(fd uintptr) error { return unix.Flock(int(fd), unix.LOCK_UN) })
}

// isCurrent says whether the path still leads to the open file.
func (f *File) isCurrent() bool {
	there, err := os.Stat(f.path)
	if err != nil {
		return false
	}
	open, err := f.file.Stat()
	return err == nil && os.SameFile(there, open)
}

func (f *File) backup(i int64) string { return f.path + "." + strconv.FormatInt(i, 10) }

// rename tolerates a missing source.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot rotate log file: %w", err)
	}
	return nil
}

// Empty empties the log of a process that is not running, if there is one.
func Empty(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err == nil {
		err = os.Truncate(path, 0)
	}
	if err != nil {
		return fmt.Errorf("cannot empty log file: %w", err)
	}
	return nil
}
