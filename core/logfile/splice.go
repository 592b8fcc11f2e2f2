package logfile

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Writers knows which logs are being written to, and by how many Files. A stream
// that nobody listens to may have the kernel move its output to the log, without
// reading it; but splice(2) cannot append, it writes to a place. So that is done
// only while the File is the only one of its file. The zero value is ready to use.
type Writers struct {
	mu   sync.Mutex
	logs map[logID]*writers
}

type logID struct{ dev, ino uint64 }

// writers are the Files of one file. Its mutex is held while one of them moves
// output, so that no other begins to write meanwhile.
type writers struct {
	id   logID
	refs int // guarded by Writers.mu

	mu sync.Mutex
	n  int
	// reserved is where the blocks end that were reserved for output (reserve), 0 for
	// none; unreservable says that there will be no more.
	reserved     int64
	unreservable bool
}

// enter counts a File of an open file; nil when the file cannot be told from others.
func (w *Writers) enter(file *os.File) *writers {
	info, err := file.Stat()
	if err != nil {
		return nil
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	id := logID{uint64(stat.Dev), stat.Ino}
	w.mu.Lock()
	if w.logs == nil {
		w.logs = map[logID]*writers{}
	}
	of := w.logs[id]
	if of == nil {
		of = &writers{id: id, reserved: leftBehind(stat)}
		w.logs[id] = of
	}
	of.refs++
	w.mu.Unlock()
	of.mu.Lock()
	of.n++
	of.mu.Unlock()
	return of
}

func (w *Writers) leave(of *writers) {
	of.mu.Lock()
	of.n--
	of.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if of.refs--; of.refs == 0 {
		delete(w.logs, of.id)
	}
}

// errNotAlone: somebody else writes to the log as well.
var errNotAlone = errors.New("others write to the log")

// moveFrom moves what a pipe holds to the end of the log, and rotates if that is due.
// It answers 0 at the end of the pipe and EAGAIN where it is empty; any other error
// means that nothing was moved and Write has to do it.
//
// Another program that writes to the same file is noticed by the file's size. What
// it writes between that look and the move, some microseconds, would be overwritten:
// the price of not copying, to be paid by floods only (Stream.run).
func (f *File) moveFrom(pipe uintptr) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.takeLimits()
	if f.writers == nil {
		return 0, errNotAlone
	}
	n, err := f.move(pipe)
	if n > 0 && f.due > 0 {
		f.note(f.rotateIfDue())
	}
	return n, err
}

func (f *File) move(pipe uintptr) (n int, err error) {
	f.writers.mu.Lock()
	defer f.writers.mu.Unlock()
	if f.writers.n > 1 {
		return 0, errNotAlone
	}
	place, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if end, err := f.file.Seek(0, io.SeekEnd); err != nil || end != place {
		return 0, errors.Join(err, errNotAlone)
	}
	if err := f.setAppending(false); err != nil {
		return 0, err
	}
	length := floodPipe
	if f.due > 0 { // so that the log is not much longer than it may be
		length = int(min(floodPipe, max(f.due-place, bufferSize)))
	}
	failure := withFD(f.file, func(log uintptr) error {
		f.reserve(int(log), place, int64(length))
		for {
			moved, err := unix.Splice(int(pipe), nil, int(log), nil, length, unix.SPLICE_F_MOVE|unix.SPLICE_F_NONBLOCK)
			if err != unix.EINTR {
				n = int(moved)
				return err
			}
		}
	})
	if errors.Is(failure, unix.EAGAIN) {
		failure = unix.EAGAIN
	}
	return max(n, 0), failure
}

// setAppending says whether writes go to the end of the file, wherever that is.
func (f *File) setAppending(on bool) error {
	if f.placed == !on {
		return nil
	}
	flags := unix.O_WRONLY
	if on {
		flags |= unix.O_APPEND
	}
	err := withFD(f.file, func(fd uintptr) error {
		_, err := unix.FcntlInt(fd, unix.F_SETFL, flags)
		return err
	})
	if err == nil {
		f.placed = !on
	}
	return err
}
