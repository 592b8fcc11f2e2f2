package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// growth is how the cost of some work grows with what there is of it.
type growth int

const (
	flat   growth = iota // costs the same, however much there is
	linear               // costs at most in proportion
)

// noise is the factor below which two figures do not differ.
const noise = 1.3

// cost is some work at several sizes.
type cost struct {
	work string
	unit func(float64) string
	grow growth
	at   map[int]series
	// least is a cost that is not told from nothing: below it growth is not judged.
	least float64
}

// scale is a table of costs at growing sizes.
type scale struct {
	title string
	sizes []int
	costs []*cost
}

func newScale(title string, sizes []int) *scale { return &scale{title: title, sizes: sizes} }

// cost makes a row.
func (s *scale) cost(work string, unit func(float64) string, grow growth, least float64) *cost {
	c := &cost{work: work, unit: unit, grow: grow, at: map[int]series{}, least: least}
	s.costs = append(s.costs, c)
	return c
}

func (c *cost) add(size int, v float64) { c.at[size] = append(c.at[size], v) }

// worst gives by how many times the cost grew more, from one size to the next, than
// it may.
func (c *cost) worst(sizes []int) float64 {
	worst := 0.0
	for i := 1; i < len(sizes); i++ {
		before, after := median(c.at[sizes[i-1]]), median(c.at[sizes[i]])
		may := 1.0
		if c.grow == linear {
			may = float64(sizes[i]) / float64(sizes[i-1])
		}
		if after > c.least {
			worst = max(worst, after/(max(before, c.least)*may))
		}
	}
	return worst
}

// verdict compares the growth with what it should be.
func (c *cost) verdict(sizes []int) string {
	for _, size := range sizes {
		if math.IsNaN(median(c.at[size])) {
			return "–"
		}
	}
	if worst := c.worst(sizes); worst > noise {
		return fmt.Sprintf("MISS (%.2f)", worst)
	}
	return "pass"
}

func (g growth) String() string { return [...]string{"flat", "linear"}[g] }

// markdown writes the table, with the growth from the last size but one to the
// last.
func (s *scale) markdown() string {
	var b strings.Builder
	b.WriteString("| " + s.title)
	for _, size := range s.sizes {
		fmt.Fprintf(&b, " | %d", size)
	}
	b.WriteString(" | last step | should be | verdict |\n|" + strings.Repeat("---|", len(s.sizes)+4) + "\n")
	for _, c := range s.costs {
		b.WriteString("| " + c.work)
		for _, size := range s.sizes {
			b.WriteString(" | " + c.at[size].show(c.unit))
		}
		step := "–"
		if n := len(s.sizes); median(c.at[s.sizes[n-2]]) > 0 {
			step = fmt.Sprintf("× %.2g", ratio(c.at[s.sizes[n-1]], c.at[s.sizes[n-2]]))
		}
		fmt.Fprintf(&b, " | %s | %s | %s |\n", step, c.grow, c.verdict(s.sizes))
	}
	return b.String()
}

// tenfold gives n ÷ 100, n ÷ 10 and n.
func tenfold(n int) []int { return []int{max(n/100, 1), max(n/10, 1), n} }

// scaling measures ours as the work grows tenfold.
func (b *bench) scaling() error {
	if b.ours == "" {
		return nil
	}
	for _, part := range []func() (*scale, error){
		b.scaleConfigured, b.scaleRunning, b.scaleClients, b.scaleFollowers, b.scaleExtensions, b.scaleAdds,
	} {
		begin := time.Now()
		s, err := part()
		if err != nil {
			return err
		}
		b.scales = append(b.scales, s)
		fmt.Fprintf(os.Stderr, "  by %s: %v\n", s.title, time.Since(begin).Round(time.Second))
	}
	return nil
}

// scaleRounds is enough where growth counts, not the figure.
const scaleRounds = 5

// repeats is how often what takes little is done to be timed.
const repeats = 100

// atSizes measures each size in rounds that take turns.
func (s *scale) atSizes(measure func(size int) error) (*scale, error) {
	for range scaleRounds {
		for _, size := range s.sizes {
			if err := measure(size); err != nil {
				return nil, fmt.Errorf("%s, %d: %w", s.title, size, err)
			}
		}
	}
	return s, nil
}

// ourDaemon is how ours is started.
func (b *bench) ourDaemon() command {
	return command{argv: []string{b.ours}, dialect: supervisors()}
}

// manyDescriptors is enough for what is measured here.
const manyDescriptors = 16384

