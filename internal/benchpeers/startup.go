package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// startUp measures from exec to the first answer, and to the last of many
// programs running.
func (b *bench) startUp() error {
	withTwiddler := b.daemons(true)
	probes := []probe{{"floor", func() (load, error) {
		s, err := startFloor("floor-plug")
		return timed(s, err, (*server).answered)
	}}, {"spawn", func() (load, error) { return spawnFloor(b.spawned) }}}
	for name, c := range b.daemons(false) {
		_, twiddler := withTwiddler[name]
		for _, n := range []int{10, 1000} {
			if !twiddler && name == "reference" {
				break
			}
			probes = append(probes, probe{fmt.Sprintf("%s %d", name, n), func() (load, error) {
				s, err := startDaemon(c, settings{programs: n, twiddler: twiddler})
				return timed(s, err, (*server).answered)
			}})
		}
		probes = append(probes, probe{name + " running", func() (load, error) {
			s, err := startDaemon(c, settings{programs: b.spawned, running: true, twiddler: twiddler})
			return timed(s, err, func(s *server) (float64, error) {
				err := s.allRunning(b.spawned)
				return time.Since(s.started).Seconds(), err
			})
		}})
	}
	m, err := b.rotate(probes)
	if err != nil {
		return err
	}
	for _, n := range []struct {
		programs string
		more     float64 // seconds over the floor
	}{{"10", 0.020}, {"1000", 0.060}} {
		name := n.programs
		b.table.add(line{
			work:      fmt.Sprintf("exec to first answered built-in call, twiddler loaded, %s programs", name),
			reference: m.median("reference " + name), other: m.median("O " + name), floor: m.median("floor"), ours: m.median("ours " + name), unit: seconds,
			goals: []goal{overFloor(n.more, m.median("ours "+name), m.median("floor"))},
		})
	}
	least := sum(m.median("spawn"), m.median("floor"))
	b.table.add(line{
		work:      fmt.Sprintf("exec to %d programs RUNNING (startsecs=0)", b.spawned),
		reference: m.median("reference running"), other: m.median("O running"), floor: least, ours: m.median("ours running"), unit: seconds,
		goals: []goal{
			atMost(1.5, "floor + plugin start", m.median("ours running"), least),
			atMost(1, "O", m.median("ours running"), m.median("O running")),
		},
	})
	return nil
}

// timed measures a server that was just started, and stops it.
func timed(s *server, err error, measure func(*server) (float64, error)) (load, error) {
	if err != nil {
		return load{}, err
	}
	defer s.stop()
	took, err := measure(s)
	return load{median: took}, err
}

// spawnFloor measures the floor of spawning n programs.
func spawnFloor(n int) (load, error) {
	self, err := os.Executable()
	if err != nil {
		return load{}, fmt.Errorf("cannot find own executable: %w", err)
	}
	out, err := exec.Command(self, "floor-spawn", strconv.Itoa(n)).Output()
	if err != nil {
		return load{}, fmt.Errorf("cannot run floor: %w", err)
	}
	took, err := strconv.ParseFloat(string(bytes.TrimSpace(out)), 64)
	return load{median: took}, err
}

// sum adds two series round by round.
func sum(a, b series) series {
	out := make(series, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] + b[i]
	}
	return out
}
