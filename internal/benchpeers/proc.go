package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// family gives a server's process and the others that execute the same file for
// it: its plugins.
func (s *server) family() ([]int, error) {
	own, _, err := s.children()
	return append([]int{s.cmd.Process.Pid}, own...), err
}

// programs gives the processes of the server's programs.
func (s *server) programs() ([]int, error) {
	_, others, err := s.children()
	return others, err
}

// children divides the server's children into those that execute the same file as
// it does, and the others.
func (s *server) children() (own, others []int, err error) {
	pid := s.cmd.Process.Pid
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, nil, err
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot look at server: %w", err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, field := range strings.Fields(string(text)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				return nil, nil, fmt.Errorf("cannot read %s: %w", list, err)
			}
			if theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", child)); err == nil && theirs == exe {
				own = append(own, child)
			} else {
				others = append(others, child)
			}
		}
	}
	return own, others, nil
}

// pss is the memory of processes, in bytes; pages that several share count in
// parts.
func pss(pids []int) (float64, error) {
	kibibytes, err := total(pids, "smaps_rollup", "Pss:")
	return kibibytes * 1024, err
}

// switches is how often the threads of processes went to sleep or were put to it.
func switches(pids []int) (float64, error) {
	return total(pids, "task/*/status", "voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:")
}

// total adds up the numbers that stand behind some keys in files below the
// directories of processes.
func total(pids []int, pattern string, keys ...string) (float64, error) {
	sum := 0.0
	for _, pid := range pids {
		paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/%s", pid, pattern))
		if err != nil {
			return 0, err
		}
		if len(paths) == 0 {
			return 0, fmt.Errorf("process %d has ended", pid)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return 0, err
			}
			for line := range bytes.Lines(text) {
				fields := strings.Fields(string(line))
				for _, key := range keys {
					if len(fields) > 1 && fields[0] == key {
						n, err := strconv.ParseFloat(fields[1], 64)
						if err != nil {
							return 0, fmt.Errorf("cannot read %s: %w", path, err)
						}
						sum += n
					}
				}
			}
		}
	}
	return sum, nil
}

// ticksASecond is the unit of processor times in /proc, the same on all machines.
const ticksASecond = 100

// cpuTime is the processor time that processes have used, in seconds.
func cpuTime(pids []int) (float64, error) {
	ticks := 0
	for _, pid := range pids {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		// The name, in parentheses, may hold blanks; the times are the 12th and
		// 13th field behind it.
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, field := range fields[11:13] {
			n, err := strconv.Atoi(field)
			if err != nil {
				return 0, fmt.Errorf("cannot read processor time: %w", err)
			}
			ticks += n
		}
	}
	return float64(ticks) / ticksASecond, nil
}
