package child

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"syscall"
	_ "unsafe" // for go:linkname

	"golang.org/x/sys/unix"
)

// table is a descriptor table that one thread has for itself. A fork copies the
// table of the thread that forks, and exec closes what was copied; so what a fork
// costs from here does not grow with what the process has open.
//
// A goroutine that is locked to such a thread may use memory, and descriptors that
// it made itself by raw calls; nothing that package os opened. Go's runtime does
// not mind, for what it does with descriptors on a thread that a goroutine is locked
// to is: look for what is ready (startTheWorld, after a collection that was begun
// here), wake the thread that waits for that (handoffp, timers), and write to
// standard error when it ends. The poller's two descriptors are the same files under
// the same numbers here, and the standard ones stay. Neither is closed or opened
// anew by the runtime later. Files are entered into the poller, and taken out of it,
// by the goroutine that opens or closes them; finalizers have a goroutine of their
// own; other goroutines never run on the thread, and no thread is cloned from it
// (newm leaves that to one without peculiarities).
type table struct {
	send    *os.File // in the process's table
	receive int      // in this one, until enter in both
	broken  bool     // nothing can be received any more
}

// newTable is called on a thread that has the process's descriptors.
func newTable() (*table, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("cannot make socket pair: %w", err)
	}
	// Here the poller is made at the latest.
	return &table{send: daemonEnd(pair[0]), receive: pair[1]}, nil
}

// enter gives the calling thread the table: the standard descriptors, the poller's
// and the one to receive by. After an error the thread must end, without having
// used descriptors.
func (t *table) enter() error {
	keep, err := pollerDescriptors()
	if err != nil {
		return err
	}
	keep = append(keep, t.receive)
	slices.Sort(keep)
	// The first call copies what is below its range; a kernel before 5.9 has none of
	// them, and nothing has changed.
	if err := unix.CloseRange(uint(keep[2]+1), math.MaxUint32, unix.CLOSE_RANGE_UNSHARE); err != nil {
		return fmt.Errorf("cannot have a descriptor table apart: %w", err)
	}
	first := firstOfGo
	for _, fd := range keep {
		if first < fd {
			if err := unix.CloseRange(uint(first), uint(fd-1), 0); err != nil {
				return fmt.Errorf("cannot close descriptors: %w", err)
			}
		}
		first = fd + 1
	}
	return nil
}

// close gives up a table that no thread has entered. The end of one that is in use
// is closed with the last reference to it.
func (t *table) close() { t.send.Close() }

var errNotPassed = errors.New("descriptors were not passed on")

// pass sends descriptors from the process's table, each once. The numbers that
// stand for none are left out.
func (t *table) pass(files []uintptr) error {
	distinct := distinctOf(files)
	if len(distinct) == 0 {
		return nil
	}
	conn, err := t.send.SyscallConn()
	if err != nil {
		return errNotPassed
	}
	var sendErr error
	err = conn.Control(func(fd uintptr) {
		sendErr = again(func() error {
			return unix.Sendmsg(int(fd), []byte{0}, unix.UnixRights(distinct...), nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		})
	})
	if err != nil || sendErr != nil {
		return errNotPassed
	}
	return nil
}

// take receives, on the table's thread, what pass has sent. It gives the numbers in
// the order of files, and what closes them.
func (t *table) take(files []uintptr) (here []uintptr, done func(), err error) {
	distinct := distinctOf(files)
	if len(distinct) == 0 {
		return files, func() {}, nil
	}
	var got []int
	done = func() {
		for _, fd := range got {
			_ = unix.Close(fd)
		}
	}
	var body [1]byte
	oob := make([]byte, unix.CmsgSpace(4*len(distinct)))
	var n int
	err = again(func() (err error) {
		_, n, _, _, err = unix.Recvmsg(t.receive, body[:], oob, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		return err
	})
	if err == nil {
		var messages []unix.SocketControlMessage
		if messages, err = unix.ParseSocketControlMessage(oob[:n]); err == nil && len(messages) == 1 {
			got, err = unix.ParseUnixRights(&messages[0])
		}
	}
	if err != nil || len(got) != len(distinct) {
		done()
		// What is left in the socket would keep pipes open.
		_ = unix.Close(t.receive)
		t.broken = true
		return nil, nil, errNotPassed
	}
	here = slices.Clone(files)
	for i, fd := range files {
		if at := slices.Index(distinct, int(fd)); at >= 0 {
			here[i] = uintptr(got[at])
		}
	}
	return here, done, nil
}

// again makes a call until no signal comes in between.
func again(call func() error) error {
	for {
		if err := call(); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

func distinctOf(files []uintptr) []int {
	var out []int
	for _, fd := range files {
		if n := int(fd); n >= 0 && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}

// firstOfGo is the first descriptor that is not a standard one. Go's start-up opens
// those that are closed.
const firstOfGo = 3

// pollerDescriptors finds the two descriptors of Go's poller.
func pollerDescriptors() ([]int, error) {
	const few = 1 << 16 // it is made early, so its numbers are low
	var found []int
	for fd := firstOfGo; fd < few && len(found) < 2; fd++ {
		if isPollDescriptor(uintptr(fd)) {
			found = append(found, fd)
		}
	}
	if len(found) != 2 {
		return nil, errors.New("cannot find the poller's descriptors")
	}
	return found, nil
}

// isPollDescriptor is kept for such uses (go.dev/issue/67401).
//
//go:linkname isPollDescriptor internal/poll.IsPollDescriptor
func isPollDescriptor(fd uintptr) bool
