package child

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ErrClosed is Start's error after Close.
var ErrClosed = errors.New("no more children are started")

// Children is the registry of all children and their one reaper. All methods may
// be used by many goroutines at once.
type Children struct {
	orphan func(pid int, status syscall.WaitStatus)
	// plugins, umasks and programs each fork on a thread of their own, made when first
	// needed. The kernel kills DieWithParent children when the thread that forked
	// them ends; umasks has an umask apart from the process's; the last two have a
	// descriptor table apart from it.
	plugins, umasks, programs *thread
	few                       int // see fewDescriptors
	names                     *NameService

	wake   chan struct{} // holds a token when a child was registered
	closed chan struct{}

	mu      sync.Mutex
	closing bool
	owners  map[int]owner
	// spawns are the forks that have neither registered a pid nor failed, by
	// number; early are the exits of pids that one of them may own.
	spawns map[uint64]struct{}
	last   uint64
	early  map[int]*exit
}

type owner struct {
	onExit    func(syscall.WaitStatus)
	killGroup bool
	usage     *syscall.Rusage // may be nil
}

// ended tells the owner.
func (o owner) ended(status syscall.WaitStatus, usage *syscall.Rusage) {
	if o.usage != nil {
		*o.usage = *usage
	}
	go o.onExit(status)
}

// exit is a status whose owner is not known yet. Spawns up to number upTo were in
// flight when it came; failed says that one of them has failed since.
type exit struct {
	status syscall.WaitStatus
	usage  syscall.Rusage
	upTo   uint64
	failed bool
}

// New starts the reaper. The descriptors that the process inherited are kept from
// its children. Orphan, which may be nil, is told on a goroutine of its own of
// each child that nobody started here: processes that the kernel handed over.
func New(orphan func(pid int, status syscall.WaitStatus)) (*Children, error) {
	if err := closeOnExec(); err != nil {
		return nil, fmt.Errorf("cannot keep descriptors from children: %w", err)
	}
	if orphan == nil {
		orphan = func(int, syscall.WaitStatus) {}
	}
	c := &Children{
		orphan: orphan,
		wake:   make(chan struct{}, 1),
		closed: make(chan struct{}),
		owners: make(map[int]owner),
		spawns: make(map[uint64]struct{}),
		early:  make(map[int]*exit),
		few:    fewDescriptors,
	}
	c.names = newNameService(c)
	c.plugins = newThread(c.closed, nil)
	c.umasks = newThreadApart(c.closed, func() error { return unix.Unshare(unix.CLONE_FS) })
	c.programs = newThreadApart(c.closed, nil)
	go c.reap()
	return c, nil
}

// NameService finds users and groups with the help of children started here.
func (c *Children) NameService() *NameService { return c.names }

// Signal sends sig to a child, or to the process group that it leads. It answers
// ESRCH for a pid that was not started here or has been reaped, so it never hits
// a process that has the number now.
func (c *Children) Signal(pid int, sig syscall.Signal, group bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.owners[pid]; !ok {
		return syscall.ESRCH
	}
	if group {
		pid = -pid
	}
	return syscall.Kill(pid, sig)
}

// Close ends the reaper and the threads that fork, which kills the DieWithParent
// children that still run. Children that end afterwards are not reported. While
// children live, the reaper leaves only when the next one ends.
func (c *Children) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closing {
		c.closing = true
		close(c.closed)
	}
}

// begin announces a fork.
func (c *Children) begin() (spawn uint64, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return 0, ErrClosed
	}
	c.last++
	c.spawns[c.last] = struct{}{}
	return c.last, nil
}

// registered gives the pid of an announced fork its owner.
func (c *Children) registered(spawn uint64, pid int, o owner) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.spawns, spawn)
	if e, ok := c.early[pid]; ok {
		delete(c.early, pid)
		if o.killGroup {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
		o.ended(e.status, &e.usage)
	} else {
		c.owners[pid] = o
	}
	c.settle()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// failed ends an announced fork that has no pid to register.
func (c *Children) failed(spawn uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.spawns, spawn)
	for _, e := range c.early {
		if spawn <= e.upTo {
			e.failed = true
		}
	}
	c.settle()
}

// forkFailure is the code with which Go's half of a fork exits when a step before
// or at the exec fails (syscall.forkAndExecInChild1).
const forkFailure = 253

// settle finds the early exits that no fork in flight can claim any more. One that
// looks like the child of a failed fork was that: syscall.ForkExec reaps such a
// child itself, but our reaper may be faster. The others are orphans.
func (c *Children) settle() {
	for pid, e := range c.early {
		if c.claimable(e) {
			continue
		}
		delete(c.early, pid)
		if !e.failed || e.status.ExitStatus() != forkFailure {
			go c.orphan(pid, e.status)
		}
	}
}

func (c *Children) claimable(e *exit) bool {
	for spawn := range c.spawns {
		if spawn <= e.upTo {
			return true
		}
	}
	return false
}

// reap is the one reaper's loop.
func (c *Children) reap() {
	for {
		pid, err := peek(0)
		switch {
		case err == nil:
			if !c.collect(pid) {
				return
			}
		case errors.Is(err, syscall.EINTR):
		default: // ECHILD, the only other error that there is
			if !c.idle() {
				return
			}
		}
	}
}

// collect reaps one child that has ended. It answers false after Close.
func (c *Children) collect(pid int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	o, owned := c.owners[pid]
	if owned && o.killGroup {
		// The unreaped leader keeps the group's number from being used again.
		_ = syscall.Kill(-pid, syscall.SIGKILL)
	}
	var status syscall.WaitStatus
	var usage syscall.Rusage
	if got, err := syscall.Wait4(pid, &status, syscall.WNOHANG, &usage); err != nil || got != pid {
		return true // the child of a failed fork, reaped by syscall.ForkExec
	}
	switch {
	case owned:
		delete(c.owners, pid)
		o.ended(status, &usage)
	case len(c.spawns) > 0:
		c.early[pid] = &exit{status: status, usage: usage, upTo: c.last}
	default:
		go c.orphan(pid, status)
	}
	return true
}

// idle sleeps while there is no child. SIGCHLD wakes it for a process that joined
// without being started here, as happens to PID 1. It answers false after Close.
func (c *Children) idle() bool {
	chld := make(chan os.Signal, 1)
	signal.Notify(chld, syscall.SIGCHLD)
	defer signal.Stop(chld)
	if _, err := peek(syscall.WNOHANG); err == nil {
		return true
	}
	select {
	case <-c.wake:
		return true
	case <-chld:
		return true
	case <-c.closed:
		return false
	}
}

// peek waits for a child that has ended and leaves it to be reaped. With WNOHANG
// it returns 0 when children live and none has ended.
func peek(options int) (pid int, err error) {
	var info unix.Siginfo
	err = unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOWAIT|options, nil)
	// x/sys has no name for this member. It follows three ints, aligned as a
	// pointer is, in the kernel's siginfo_t.
	type sigchld struct {
		_      [3]int32
		fields struct {
			_   [0]uintptr
			pid int32
		}
	}
	return int((*sigchld)(unsafe.Pointer(&info)).fields.pid), err
}
