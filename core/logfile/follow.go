package logfile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

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
func (w *Watcher) Follow(ctx context.Context, path string, head int64, write func([]byte) error) error {
	f := &follower{watcher: w, path: path, wake: make(chan struct{}, 1), watch: -1}
	defer f.close()
	if err := f.open(); err != nil {
		return fmt.Errorf("cannot follow file: %w", err)
	}
	if err := f.watchDirectories(); err != nil {
		return fmt.Errorf("cannot watch directory: %w", err)
	}
	size, err := f.size()
	if err != nil {
		return fmt.Errorf("cannot follow file: %w", err)
	}
	f.offset = max(0, size-head)
	for {
		if err := f.catchUp(ctx, write); err != nil {
			return err
		}
		select {
		case <-f.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

type follower struct {
	watcher     *Watcher
	path        string
	wake        chan struct{}
	file        *os.File
	info        os.FileInfo // of file, when it was opened
	watch       int         // of file
	directories []int       // watches
	offset      int64
}

// watchDirectories has the follower woken when the path, or what it links to, is
// made anew.
func (f *follower) watchDirectories() error {
	dirs := []string{filepath.Dir(f.path)}
	if real, err := filepath.EvalSymlinks(f.path); err == nil && filepath.Dir(real) != dirs[0] {
		dirs = append(dirs, filepath.Dir(real))
	}
	for _, dir := range dirs {
		watch, err := f.watcher.add(f, dir, unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_ONLYDIR)
		if err != nil {
			return err
		}
		if !slices.Contains(f.directories, watch) { // two names of one directory
			f.directories = append(f.directories, watch)
		}
	}
	return nil
}

// open begins with the file that is at the path now, and lets go of the old one.
func (f *follower) open() error {
	file, err := openAtOnce(f.path)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	watch := -1
	if err == nil {
		// By its descriptor, so that it is this file that is watched.
		err = withFD(file, func(fd uintptr) (err error) {
			watch, err = f.watcher.add(f, "/proc/self/fd/"+strconv.Itoa(int(fd)), unix.IN_MODIFY)
			return err
		})
	}
	if err != nil {
		file.Close()
		return err
	}
	if f.file != nil {
		f.file.Close()
		f.watcher.remove(f, f.watch)
	}
	f.file, f.info, f.watch, f.offset = file, info, watch, 0
	return nil
}

func (f *follower) close() {
	for _, watch := range f.directories {
		f.watcher.remove(f, watch)
	}
	if f.file != nil {
		f.file.Close()
		f.watcher.remove(f, f.watch)
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
