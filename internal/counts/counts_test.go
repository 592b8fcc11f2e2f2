package counts

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

var measure = flag.Bool("measure", false, "write limits.txt anew, from what is measured")

const (
	limitsFile = "limits.txt"
	runs       = 3   // of which the least counts: what disturbs a run adds to it
	calls      = 200 // in a run
	traced     = 40  // in a run under strace
)

// counted is one quantity for each call.
type counted struct {
	name  string // of the work, the process and the quantity
	value float64
}

// TestCounts compares what calls cost with the committed limits.
func TestCounts(t *testing.T) {
	s := start(t, 100, false)
	next := 0 // no two programs that are added have one name
	repeat := func(w work, n int) {
		t.Helper()
		for range n {
			next++
			if _, err := s.call(w.method, w.params(next)); err != nil {
				t.Fatal(err)
			}
		}
	}
	var all []counted
	for _, w := range works() {
		repeat(w, calls) // warm
		all = append(all, s.allocations(t, w, repeat)...)
	}
	strace, err := exec.LookPath("strace")
	switch {
	case err == nil:
		for _, w := range works() {
			all = append(all, s.systemCalls(t, strace, w, repeat)...)
		}
	case os.Getenv("PLUGVISOR_REQUIRE") == "all":
		t.Error("there is no strace")
	default:
		t.Log("there is no strace: system calls are not counted")
	}
	if *measure {
		writeLimits(t, all)
		return
	}
	limits := readLimits(t)
	for _, c := range all {
		limit, ok := limits[c.name]
		switch {
		case !ok:
			t.Errorf("%s: %.1f, has no limit in %s", c.name, c.value, limitsFile)
		case c.value > limit:
			t.Errorf("%s: %.1f, more than %g", c.name, c.value, limit)
		default:
			t.Logf("%s: %.1f of %g", c.name, c.value, limit)
		}
	}
}

// processes gives those that have a part in some work, by name.
func (s *started) processes(w work) []struct {
	name string
	pid  int
} {
	type process = struct {
		name string
		pid  int
	}
	out := []process{{"daemon", s.pid}}
	if w.plugged {
		out = append(out, process{"plugin", s.plugin})
	}
	return out
}

// allocations counts what each call allocates.
func (s *started) allocations(t *testing.T, w work, repeat func(work, int)) []counted {
	t.Helper()
	ask := func(pid int) (objects, bytes float64) {
		objects, bytes, err := allocated(s.dir, pid)
		if err != nil {
			t.Fatal(err)
		}
		return objects, bytes
	}
	var out []counted
	for _, p := range s.processes(w) {
		var objects, bytes []float64
		for range runs {
			o, b := ask(p.pid)
			repeat(w, calls)
			o2, b2 := ask(p.pid)
			objects, bytes = append(objects, (o2-o)/calls), append(bytes, (b2-b)/calls)
		}
		out = append(out, counted{w.name + ", " + p.name + ", allocations", slices.Min(objects)},
			counted{w.name + ", " + p.name + ", bytes allocated", slices.Min(bytes)})
	}
	return out
}

// scheduling are the system calls by which Go's runtime lets threads sleep and
// wake, looks after memory, or is interrupted.
var scheduling = strings.Fields("futex epoll_pwait epoll_wait nanosleep clock_nanosleep sched_yield tgkill getpid gettid " +
	"rt_sigreturn rt_sigprocmask sigaltstack madvise mmap munmap clone clone3 restart_syscall prctl set_robust_list rseq mincore gettimeofday clock_gettime")

// systemCalls counts the others for each call.
func (s *started) systemCalls(t *testing.T, strace string, w work, repeat func(work, int)) []counted {
	t.Helper()
	var out []counted
	for _, p := range s.processes(w) {
		var found []float64
		for range runs {
			n, ok := s.trace(t, strace, p.pid, func() { repeat(w, traced) })
			if !ok {
				return nil
			}
			found = append(found, n/traced)
		}
		out = append(out, counted{w.name + ", " + p.name + ", system calls", slices.Min(found)})
	}
	return out
}

// trace counts the system calls of a process while something is done. Where a
// process may not be traced, and need not be, it gives false.
func (s *started) trace(t *testing.T, strace string, pid int, do func()) (n float64, ok bool) {
	t.Helper()
	table := filepath.Join(s.dir, "table")
	cmd := exec.Command(strace, "-c", "-f", "-p", strconv.Itoa(pid), "-o", table)
	messages, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(messages)
	if !lines.Scan() || !strings.Contains(lines.Text(), "attached") {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatalf("cannot trace: %s", lines.Text())
		}
		t.Logf("system calls are not counted: %s", lines.Text())
		return 0, false
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		for lines.Scan() {
		}
	}()
	do()
	cmd.Process.Signal(os.Interrupt)
	<-drained
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	return sumTable(t, string(text)), true
}