func (b *bench) scaleConfigured() (*scale, error) {
	s := newScale("programs configured", tenfold(b.configured))
	start := s.cost("exec to first answer", seconds, linear, 0)
	small := s.cost("small call, median", seconds, flat, 0)
	one := s.cost("getProcessInfo of one, median", seconds, flat, 0)
	all := s.cost("status (getAllProcessInfo), median", seconds, linear, 0)
	reread := s.cost("reread (reloadConfig)", seconds, linear, 0)
	update := s.cost("update of one program", seconds, flat, 0)
	memory := s.cost("memory (PSS) of daemon and plugin", mebibytes, linear, 0)
	wakeups := s.cost("wake-ups, nothing due", eachSecond, flat, 1)
	end := s.cost("SIGTERM to exit", seconds, linear, 0)
	return s.atSizes(func(n int) error {
		configuration := settings{programs: n, twiddler: true, descriptors: manyDescriptors}
		d, err := startDaemon(b.ourDaemon(), configuration)
		if err != nil {
			return err
		}
		defer d.stop()
		took, err := d.answered()
		if err != nil {
			return err
		}
		start.add(n, took)
		if err := b.restOf(d, n, memory, wakeups); err != nil {
			return err
		}
		for _, work := range []struct {
			c   *cost
			req []byte
		}{
			{small, request("supervisor.getState", "")},
			{one, request("supervisor.getProcessInfo", stringParam("p0"))},
			{all, request("supervisor.getAllProcessInfo", "")},
		} {
			l, err := burst(d.tcp, work.req, 1, b.span/2)
			if err != nil {
				return err
			}
			work.c.add(n, l.median)
		}
		configuration.changed = true
		if _, err := configuration.write(d.dir, d.tcp, d.dialect); err != nil {
			return err
		}
		took, err = d.timedCalls([2]string{"supervisor.reloadConfig", ""})
		if err != nil {
			return err
		}
		reread.add(n, took)
		pair := [][2]string{{"supervisor.removeProcessGroup", stringParam("p0")}, {"supervisor.addProcessGroup", stringParam("p0")}}
		took, err = d.timedCalls(slices.Repeat(pair, repeats)...)
		if err != nil {
			return err
		}
		update.add(n, took/repeats)
		end.add(n, d.shutDown())
		return nil
	})
}

func (b *bench) scaleRunning() (*scale, error) {
	s := newScale("programs running", tenfold(b.running))
	start := s.cost("exec to all RUNNING (startsecs=0)", seconds, linear, 0)
	all := s.cost("status (getAllProcessInfo), median", seconds, linear, 0)
	memory := s.cost("memory (PSS) of daemon and plugin", mebibytes, linear, 0)
	wakeups := s.cost("wake-ups, nothing due", eachSecond, flat, 1)
	idle := s.cost("processor time, nothing due", share, flat, 0.001)
	restart := s.cost("stop and start of one program", seconds, flat, 0)
	end := s.cost("SIGTERM to exit, all stopped", seconds, linear, 0)
	return s.atSizes(func(n int) error {
		d, err := startDaemon(b.ourDaemon(), settings{programs: n, running: true, twiddler: true, descriptors: manyDescriptors})
		if err != nil {
			return err
		}
		defer d.stop()
		if err := d.allRunning(n); err != nil {
			return err
		}
		start.add(n, time.Since(d.started).Seconds())
		if err := b.restOf(d, n, memory, wakeups, idle); err != nil {
			return err
		}
		l, err := burst(d.tcp, request("supervisor.getAllProcessInfo", ""), 1, b.span/2)
		if err != nil {
			return err
		}
		all.add(n, l.median)
		pair := [][2]string{{"supervisor.stopProcess", stringParam("p0")}, {"supervisor.startProcess", stringParam("p0")}}
		took, err := d.timedCalls(slices.Repeat(pair, repeats)...)
		if err != nil {
			return err
		}
		restart.add(n, took/repeats)
		end.add(n, d.shutDown())
		return nil
	})
}

// restOf lets a daemon come to rest and measures its memory, wake-ups and, if
// asked for, processor time.
func (b *bench) restOf(d *server, n int, memory, wakeups *cost, idle ...*cost) error {
	time.Sleep(b.settled)
	family, err := d.family()
	if err != nil {
		return err
	}
	bytes, err := pss(family)
	if err != nil {
		return err
	}
	memory.add(n, bytes)
	before, err := restless(family)
	if err != nil {
		return err
	}
	time.Sleep(b.idle / 2)
	after, err := restless(family)
	if err != nil {
		return err
	}
	wakeups.add(n, (after.rate-before.rate)/(b.idle/2).Seconds())
	for _, c := range idle {
		c.add(n, (after.cpu-before.cpu)/(b.idle/2).Seconds())
	}
	return nil
}

