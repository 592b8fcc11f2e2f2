package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// resting measures what a daemon and its plugin hold when they have nothing to do,
// and what they do then.
func (b *bench) resting() error {
	probes := []probe{{"floor", func() (load, error) {
		file, err := copyOfSelf()
		if err != nil {
			return load{}, err
		}
		defer os.RemoveAll(filepath.Dir(file))
		s, err := start(func(_ string, tcp endpoint) ([]string, error) { return []string{file, "floor-plug", tcp.address}, nil }, nil)
		return b.rest(s, err, 0)
	}}}
	withTwiddler := b.daemons(true)
	kinds := []struct {
		name     string
		settings settings
	}{
		{"10 programs configured", settings{programs: 10}},
		{"1,000 programs configured", settings{programs: 1000}},
		{fmt.Sprintf("%d programs running", b.spawned), settings{programs: b.spawned, running: true}},
	}
	for name, c := range b.daemons(false) {
		_, twiddler := withTwiddler[name]
		for _, k := range kinds {
			k.settings.twiddler = twiddler
			running := 0
			if k.settings.running {
				running = k.settings.programs
			}
			probes = append(probes, probe{name + k.name, func() (load, error) {
				s, err := startDaemon(c, k.settings)
				return b.rest(s, err, running)
			}})
		}
	}
	m, err := b.rotate(probes)
	if err != nil {
		return err
	}
	for i, k := range kinds {
		ours, reference, other, floor := m.memory("ours"+k.name), m.memory("reference"+k.name), m.memory("O"+k.name), m.memory("floor")
		l := line{
			work:      "memory (PSS) of daemon and plugin, " + k.name,
			reference: reference, other: other, floor: floor, ours: ours, unit: mebibytes,
			goals: []goal{{text: "≤ floor + 6 MiB", ratio: ratio(ours, floor), limit: (median(floor) + 6<<20) / median(floor)}},
		}
		if i > 0 {
			l.goals = append(l.goals, atMost(1, "reference", ours, reference))
		}
		b.table.add(l)
	}
	name := kinds[len(kinds)-1].name
	ours, reference, other := "ours"+name, "reference"+name, "O"+name
	b.table.add(line{
		work:      "wake-ups of daemon and plugin, nothing due, " + name,
		reference: m.rate(reference), other: m.rate(other), ours: m.rate(ours), unit: eachSecond,
		goals: []goal{within(0, eachSecond, m.rate(ours))},
	})
	b.table.add(line{
		work:      "processor time of the same",
		reference: m.cpu(reference), other: m.cpu(other), ours: m.cpu(ours), unit: share,
		goals: []goal{within(0.001, share, m.cpu(ours))},
	})
	return nil
}

// rest lets a server that was just started come to rest, measures what it holds
// then and, where programs run, what it does, and stops it.
func (b *bench) rest(s *server, err error, running int) (load, error) {
	if err != nil {
		return load{}, err
	}
	defer s.stop()
	if _, err := s.answered(); err != nil {
		return load{}, err
	}
	if running > 0 {
		if err := s.allRunning(running); err != nil {
			return load{}, err
		}
	}
	time.Sleep(b.settled)
	family, err := s.family()
	if err != nil {
		return load{}, err
	}
	var l load
	if l.memory, err = pss(family); err != nil {
		return load{}, err
	}
	if running == 0 {
		return l, nil
	}
	before, err := restless(family)
	if err != nil {
		return load{}, err
	}
	time.Sleep(b.idle)
	after, err := restless(family)
	l.rate = (after.rate - before.rate) / b.idle.Seconds()
	l.cpu = (after.cpu - before.cpu) / b.idle.Seconds()
	return l, err
}

// restless counts what processes have done since they began.
func restless(pids []int) (l load, err error) {
	if l.rate, err = switches(pids); err != nil {
		return l, err
	}
	l.cpu, err = cpuTime(pids)
	return l, err
}

// copyOfSelf copies our executable into a directory of its own: the pages of the
// original are shared with the bench, and would count in parts.
func copyOfSelf() (file string, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", fmt.Errorf("cannot make directory: %w", err)
	}
	file = filepath.Join(dir, "floor")
	if err := copyFile(file, "/proc/self/exe"); err != nil {
		os.RemoveAll(dir)
		return "", fmt.Errorf("cannot copy own executable: %w", err)
	}
	return file, nil
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
