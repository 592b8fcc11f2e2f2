package main

import "fmt"

// calls measures small built-in calls.
func (b *bench) calls() error {
	f := fleet{}
	defer f.stop()
	if err := f.addFloor("floor-http"); err != nil {
		return err
	}
	if err := f.addDaemons(b.daemons(false), false); err != nil {
		return err
	}
	m, err := b.rotate(f.bursts(request("supervisor.getState", ""), 16, b.span,
		"floor-http", "ours 10", "reference 10", "O 10", "ours 1000", "reference 1000", "O 1000"))
	if err != nil {
		return err
	}
	b.table.add(line{
		work:      "small built-in call, 16 connections, 10 processes",
		reference: m.rate("reference 10"), other: m.rate("O 10"), floor: m.rate("floor-http"), ours: m.rate("ours 10"), unit: perSecond,
		goals: []goal{
			atLeast(4, "reference", m.rate("ours 10"), m.rate("reference 10")),
			atLeast(0.55, "F_http", m.rate("ours 10"), m.rate("floor-http")),
			atLeast(1, "O", m.rate("ours 10"), m.rate("O 10")),
		},
	})
	b.table.add(line{
		work:      "the same at 1,000 processes",
		reference: m.rate("reference 1000"), other: m.rate("O 1000"), ours: m.rate("ours 1000"), unit: perSecond,
		goals: []goal{
			atLeast(8, "reference", m.rate("ours 1000"), m.rate("reference 1000")),
			atLeast(1, "O", m.rate("ours 1000"), m.rate("O 1000")),
			atMost(1.1, "median at 10", m.median("ours 1000"), m.median("ours 10")),
		},
	})
	return nil
}

// pluginCalls measures calls that a plugin answers.
func (b *bench) pluginCalls() error {
	f := fleet{}
	defer f.stop()
	for _, name := range []string{"floor-plug", "floor-thru"} {
		if err := f.addFloor(name); err != nil {
			return err
		}
	}
	if err := f.addDaemons(b.daemons(true), true); err != nil {
		return err
	}
	version, groups := request("twiddler.getAPIVersion", ""), request("twiddler.getGroupNames", "")

	m, err := b.rotate(f.bursts(version, 1, b.span, "floor-plug", "ours 10", "reference 10", "ours 1000", "reference 1000"))
	if err != nil {
		return err
	}
	for _, n := range []string{"10", "1000"} {
		l := line{
			work:      fmt.Sprintf("call answered by a plugin, one connection, median, %s processes", n),
			reference: m.median("reference " + n), floor: m.median("floor-plug"), ours: m.median("ours " + n), unit: seconds,
			goals: []goal{atMost(1.15, "F_plug", m.median("ours "+n), m.median("floor-plug"))},
		}
		if n == "1000" {
			l.goals = append(l.goals, atMost(0.15, "reference", m.median("ours "+n), m.median("reference "+n)))
		}
		b.table.add(l)
	}

	m, err = b.rotate(f.bursts(version, 16, b.span, "floor-plug", "ours 10", "reference 10"))
	if err != nil {
		return err
	}
	b.table.add(line{
		work:      "the same, 16 connections, 10 processes",
		reference: m.rate("reference 10"), floor: m.rate("floor-plug"), ours: m.rate("ours 10"), unit: perSecond,
		goals: []goal{
			atLeast(0.8, "F_plug", m.rate("ours 10"), m.rate("floor-plug")),
			atLeast(2, "reference", m.rate("ours 10"), m.rate("reference 10")),
		},
	})

	m, err = b.rotate(f.bursts(groups, 1, b.span, "floor-thru", "ours 10", "reference 10", "ours 1000", "reference 1000"))
	if err != nil {
		return err
	}
	for _, n := range []string{"10", "1000"} {
		l := line{
			work:      fmt.Sprintf("plugin plus one host call (getGroupNames), median, %s processes", n),
			reference: m.median("reference " + n), floor: m.median("floor-thru"), ours: m.median("ours " + n), unit: seconds,
			goals: []goal{atMost(1.2, "F_thru", m.median("ours "+n), m.median("floor-thru"))},
		}
		if n == "1000" { // the answer has 1,000 names in it, the floor's has not
			l.goals = []goal{atMost(0.1, "reference", m.median("ours "+n), m.median("reference "+n))}
		}
		b.table.add(l)
	}
	return nil
}

// allProcesses measures the largest answer that is asked for often.
func (b *bench) allProcesses() error {
	f := fleet{}
	defer f.stop()
	for name, c := range b.daemons(false) {
		for _, n := range []int{100, 1000} {
			s, err := startDaemon(c, settings{programs: n})
			if err := f.add(fmt.Sprintf("%s %d", name, n), s, err); err != nil {
				return err
			}
		}
	}
	req := request("supervisor.getAllProcessInfo", "")
	probes := f.bursts(req, 1, b.span, "ours 1000")
	for i := range probes {
		probes[i].name = "ours tcp"
	}
	for _, name := range []string{"ours 100", "ours 1000", "reference 1000", "O 1000"} {
		if s := f[name]; s != nil {
			probes = append(probes, probe{name, func() (load, error) { return burst(s.unix, req, 1, b.span) }})
		}
	}
	m, err := b.rotate(probes)
	if err != nil {
		return err
	}
	b.table.add(line{
		work:      "getAllProcessInfo, unix socket, 1,000 processes, median",
		reference: m.median("reference 1000"), other: m.median("O 1000"), ours: m.median("ours 1000"), unit: seconds,
		goals: []goal{
			atMost(0.025, "reference", m.median("ours 1000"), m.median("reference 1000")),
			atMost(1, "O", m.median("ours 1000"), m.median("O 1000")),
			atMost(11, "100 processes", m.median("ours 1000"), m.median("ours 100")),
			atMost(1.3, "unix socket, over kept-alive TCP", m.median("ours tcp"), m.median("ours 1000")),
		},
	})
	return nil
}
