package logfile

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// truncated is what a follower is told when the file has become shorter.
const truncated = "==> File truncated <==\n"

// Follow writes the last head bytes of a file, or all of a shorter one, and then
// what is appended to it, until ctx ends or write fails, with that error. When the
// path leads to another file it goes on with that from its beginning, when the
// file becomes shorter it says so and goes on from its beginning (http.py,
// tail_f_producer). It returns an error before the first write when the file
// cannot be opened or watched. The slice is valid during the call only.
func Follow(ctx context.Context, path string, head int64, write func([]byte) error) error {
	f, err := newFollower(path)
	if err != nil {
		return err
	}
	defer f.close()
	size, err := f.size()
	if err != nil {
		return fmt.Errorf("cannot follow file: %w", err)
	}
	f.offset = max(0, size-head)
	// A deadline in the past ends the wait for notices.
	stop := context.AfterFunc(ctx, func() { _ = f.notices.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		if err := f.catchUp(ctx, write); err != nil {
			return err
		}
		if err := f.wait(); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("cannot follow file: %w", err)
		}
	}
}

type follower struct {
	path    string
	file    *os.File
	info    os.FileInfo // of file, when it was opened
	watch   int         // of file
	offset  int64
	notices *os.File // inotify
}

func newFollower(path string) (*follower, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("cannot watch files: %w", err)
	}
	f := &follower{path: path, notices: os.NewFile(uintptr(fd), "inotify"), watch: -1}
	if err := f.open(); err != nil {
		f.close()
		return nil, fmt.Errorf("cannot follow file: %w", err)
	}
	if err := f.watchDirectories(); err != nil {
		f.close()
		return nil, fmt.Errorf("cannot watch directory: %w", err)
	}
	return f, nil
}

// watchDirectories has notices come when the path, or what it links to, is made
// anew.
func (f *follower) watchDirectories() error {
	dirs := []string{filepath.Dir(f.path)}
	if real, err := filepath.EvalSymlinks(f.path); err == nil && filepath.Dir(real) != dirs[0] {
		dirs = append(dirs, filepath.Dir(real))
	}
	for _, dir := range dirs {
		if _, err := f.add(dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR); err != nil {
			return err
		}
	}
	return nil
}

// open begins with the file that is at the path now, and lets go of the old one.
func (f *follower) open() error {
	file, err := os.OpenFile(f.path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	watch := -1
	if err == nil {
		// By its descriptor, so that it is this file that is watched.
		err = withFD(file, func(fd uintptr) (err error) {
			watch, err = f.add("/proc/self/fd/"+strconv.Itoa(int(fd)), unix.IN_MODIFY)
			return err
		})
	}
	if err != nil {
		file.Close()
		return err
	}
	if f.file != nil {
		f.file.Close()
		_ = withFD(f.notices, func(fd uintptr) error {
			_, err := unix.InotifyRmWatch(int(fd), uint32(f.watch))
			return err // the kernel has removed it when the file is gone
		})
	}
	f.file, f.info, f.watch, f.offset = file, info, watch, 0
	return nil
}

func (f *follower) close() {
	f.notices.Close()
	if f.file != nil {
		f.file.Close()
	}
}

// catchUp writes what is new in the file, and in the one that has taken its place.
func (f *follower) catchUp(ctx context.Context, write func([]byte) error) error {
	for {
		// Looked up before the old file is read, for it is complete once its
		// successor exists.
		now, err := os.Stat(f.path)
		if err := f.copyNew(ctx, write); err != nil {
			return err
		}
		if err != nil || os.SameFile(now, f.info) || f.open() != nil {
			return nil
		}
	}
}

func (f *follower) copyNew(ctx context.Context, write func([]byte) error) error {
	size, err := f.size()
	if err != nil {
		return fmt.Errorf("cannot follow file: %w", err)
	}
	if size < f.offset {
		f.offset = 0
		if err := write([]byte(truncated)); err != nil {
			return err
		}
	}
	if size == f.offset {
		return nil
	}
	buf := buffers.Get().(*[maxHeld + bufferSize]byte)
	defer buffers.Put(buf)
	for f.offset < size && ctx.Err() == nil {
		n, _ := f.file.ReadAt(buf[:min(bufferSize, size-f.offset)], f.offset)
		if n == 0 {
			break // it was made shorter meanwhile: there will be a notice
		}
		f.offset += int64(n)
		if err := write(buf[:n]); err != nil {
			return err
		}
	}
	return nil
}

func (f *follower) size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// wait returns when anything happened to the file or in its directory. What it was
// does not matter: catchUp looks.
func (f *follower) wait() error {
	var events [4096]byte
	_, err := f.notices.Read(events[:])
	return err
}

func (f *follower) add(path string, mask uint32) (watch int, err error) {
	err = withFD(f.notices, func(fd uintptr) error {
		watch, err = unix.InotifyAddWatch(int(fd), path, mask)
		return err
	})
	return watch, err
}

// withFD calls do with the descriptor of f, which keeps its mode.
func withFD(f *os.File, do func(fd uintptr) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failure error
	err = conn.Control(func(fd uintptr) { failure = do(fd) })
	return errors.Join(err, failure)
}
