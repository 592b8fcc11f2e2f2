package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// capture measures how fast output comes into log files that are not rotated, and
// what that costs the daemon.
func (b *bench) capture() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find own executable: %w", err)
	}
	for _, programs := range []int{1, 8} {
		each := b.flooded / int64(programs)
		probes := []probe{{"floor", func() (load, error) { return copyFloor(self, programs, each) }}}
		for name, c := range b.daemons(false) {
			probes = append(probes, probe{name, func() (load, error) {
				s, err := startDaemon(c, settings{programs: programs, command: fmt.Sprintf(`"%s" flood %d`, self, each), logs: true})
				if err != nil {
					return load{}, err
				}
				defer s.stop()
				return s.captured(programs, each)
			}})
		}
		for i, p := range probes {
			probes[i].run = func() (load, error) {
				unix.Sync() // what one leaves to be written is not the next one's
				return p.run()
			}
		}
		m, err := b.rotate(probes)
		if err != nil {
			return err
		}
		least, name := 1.3, "one program"
		if programs > 1 {
			least, name = 2.5, fmt.Sprintf("%d programs", programs)
		}
		b.table.add(line{
			work:      "log capture, " + name,
			reference: m.rate("reference"), other: m.rate("O"), floor: m.rate("floor"), ours: m.rate("ours"), unit: mebibytesASecond,
			goals: []goal{
				atLeast(least, "reference", m.rate("ours"), m.rate("reference")),
				atLeast(1, "O", m.rate("ours"), m.rate("O")),
			},
		})
		b.table.add(line{
			work:      "processor time of the daemon for a GiB of it",
			reference: m.cpu("reference"), other: m.cpu("O"), floor: m.cpu("floor"), ours: m.cpu("ours"), unit: seconds,
			goals: []goal{atMost(0.6, "reference", m.cpu("ours"), m.cpu("reference"))},
		})
	}
	return nil
}

// captured starts the programs of a daemon and waits until its logs hold what each
// writes.
func (s *server) captured(programs int, each int64) (load, error) {
	if _, err := s.answered(); err != nil {
		return load{}, err
	}
	family, err := s.family()
	if err != nil {
		return load{}, err
	}
	before, err := cpuTime(family)
	if err != nil {
		return load{}, err
	}
	begin := time.Now()
	if err := s.call("supervisor.startAllProcesses", "<param><value><boolean>0</boolean></value></param>"); err != nil {
		return load{}, err
	}
	err = s.await("the logs do not hold all that was written", func() bool {
		for i := range programs {
			if info, err := os.Stat(s.log(i)); err != nil || info.Size() < each {
				return false
			}
		}
		return true
	})
	took := time.Since(begin).Seconds()
	if err != nil {
		return load{}, err
	}
	after, err := cpuTime(family)
	return captureLoad(programs, each, took, after-before), err
}

func captureLoad(programs int, each int64, took, cpu float64) load {
	all := float64(programs) * float64(each)
	return load{rate: all / took, cpu: cpu / (all / (1 << 30))}
}

// copyFloor has cat take the same output to files, each through one pipe.
func copyFloor(self string, programs int, each int64) (load, error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return load{}, fmt.Errorf("cannot make directory: %w", err)
	}
	defer os.RemoveAll(dir)
	var writers, copiers []*exec.Cmd
	begin := time.Now()
	for i := range programs {
		file, err := os.Create(programLog(dir, i))
		if err != nil {
			return load{}, fmt.Errorf("cannot make log: %w", err)
		}
		defer file.Close()
		writer, copier := exec.Command(self, "flood", strconv.FormatInt(each, 10)), exec.Command("cat")
		copier.Stdout = file
		if copier.Stdin, err = writer.StdoutPipe(); err != nil {
			return load{}, fmt.Errorf("cannot make pipe: %w", err)
		}
		if err := errors.Join(writer.Start(), copier.Start()); err != nil {
			return load{}, fmt.Errorf("cannot run floor: %w", err)
		}
		writers, copiers = append(writers, writer), append(copiers, copier)
	}
	cpu := 0.0
	for i := range writers {
		if err := errors.Join(copiers[i].Wait(), writers[i].Wait()); err != nil {
			return load{}, fmt.Errorf("cannot run floor: %w", err)
		}
		cpu += (copiers[i].ProcessState.UserTime() + copiers[i].ProcessState.SystemTime()).Seconds()
	}
	return captureLoad(programs, each, time.Since(begin).Seconds(), cpu), nil
}

// flood writes lines, so many bytes, as fast as they are taken.
func flood(size string) error {
	left, err := strconv.Atoi(size)
	if err != nil {
		return fmt.Errorf("cannot read size: %w", err)
	}
	const text = "the quick brown fox jumps over the lazy dog, and does so again\n"
	buf := bytes.Repeat([]byte(text), 64<<10/len(text)+1)[:64<<10]
	for left > 0 {
		n, err := os.Stdout.Write(buf[:min(left, len(buf))])
		if err != nil {
			return fmt.Errorf("cannot write: %w", err)
		}
		left -= n
	}
	return nil
}
