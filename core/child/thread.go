package child

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// thread runs functions one after another on an operating system thread of its
// own, which starts with the first of them and ends with closed. It is never the
// process's first thread: that one lives as long as the process, and its directory
// and descriptors count as the process's.
type thread struct {
	closed <-chan struct{}
	setup  func() error // on the thread, first of all; may be nil
	start  sync.Once
	work   chan func()
	err    error // why it is not ready

	// apart asks for a descriptor table of its own, table is that where it has one.
	apart bool
	table *table

	mu sync.Mutex // held while a function runs, which has its descriptors sent before it
}

func newThread(closed <-chan struct{}, setup func() error) *thread {
	return &thread{closed: closed, setup: setup, work: make(chan func())}
}

// newThreadApart is newThread with a descriptor table of its own, where that can be
// had. Where it cannot, ready gives an error if the thread would have nothing else to
// itself.
func newThreadApart(closed <-chan struct{}, setup func() error) *thread {
	t := newThread(closed, setup)
	t.apart = true
	return t
}

// ready starts the thread if need be and gives the error of its setup. It is not
// called on such a thread.
func (t *thread) ready() error {
	t.start.Do(func() {
		if t.apart {
			if made, err := newTable(); err == nil {
				if t.begin(made) == nil {
					t.table = made
					return
				}
				made.close()
			}
			if t.setup == nil {
				t.err = errNotPassed
				return
			}
		}
		_ = t.begin(nil)
	})
	return t.err
}

// begin starts the thread, with a table where that is not nil. An error says that
// the thread could not have it, and has ended.
func (t *thread) begin(apart *table) error {
	entered := make(chan error)
	go t.loop(apart, entered)
	err := <-entered
	if apart != nil {
		_ = unix.Close(apart.receive) // the thread has its own
	}
	return err
}

// run runs f on the thread, with the numbers that files have there. It answers
// ErrClosed, or errNotPassed where the thread cannot be given the files.
func (t *thread) run(files []uintptr, f func(files []uintptr)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.table != nil {
		if t.table.broken {
			return errNotPassed
		}
		if err := t.table.pass(files); err != nil {
			return err
		}
	}
	done := make(chan error, 1)
	select {
	case t.work <- func() { done <- t.with(files, f) }:
		return <-done
	case <-t.closed:
		return ErrClosed
	}
}

// with is the part of run on the thread.
func (t *thread) with(files []uintptr, f func([]uintptr)) error {
	if t.table == nil {
		f(files)
		return nil
	}
	here, done, err := t.table.take(files)
	if err != nil {
		return err
	}
	defer done()
	f(here)
	return nil
}

// loop never unlocks its thread, so that the thread ends with it.
func (t *thread) loop(apart *table, entered chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		// Another one, as this one is taken.
		passed := make(chan error)
		go t.loop(apart, passed)
		entered <- <-passed
		runtime.UnlockOSThread()
		return
	}
	if apart != nil {
		if err := apart.enter(); err != nil {
			entered <- err
			return
		}
	}
	if t.setup != nil {
		t.err = t.setup()
	}
	entered <- nil
	for {
		select {
		case f := <-t.work:
			f()
		case <-t.closed:
			return
		}
	}
}
