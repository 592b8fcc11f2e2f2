package main

import (
	"fmt"
	"syscall"
	"time"
)

// storm measures how long it takes until programs that are all killed at once run
// again.
func (b *bench) storm() error {
	probes := []probe{{"spawn", func() (load, error) { return spawnFloor(b.killed) }}}
	for name, c := range b.daemons(false) {
		probes = append(probes, probe{name, func() (load, error) {
			s, err := startDaemon(c, settings{programs: b.killed, running: true})
			return timed(s, err, func(s *server) (float64, error) { return s.killAll(b.killed) })
		}})
	}
	m, err := b.rotate(probes)
	if err != nil {
		return err
	}
	b.table.add(line{
		work:      fmt.Sprintf("SIGKILL of %d programs until all are RUNNING again", b.killed),
		reference: m.median("reference"), other: m.median("O"), floor: m.median("spawn"), ours: m.median("ours"), unit: seconds,
		goals: []goal{
			atMost(1.5, "floor", m.median("ours"), m.median("spawn")),
			atMost(1, "O", m.median("ours"), m.median("O")),
		},
	})
	return nil
}

// storming is how long programs have run when they are killed: a program that has
// just been started is not started again at once.
const storming = 1200 * time.Millisecond

// killAll kills the n programs of a daemon once they run.
func (s *server) killAll(n int) (float64, error) {
	if err := s.allRunning(n); err != nil {
		return 0, err
	}
	time.Sleep(storming)
	programs, err := s.programs()
	if err != nil {
		return 0, err
	}
	if len(programs) != n {
		return 0, fmt.Errorf("%s has %d children for %d programs", s.cmd.Path, len(programs), n)
	}
	begin := time.Now()
	for _, pid := range programs {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return 0, fmt.Errorf("cannot kill program: %w", err)
		}
	}
	err = s.allRunning(2 * n)
	return time.Since(begin).Seconds(), err
}
