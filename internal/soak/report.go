package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"
)

const (
	moreObjects = 2       // descriptors or goroutines that may have been added
	moreMemory  = 2 << 20 // bytes
)

// judge prints what was found and says whether all is well.
func (s *soak) judge(before, after restful) (ok bool, err error) {
	ok = true
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	verdict := func(good bool) string {
		if good {
			return "ok"
		}
		ok = false
		return "WRONG"
	}
	fmt.Fprintf(w, "\nat rest\tafter %v\tafter %v\tlimit\t\n", s.first(), s.duration)
	for _, p := range []struct {
		name          string
		before, after stats
	}{{"daemon", before.daemon, after.daemon}, {"plugin", before.plugin, after.plugin}} {
		for _, n := range []struct {
			name          string
			before, after int
		}{{"descriptors", p.before.files, p.after.files}, {"goroutines", p.before.goroutines, p.after.goroutines}} {
			fmt.Fprintf(w, "%s: %s\t%d\t%d\t± %d\t%s\n", p.name, n.name, n.before, n.after, moreObjects,
				verdict(max(n.before-n.after, n.after-n.before) <= moreObjects))
		}
		for _, n := range []struct {
			name          string
			before, after int64
		}{{"heap and stacks", p.before.heap, p.after.heap}, {"private memory", p.before.anonymous, p.after.anonymous}} {
			fmt.Fprintf(w, "%s: %s\t%.2f MiB\t%.2f MiB\t+ %.0f MiB\t%s\n", p.name, n.name, mib(n.before), mib(n.after), mib(moreMemory),
				verdict(n.after-n.before <= moreMemory))
		}
	}
	fmt.Fprintf(w, "sockets of plugins\t%d\t%d\t± 0\t%s\n", before.sockets, after.sockets, verdict(before.sockets == after.sockets))
	fmt.Fprintf(w, "zombies\t%d\t%d\t0\t%s\n", before.zombies, after.zombies, verdict(before.zombies+after.zombies == 0))
	exits, err := s.exits()
	if err != nil {
		return false, err
	}
	fmt.Fprintf(w, "exits\t\t%d\t≥ %d\t%s\n", exits, s.enough(), verdict(exits >= s.enough()))
	complaints, err := s.complaints()
	if err != nil {
		return false, err
	}
	fmt.Fprintf(w, "complaints of the daemon\t\t%d\t0\t%s\n", len(complaints), verdict(len(complaints) == 0))
	fmt.Fprintf(w, "calls\t\t%d\t\t%d faults\n", s.calls.Load(), s.faults.Load())
	total, err := s.countAll()
	if err != nil {
		return false, err
	}
	fmt.Fprintf(w, "lines counted\t\t%d\t%d runs, %d files\t%s\n", total.lines, total.runs, total.files, verdict(len(total.wrong) == 0 && total.runs > 0))
	if err := w.Flush(); err != nil {
		return false, err
	}
	for _, lines := range [][]string{total.wrong, complaints} {
		for _, line := range lines[:min(len(lines), 20)] {
			fmt.Fprintln(s.out, line)
		}
	}
	if !ok {
		s.showStacks()
	}
	fmt.Fprintf(s.out, "%d programs and %d listeners, %v; load average %s\n", len(s.names)+2, 2*len(s.pools), time.Since(s.begun).Round(time.Second), loadAverage())
	return ok, nil
}

// complaints are what the daemon could not do: here nothing is in its way, but that
// the plugin is killed while it starts.
func (s *soak) complaints() ([]string, error) {
	var out []string
	err := eachLine([]string{filepath.Join(s.dir, "main.log")}, func(line string) {
		if (strings.Contains(line, "cannot ") || strings.Contains(line, "panic")) && !strings.Contains(line, "extension 'twiddler'") {
			out = append(out, line)
		}
	})
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(s.stderr())
	if len(text) > 0 {
		out = append(out, string(text))
	}
	return out, err
}

// countAll compares the logs of all programs that count.
func (s *soak) countAll() (tally, error) {
	var total tally
	add := func(log string, programs ...string) error {
		t, err := s.tally(log, programs...)
		total.runs, total.lines, total.files = total.runs+t.runs, total.lines+t.lines, total.files+t.files
		total.wrong = append(total.wrong, t.wrong...)
		return err
	}
	for _, channel := range []string{".out", ".err"} {
		for _, name := range s.counting {
			if err := add(name+channel, name); err != nil {
				return total, err
			}
		}
		if err := add("shared"+channel, "shared0", "shared1"); err != nil {
			return total, err
		}
	}
	return total, nil
}

// showStacks writes the goroutines of the daemon to a file.
func (s *soak) showStacks() {
	text, err := question(s.dir, s.daemon.Process.Pid, askStacks)
	if err == nil {
		err = os.WriteFile(s.dir+"/stacks.txt", []byte(text), 0o600)
	}
	if err != nil {
		fmt.Fprintln(s.out, "cannot keep stacks:", err)
	}
}
