package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Watcher lets any number of goroutines follow files with one inotify instance, of
// which a user has few (128) for all of their programs. The zero value is ready; it
// holds a descriptor and a goroutine only while somebody follows.
type Watcher struct {
	mu      sync.Mutex
	notices *os.File // nil while there is no watch
	// watches says who hears of a watch.
	watches map[int]map[*follower]struct{}
}

// add has f woken by what happens to the file or directory.
func (w *Watcher) add(f *follower, path string, mask uint32) (watch int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.notices == nil {
		fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
		if err != nil {
			return -1, fmt.Errorf("cannot watch files: %w", err)
		}
		w.notices, w.watches = os.NewFile(uintptr(fd), "inotify"), map[int]map[*follower]struct{}{}
		go w.read(w.notices)
	}
	err = withFD(w.notices, func(fd uintptr) (err error) {
		watch, err = unix.InotifyAddWatch(int(fd), path, mask|unix.IN_MASK_ADD)
		return err
	})
	if err != nil {
		w.rest()
		return -1, err
	}
	if w.watches[watch] == nil {
		w.watches[watch] = map[*follower]struct{}{}
	}
	w.watches[watch][f] = struct{}{}
	return watch, nil
}

// remove takes back what add has given.
func (w *Watcher) remove(f *follower, watch int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watches[watch], f)
	if len(w.watches[watch]) > 0 {
		return
	}
	delete(w.watches, watch)
	_ = withFD(w.notices, func(fd uintptr) error {
		_, err := unix.InotifyRmWatch(int(fd), uint32(watch))
		return err // the kernel has removed it when the file is gone
	})
	w.rest()
}

// rest lets go of the instance when nothing is watched. The caller holds the lock.
func (w *Watcher) rest() {
	if len(w.watches) == 0 {
		w.notices.Close()
		w.notices, w.watches = nil, nil
	}
}

// read wakes followers until the instance is closed. What has happened does not
// matter: they look for themselves.
func (w *Watcher) read(notices *os.File) {
	var events [4096]byte
	for {
		n, err := notices.Read(events[:])
		if err != nil {
			return
		}
		w.mu.Lock()
		for rest := events[:n]; len(rest) >= unix.SizeofInotifyEvent; {
			watch := int(int32(binary.NativeEndian.Uint32(rest)))
			size := binary.NativeEndian.Uint32(rest[unix.SizeofInotifyEvent-4:])
			rest = rest[unix.SizeofInotifyEvent+size:]
			if watch >= 0 {
				wake(w.watches[watch])
				continue
			}
			for _, all := range w.watches { // the kernel's queue overflowed
				wake(all)
			}
		}
		w.mu.Unlock()
	}
}

func wake(followers map[*follower]struct{}) {
	for f := range maps.Keys(followers) {
		select {
		case f.wake <- struct{}{}:
		default:
		}
	}
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
