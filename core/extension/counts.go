package extension

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// counts is what an extension's information counts, over all its processes.
type counts struct {
	starts atomic.Int64 // processes that were taken into service
	calls  atomic.Int64 // calls that were sent
	faults atomic.Int64 // of them, those that the extension answered with a fault
	errors atomic.Int64 // of them, those that it did not answer

	mu   sync.Mutex
	last string // the last failure, in one line
	when time.Time
}

// failed remembers a failure of an extension.
func (x *extension) failed(what string) {
	x.counts.mu.Lock()
	defer x.counts.mu.Unlock()
	x.counts.last, x.counts.when = oneLine(what), x.now()
}

// lastFailure gives the last failure, and its time; "" is none.
func (c *counts) lastFailure() (string, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last, c.when
}

// residentMemory is the memory that a process has in use, in KiB (proc_pid_statm(5)),
// 0 when there is no such process.
func residentMemory(pid int) int64 {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	fields := bytes.Fields(data)
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize()) / 1024
}

// broadcast is a channel that is closed at the next change.
type broadcast struct {
	mu   sync.Mutex
	next chan struct{}
}

func (b *broadcast) tell() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

func (b *broadcast) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}