// timedCalls makes calls one after the other over one connection and gives how
// long they took together, in seconds.
func (s *server) timedCalls(calls ...[2]string) (float64, error) {
	c, err := dialAlone(s.tcp)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if _, err := c.call(request("supervisor.getState", "")); err != nil {
		return 0, err
	}
	begin := time.Now()
	for _, call := range calls {
		if _, err := c.call(request(call[0], call[1])); err != nil {
			return 0, fmt.Errorf("%s: %w", call[0], err)
		}
	}
	return time.Since(begin).Seconds(), nil
}

func (b *bench) scaleClients() (*scale, error) {
	s := newScale("clients polling at once", tenfold(b.clients))
	each := s.cost("time for each call (1 ÷ rate)", microseconds, flat, 0)
	cpu := s.cost("processor time for each call", microseconds, flat, 0)
	memory := s.cost("memory (PSS) of the daemon", mebibytes, linear, 0)
	return s.atSizes(func(n int) error {
		d, err := startDaemon(b.ourDaemon(), settings{programs: 10, descriptors: manyDescriptors})
		if err != nil {
			return err
		}
		defer d.stop()
		if _, err := d.answered(); err != nil {
			return err
		}
		family, err := d.family()
		if err != nil {
			return err
		}
		before, err := cpuTime(family)
		if err != nil {
			return err
		}
		l, err := burst(d.tcp, request("supervisor.getAllProcessInfo", ""), n, b.span)
		if err != nil {
			return err
		}
		after, err := cpuTime(family)
		if err != nil {
			return err
		}
		bytes, err := pss(family)
		if err != nil {
			return err
		}
		each.add(n, 1/l.rate)
		cpu.add(n, (after-before)/(l.rate*b.span.Seconds()))
		memory.add(n, bytes)
		return nil
	})
}

func (b *bench) scaleExtensions() (*scale, error) {
	s := newScale("extensions", []int{max(b.extensions/10, 1), b.extensions})
	start := s.cost("exec to first answer", seconds, linear, 0)
	call := s.cost("call of one, median", seconds, flat, 0)
	memory := s.cost("memory (PSS) of daemon and plugins", mebibytes, linear, 0)
	wakeups := s.cost("wake-ups, nothing due", eachSecond, flat, 1)
	end := s.cost("SIGTERM to exit", seconds, linear, 0)
	return s.atSizes(func(n int) error {
		d, err := startDaemon(b.ourDaemon(), settings{programs: 10, extensions: n})
		if err != nil {
			return err
		}
		defer d.stop()
		took, err := d.answered()
		if err != nil {
			return err
		}
		start.add(n, took)
		if err := b.restOf(d, n, memory, wakeups); err != nil {
			return err
		}
		l, err := burst(d.tcp, request("x0.getAPIVersion", ""), 1, b.span/2)
		if err != nil {
			return err
		}
		call.add(n, l.median)
		end.add(n, d.shutDown())
		return nil
	})
}

func (b *bench) scaleAdds() (*scale, error) {
	s := newScale("programs added to one group", tenfold(b.added))
	add := s.cost("each addProgramToGroup, the last tenth or 100", microseconds, flat, 0)
	remove := s.cost("each removeProcessFromGroup, the first tenth or 100", microseconds, flat, 0)
	return s.atSizes(func(n int) error {
		d, err := startDaemon(b.ourDaemon(), settings{twiddler: true})
		if err != nil {
			return err
		}
		defer d.stop()
		if _, err := d.answered(); err != nil {
			return err
		}
		conn, err := dialAlone(d.tcp)
		if err != nil {
			return err
		}
		defer conn.Close()
		tenth := max(n/10, min(n, 100)) // of fewer the first ones would weigh too much
		if _, err := repeat(conn, n-tenth, 1, addition); err != nil {
			return err
		}
		p, err := repeat(conn, tenth, 1, func(i int) []byte { return addition(n - tenth + i) })
		if err != nil {
			return err
		}
		add.add(n, p.total/float64(tenth))
		p, err = repeat(conn, tenth, 1, removal)
		remove.add(n, p.total/float64(tenth))
		return err
	})
}

// shutDown ends a daemon and gives how long that took, in seconds.
func (s *server) shutDown() float64 {
	begin := time.Now()
	s.end()
	return time.Since(begin).Seconds()
}

// makeLog makes the empty log of a program that has not run yet.
func (s *server) makeLog(i int) error {
	f, err := os.OpenFile(filepath.Clean(s.log(i)), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot make log: %w", err)
	}
	return f.Close()
}