// sumTable adds up what strace -c counted, without scheduling and without calls
// that failed: most of those are reads of a socket that has nothing yet.
func sumTable(t *testing.T, table string) float64 {
	t.Helper()
	sum := 0.0
	for line := range strings.Lines(table) {
		// % time, seconds, usecs/call, calls, errors if there were any, syscall
		f := strings.Fields(line)
		if len(f) < 5 || f[len(f)-1] == "total" || slices.Contains(scheduling, f[len(f)-1]) {
			continue
		}
		n, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			continue // the heading
		}
		sum += n
		if len(f) == 6 {
			failed, err := strconv.ParseFloat(f[4], 64)
			if err != nil {
				t.Fatalf("cannot read %q", line)
			}
			sum -= failed
		}
	}
	if sum == 0 {
		t.Fatalf("strace counted nothing: %s", table)
	}
	return sum
}

// Failed calls and those of scheduling do not count.
func TestSumTable(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000100           2        50        20 read
 30.00    0.000050           1        50           write
 10.00    0.000050           1       999        12 futex
------ ----------- ----------- --------- --------- ----------------
100.00    0.000200           2      1099        32 total
`
	if got := sumTable(t, table); got != 80 {
		t.Errorf("sum %v, want 80", got)
	}
}

// TestIdle finds some seconds in which no thread of the daemon, of its plugin, or
// of both wakes up.
func TestIdle(t *testing.T) {
	const running, window = 200, 3 * time.Second
	s := start(t, running, true)
	s.await(t, "program that runs", func() bool {
		text, err := s.call("supervisor.getAllProcessInfo", "")
		return err == nil && strings.Count(text, "<string>RUNNING</string>") == running
	})
	s.client.CloseIdleConnections()
	least := math.Inf(1)
	for begin := time.Now(); time.Since(begin) < patience; {
		before := switches(t, s.pid, s.plugin)
		time.Sleep(window)
		if least = min(least, switches(t, s.pid, s.plugin)-before); least == 0 {
			return
		}
	}
	t.Errorf("at least %v wake-ups in %v", least, window)
}

// TestExecutableIsDropped waits until daemon and plugin, which have nothing to do, hold
// less than half of their executable's code.
func TestExecutableIsDropped(t *testing.T) {
	s := start(t, 10, false)
	for name, pid := range map[string]int{"daemon": s.pid, "plugin": s.plugin} {
		s.await(t, name+" that holds less than half of its code", func() bool {
			size, resident := code(t, pid)
			return resident < size/2
		})
	}
}

// code gives the size of the executable's code, and how much of it a process holds, in
// KiB.
func code(t *testing.T, pid int) (size, resident float64) {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps", pid))
	if err != nil {
		t.Fatal(err)
	}
	inside := false
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		switch {
		case !strings.HasSuffix(fields[0], ":"):
			inside = fields[1] == "r-xp" && fields[len(fields)-1] == executable
		case inside && fields[0] == "Size:":
			size += number(t, fields[1])
		case inside && fields[0] == "Rss:":
			resident += number(t, fields[1])
		}
	}
	if size == 0 {
		t.Fatalf("no code of %s in process %d", executable, pid)
	}
	return size, resident
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// switches is how often the threads of processes went to sleep or were put to it.
func switches(t *testing.T, pids ...int) float64 {
	t.Helper()
	sum, found := 0.0, 0
	for _, pid := range pids {
		paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for line := range bytes.Lines(text) {
				key, value, _ := strings.Cut(string(line), ":")
				if strings.HasSuffix(key, "voluntary_ctxt_switches") {
					n, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
					if err != nil {
						t.Fatal(err)
					}
					sum, found = sum+n, found+1
				}
			}
		}
	}
	if found < 2*len(pids) {
		t.Fatal("the kernel does not count switches")
	}
	return sum
}

// readLimits reads lines of a name, a colon and a number.
func readLimits(t *testing.T) map[string]float64 {
	t.Helper()
	text, err := os.ReadFile(limitsFile)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		name, number, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		if out[name], err = strconv.ParseFloat(strings.TrimSpace(number), 64); err != nil {
			t.Fatalf("%s: %v", limitsFile, err)
		}
	}
	return out
}

func writeLimits(t *testing.T, all []counted) {
	t.Helper()
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "%s: %.1f\n", c.name, max(c.value*1.05, c.value+0.5))
	}
	write(t, limitsFile, b.String())
}
