package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strconv"
	"strings"
)

// stats is what a process has of its own and what it has of the system.
type stats struct {
	goroutines int
	heap       int64 // bytes in use, stacks included
	files      int   // open descriptors
	anonymous  int64 // bytes of memory that no file stands behind
}

// Questions that tell answers.
const (
	askNow    = "now"    // the numbers as they are
	askRest   = "rest"   // the numbers once all garbage is collected
	askStacks = "stacks" // the stacks of all goroutines
)

// statsSocket is where the process of a pid answers.
func statsSocket(dir string, pid int) string { return filepath.Join(dir, fmt.Sprintf("%d.stats", pid)) }

// tell has this process, the daemon or its plugin, answer questions for its numbers
// on a socket in TMPDIR. It costs a few goroutines and descriptors, always the same.
func tell() {
	l, err := net.Listen("unix", statsSocket(os.TempDir(), os.Getpid()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak: cannot tell numbers:", err)
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			answer(c)
			c.Close()
		}
	}()
}

func answer(c net.Conn) {
	which, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return
	}
	switch strings.TrimSpace(which) {
	case askStacks:
		_ = pprof.Lookup("goroutine").WriteTo(c, 1)
		return
	case askRest:
		runtime.GC() // once for what pools keep of the last time
		debug.FreeOSMemory()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Fprintf(c, "%d %d\n", runtime.NumGoroutine(), m.HeapAlloc+m.StackInuse)
}

// question asks a process in whose TMPDIR the socket is.
func question(dir string, pid int, which string) (string, error) {
	c, err := net.Dial("unix", statsSocket(dir, pid))
	if err != nil {
		return "", err
	}
	defer c.Close()
	if _, err := fmt.Fprintln(c, which); err != nil {
		return "", err
	}
	text, err := io.ReadAll(c)
	return string(text), err
}

// measure gives the numbers of a process.
func measure(dir string, pid int, which string) (s stats, err error) {
	text, err := question(dir, pid, which)
	if err != nil {
		return s, fmt.Errorf("cannot ask process %d: %w", pid, err)
	}
	if _, err := fmt.Sscan(text, &s.goroutines, &s.heap); err != nil {
		return s, fmt.Errorf("cannot read %q: %w", text, err)
	}
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		return s, err
	}
	s.files = len(files)
	rollup, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return s, err
	}
	for line := range bytes.Lines(rollup) {
		if fields := strings.Fields(string(line)); len(fields) > 1 && fields[0] == "Anonymous:" {
			s.anonymous, err = strconv.ParseInt(fields[1], 10, 64)
			s.anonymous *= 1 << 10
		}
	}
	return s, err
}

// childrenOf gives the children of a process with their states, such as 'Z'.
func childrenOf(pid int) (map[int]byte, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	out := map[int]byte{}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("cannot read %s: %w", list, err)
			}
			stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", child))
			if err != nil {
				continue // the child has ended
			}
			// The state is the first field behind the name in parentheses.
			out[child] = stat[bytes.LastIndexByte(stat, ')')+2]
		}
	}
	return out, nil
}
