package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"
)

// bench is one run of everything.
type bench struct {
	ours      string // "" leaves our column empty
	reference reference
	other     command        // the other supervisor in Go; no arguments where it is not there
	only      *regexp.Regexp // names of the parts to run
	rounds    int
	sizes

	otherVersion string

	table  table
	scales []*scale
	loads  []string // of the machine, after each part
	notes  []string // what is not as it should be, to be told above the table
}

// sizes say how much is measured at a time.
type sizes struct {
	span            time.Duration // of calls
	adds            int           // programs added one by one
	spawned, killed int           // programs started and killed at once
	flooded         int64         // bytes of output that are captured
	tailed          int64         // bytes of the log whose end is read
	// Before and while nothing is done. What only the start needed is given back two
	// seconds after it, and Go's scavenger rests for up to a second after its work.
	settled, idle time.Duration

	// The largest of what ours is scaled to.
	configured, running, clients, followers, extensions, added int
	followed                                                   int64 // bytes that each follower reads
}

// whole and quick are a run whose figures count, and one that shows that
// everything works.
func whole() sizes {
	return sizes{
		span: time.Second, adds: 5000, spawned: 200, killed: 100, flooded: 512 << 20, tailed: 50 << 20,
		settled: 5 * time.Second, idle: 5 * time.Second,
		configured: 10000, running: 2000, clients: 500, followers: 50, extensions: 20, added: 10000, followed: 16 << 20,
	}
}

func quick() sizes {
	return sizes{
		span: 100 * time.Millisecond, adds: 100, spawned: 20, killed: 10, flooded: 16 << 20, tailed: 1 << 20,
		settled: 200 * time.Millisecond, idle: 500 * time.Millisecond,
		configured: 100, running: 100, clients: 100, followers: 10, extensions: 2, added: 100, followed: 1 << 20,
	}
}

// run measures the parts that are asked for.
func (b *bench) run() error {
	for _, part := range []struct {
		name string
		run  func() error
	}{
		{"calls", b.calls},
		{"plugin calls", b.pluginCalls},
		{"all processes", b.allProcesses},
		{"start-up", b.startUp},
		{"adding", b.adding},
		{"storm", b.storm},
		{"capture", b.capture},
		{"resting", b.resting},
		{"tail", b.tail},
		{"scale", b.scaling},
	} {
		if !b.only.MatchString(part.name) {
			continue
		}
		begin := time.Now()
		if err := part.run(); err != nil {
			return fmt.Errorf("cannot measure %s: %w", part.name, err)
		}
		b.loads = append(b.loads, part.name+" "+loadAverage())
		fmt.Fprintf(os.Stderr, "%s: %v, load average %s\n", part.name, time.Since(begin).Round(time.Second), loadAverage())
	}
	return nil
}

// loadAverage is the machine's of the last minute, "?" where it does not tell.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	average, _, _ := strings.Cut(string(text), " ")
	return average
}

// daemons gives the commands that are measured, by name.
func (b *bench) daemons(twiddler bool) map[string]command {
	out := map[string]command{}
	if b.ours != "" {
		out["ours"] = command{argv: []string{b.ours}, dialect: supervisors()}
	}
	if b.other.argv != nil && !twiddler { // it has no plugins
		out["O"] = b.other
	}
	c := b.reference.command()
	if c.argv != nil && (!twiddler || b.reference.source != "" && b.reference.twiddler != "") {
		out["reference"] = c
	}
	return out
}

// probe is one thing that is measured once a round.
type probe struct {
	name string
	run  func() (load, error)
}

// measured are the results of probes, by name.
type measured map[string][]load

func (m measured) rate(name string) series {
	return m.series(name, func(l load) float64 { return l.rate })
}
func (m measured) median(name string) series {
	return m.series(name, func(l load) float64 { return l.median })
}
func (m measured) cpu(name string) series {
	return m.series(name, func(l load) float64 { return l.cpu })
}
func (m measured) memory(name string) series {
	return m.series(name, func(l load) float64 { return l.memory })
}

// series gives one quantity of a probe over the rounds; of one that was not run,
// nothing.
func (m measured) series(name string, of func(load) float64) series {
	var out series
	for _, l := range m[name] {
		out = append(out, of(l))
	}
	return out
}

// rotate runs the probes in rounds that take turns.
func (b *bench) rotate(probes []probe) (measured, error) {
	out := measured{}
	for range b.rounds {
		for _, p := range probes {
			l, err := p.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", p.name, err)
			}
			out[p.name] = append(out[p.name], l)
		}
	}
	return out, nil
}

// fleet is a set of running servers, by name.
type fleet map[string]*server

func (f fleet) stop() {
	for _, s := range f {
		s.stop()
	}
}

// add waits for a server's first answer and keeps it under a name.
func (f fleet) add(name string, s *server, err error) error {
	if err != nil {
		return err
	}
	f[name] = s
	if _, err := s.answered(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// addDaemons starts each daemon with 10 and with 1,000 programs, as "ours 10".
func (f fleet) addDaemons(daemons map[string]command, twiddler bool) error {
	for name, c := range daemons {
		for _, n := range []int{10, 1000} {
			s, err := startDaemon(c, settings{programs: n, twiddler: twiddler})
			if err := f.add(fmt.Sprintf("%s %d", name, n), s, err); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f fleet) addFloor(name string) error {
	s, err := startFloor(name)
	return f.add(name, s, err)
}

// bursts makes a probe of each server that is there, of those named.
func (f fleet) bursts(req []byte, connections int, span time.Duration, names ...string) []probe {
	var out []probe
	for _, name := range names {
		if s := f[name]; s != nil {
			out = append(out, probe{name, func() (load, error) { return burst(s.tcp, req, connections, span) }})
		}
	}
	return out
}
