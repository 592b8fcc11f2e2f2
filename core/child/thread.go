package child

import (
	"runtime"
	"sync"
)

// thread runs functions one after another on an operating system thread of its
// own, which starts with the first of them and ends with closed.
type thread struct {
	closed <-chan struct{}
	setup  func() error // on the thread, first of all; may be nil
	start  sync.Once
	work   chan func()
	err    error // of setup
}

func newThread(closed <-chan struct{}, setup func() error) *thread {
	return &thread{closed: closed, setup: setup, work: make(chan func())}
}

// ready starts the thread if need be and gives the error of its setup.
func (t *thread) ready() error {
	t.start.Do(func() {
		set := make(chan struct{})
		go t.loop(set)
		<-set
	})
	return t.err
}

// run runs f on the thread, or answers ErrClosed.
func (t *thread) run(f func()) error {
	done := make(chan struct{})
	select {
	case t.work <- func() { f(); close(done) }:
		<-done
		return nil
	case <-t.closed:
		return ErrClosed
	}
}

// loop never unlocks its thread, so that the thread ends with it.
func (t *thread) loop(set chan<- struct{}) {
	runtime.LockOSThread()
	if t.setup != nil {
		t.err = t.setup()
	}
	close(set)
	for {
		select {
		case f := <-t.work:
			f()
		case <-t.closed:
			return
		}
	}
}
