package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

// scaleFollowers has clients follow one log while a program fills it.
func (b *bench) scaleFollowers() (*scale, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find own executable: %w", err)
	}
	s := newScale("followers of one log", tenfold(b.followers)[1:])
	took := s.cost("each MiB to each follower", seconds, flat, 0)
	cpu := s.cost("processor time for a MiB to one follower", seconds, flat, 0)
	memory := s.cost("memory (PSS) of the daemon", mebibytes, linear, 0)
	return s.atSizes(func(n int) error {
		d, err := startDaemon(b.ourDaemon(), settings{programs: 1, command: fmt.Sprintf(`"%s" flood %d`, self, b.followed), logs: true})
		if err != nil {
			return err
		}
		defer d.stop()
		if _, err := d.answered(); err != nil {
			return err
		}
		if err := d.makeLog(0); err != nil {
			return err
		}
		followers := make([]*connection, n)
		for i := range followers {
			if followers[i], err = follow(d.tcp, "/logtail/p0"); err != nil {
				return fmt.Errorf("cannot follow log: %w", err)
			}
			defer followers[i].Close()
		}
		family, err := d.family()
		if err != nil {
			return err
		}
		before, err := cpuTime(family[:1])
		if err != nil {
			return err
		}
		begin := time.Now()
		if err := d.call("supervisor.startAllProcesses", "<param><value><boolean>0</boolean></value></param>"); err != nil {
			return err
		}
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i, f := range followers {
			wg.Go(func() { errs[i] = f.receive(b.followed) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return fmt.Errorf("cannot follow log: %w", err)
			}
		}
		all := float64(n) * float64(b.followed) / (1 << 20)
		took.add(n, time.Since(begin).Seconds()/all)
		after, err := cpuTime(family[:1])
		if err != nil {
			return err
		}
		cpu.add(n, (after-before)/all)
		bytes, err := pss(family[:1])
		memory.add(n, bytes)
		return err
	})
}

// follow asks for a log that has no end, and reads the header of the answer.
func follow(e endpoint, path string) (*connection, error) {
	c, err := dial(e)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		c.Close()
		return nil, err
	}
	_, err = io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
	for line := "header"; err == nil && strings.TrimSpace(line) != ""; {
		line, err = c.r.ReadString('\n')
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// receive reads until so many bytes have come; what frames them counts too.
func (c *connection) receive(size int64) error {
	_, err := io.CopyN(io.Discard, c.r, size)
	return err
}
