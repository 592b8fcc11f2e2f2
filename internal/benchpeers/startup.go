package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// spawned is how many programs the start-up row runs.
const spawned = 200

// startUp measures from exec to the first answer, and to the last of many
// programs running.
func (b *bench) startUp() error {
	withTwiddler := b.daemons(true)
	probes := []probe{{"floor", func() (load, error) {
		s, err := startFloor("floor-plug")
		return timed(s, err, (*server).answered)
	}}, {"spawn", spawnOnce}}
	for name, c := range b.daemons(false) {
		_, twiddler := withTwiddler[name]
		for _, n := range []int{10, 1000} {
			if !twiddler {
				break
			}
			probes = append(probes, probe{fmt.Sprintf("%s %d", name, n), func() (load, error) {
				s, err := startDaemon(c, settings{programs: n, twiddler: true})
				return timed(s, err, (*server).answered)
			}})
		}
		probes = append(probes, probe{name + " running", func() (load, error) {
			s, err := startDaemon(c, settings{programs: spawned, running: true, twiddler: twiddler})
			return timed(s, err, func(s *server) (float64, error) { return s.allRunning(spawned) })
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
			reference: m.median("reference " + name), floor: m.median("floor"), ours: m.median("ours " + name), unit: seconds,
			goals: []goal{overFloor(n.more, m.median("ours "+name), m.median("floor"))},
		})
	}
	least := sum(m.median("spawn"), m.median("floor"))
	b.table.add(line{
		work:      fmt.Sprintf("exec to %d programs RUNNING (startsecs=0)", spawned),
		reference: m.median("reference running"), floor: least, ours: m.median("ours running"), unit: seconds,
		goals: []goal{atMost(1.5, "floor + plugin start", m.median("ours running"), least)},
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

// spawnOnce measures the floor of spawning, from exec to the last child started.
func spawnOnce() (load, error) {
	self, err := os.Executable()
	if err != nil {
		return load{}, fmt.Errorf("cannot find own executable: %w", err)
	}
	cmd := exec.Command(self, "floor-spawn", strconv.Itoa(spawned))
	out, err := cmd.StdoutPipe()
	if err != nil {
		return load{}, fmt.Errorf("cannot make pipe: %w", err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return load{}, fmt.Errorf("cannot start floor: %w", err)
	}
	_, readErr := bufio.NewReader(out).ReadString('\n')
	took := time.Since(begin).Seconds()
	if err := cmd.Wait(); err != nil {
		return load{}, fmt.Errorf("cannot run floor: %w", err)
	}
	return load{median: took}, readErr
}

// sum adds two series round by round.
func sum(a, b series) series {
	out := make(series, min(len(a), len(b)))
	for i := range out {
		out[i] = a[i] + b[i]
	}
	return out
}
