package main

import (
	"fmt"
	"time"
)

// blocks is into how many the additions are divided, to compare the last with
// the first.
const blocks = 5

// adding measures programs that are added to one group one by one, and then
// removed again. The reference does it once: it takes minutes.
func (b *bench) adding() error {
	f := fleet{}
	defer f.stop()
	if err := f.addFloor("floor-thru"); err != nil {
		return err
	}
	daemons := b.daemons(true)
	var added, removed, addGrowth, removeGrowth, floor, peerAdded, peerRemoved series
	for round := range b.rounds {
		l, err := burst(f["floor-thru"].tcp, request("x", ""), 1, b.span)
		if err != nil {
			return err
		}
		floor = append(floor, float64(b.adds)*l.median)
		if c := daemons["ours"]; c.argv != nil {
			in, out, err := addAndRemove(c, b.adds)
			if err != nil {
				return fmt.Errorf("ours: %w", err)
			}
			added, addGrowth = append(added, in.total), append(addGrowth, in.growth)
			removed, removeGrowth = append(removed, out.total), append(removeGrowth, out.growth)
		}
		if c := daemons["reference"]; c.argv != nil && round == 0 {
			in, out, err := addAndRemove(c, b.adds)
			if err != nil {
				return fmt.Errorf("reference: %w", err)
			}
			peerAdded, peerRemoved = series{in.total}, series{out.total}
		}
	}
	for _, work := range []struct {
		method             string
		ours, peer, growth series
	}{
		{"addProgramToGroup", added, peerAdded, addGrowth},
		{"removeProcessFromGroup", removed, peerRemoved, removeGrowth},
	} {
		b.table.add(line{
			work:      fmt.Sprintf("`%s` × %d, one group", work.method, b.adds),
			reference: work.peer, floor: floor, ours: work.ours, unit: seconds,
			goals: []goal{
				faster(15, "reference", work.ours, work.peer),
				{text: "≤ 1.1, last block ÷ first", ratio: ratio(work.growth, series{1}), limit: 1.1},
			},
		})
	}
	return nil
}

// pass is one pass over all programs.
type pass struct {
	total  float64 // seconds
	growth float64 // time of the last block ÷ time of the first
}

func addAndRemove(c command, n int) (in, out pass, err error) {
	s, err := startDaemon(c, settings{twiddler: true})
	if err != nil {
		return in, out, err
	}
	defer s.stop()
	if _, err := s.answered(); err != nil {
		return in, out, err
	}
	conn, err := dialAlone(s.tcp)
	if err != nil {
		return in, out, err
	}
	defer conn.Close()
	if in, err = repeat(conn, n, blocks, addition); err != nil {
		return in, out, err
	}
	out, err = repeat(conn, n, blocks, removal)
	return in, out, err
}

// addition is the call that adds the i-th program.
func addition(i int) []byte {
	options := structParam([2]string{"command", "/bin/cat"}, [2]string{"autostart", "false"},
		[2]string{"stdout_logfile", "NONE"}, [2]string{"stderr_logfile", "NONE"})
	return request("twiddler.addProgramToGroup", stringParam("g")+stringParam(fmt.Sprintf("p%d", i))+options)
}

// removal is the call that removes the i-th program.
func removal(i int) []byte {
	return request("twiddler.removeProcessFromGroup", stringParam("g")+stringParam(fmt.Sprintf("p%d", i)))
}

// repeat makes n different calls one after the other, in blocks of equal size.
func repeat(conn *connection, n, blocks int, req func(i int) []byte) (pass, error) {
	times := make([]float64, blocks)
	size := n / blocks
	for block := range times {
		requests := make([][]byte, size)
		for i := range requests {
			requests[i] = req(block*size + i)
		}
		begin := time.Now()
		for _, r := range requests {
			if _, err := conn.call(r); err != nil {
				return pass{}, err
			}
		}
		times[block] = time.Since(begin).Seconds()
	}
	p := pass{growth: times[blocks-1] / times[0]}
	for _, t := range times {
		p.total += t
	}
	return p, nil
}
