package main

import (
	"fmt"
	"math"
	"strings"
)

// table is what is printed.
type table struct{ lines []line }

// line is one kind of work.
type line struct {
	work                          string
	reference, other, floor, ours series
	unit                          func(float64) string
	goals                         []goal
}

// goal is one limit on our result.
type goal struct {
	text  string
	ratio float64 // NaN when it could not be measured
	limit float64
	least bool // the limit is the least ratio, not the most
}

// ratio divides medians.
func ratio(a, b series) float64 { return median(a) / median(b) }

// atLeast is the goal ours ≥ limit × other, of rates.
func atLeast(limit float64, name string, ours, other series) goal {
	return goal{text: fmt.Sprintf("≥ %g × %s", limit, name), ratio: ratio(ours, other), limit: limit, least: true}
}

// atMost is the goal ours ≤ limit × other, of times.
func atMost(limit float64, name string, ours, other series) goal {
	return goal{text: fmt.Sprintf("≤ %g × %s", limit, name), ratio: ratio(ours, other), limit: limit}
}

// faster is the goal other ÷ ours ≥ limit, of times.
func faster(limit float64, name string, ours, other series) goal {
	return goal{text: fmt.Sprintf("≥ %g × %s", limit, name), ratio: ratio(other, ours), limit: limit, least: true}
}

// overFloor is the goal ours ≤ floor + more, of times in seconds.
func overFloor(more float64, ours, floor series) goal {
	return goal{
		text:  fmt.Sprintf("≤ floor + %g ms", more*1000),
		ratio: ratio(ours, floor), limit: (median(floor) + more) / median(floor),
	}
}

// within is the goal ours ≤ limit, of a quantity that is not compared. Its ratio is
// that to the limit, or what was measured where the limit is 0.
func within(limit float64, unit func(float64) string, ours series) goal {
	g := goal{text: "≤ " + unit(limit), ratio: median(ours)}
	if limit > 0 {
		g.ratio, g.limit = g.ratio/limit, 1
	}
	return g
}

// verdict says pass or miss; a miss with how many times worse than the goal.
func (g goal) verdict() string {
	if math.IsNaN(g.ratio) {
		return "–"
	}
	worse := g.ratio / g.limit
	if g.least {
		worse = 1 / worse
	}
	switch {
	case g.ratio == g.limit || worse <= 1: // a limit of 0 can only be met
		return "pass"
	case worse <= 2:
		return fmt.Sprintf("miss (%.2f)", worse)
	default:
		return fmt.Sprintf("MISS (%.2f)", worse)
	}
}

func (t *table) add(l line) { t.lines = append(t.lines, l) }

// markdown writes a row for each goal; what the work has in common stands in the
// first.
func (t *table) markdown() string {
	var b strings.Builder
	b.WriteString("| work | reference | O | floor | ours | goal | ratio | verdict |\n|---|---|---|---|---|---|---|---|\n")
	for _, l := range t.lines {
		head := fmt.Sprintf("| %s | %s | %s | %s | %s ", l.work, l.reference.show(l.unit), l.other.show(l.unit), l.floor.show(l.unit), l.ours.show(l.unit))
		for _, g := range l.goals {
			measured := "–"
			if !math.IsNaN(g.ratio) {
				measured = fmt.Sprintf("%.3g", g.ratio)
			}
			fmt.Fprintf(&b, "%s| %s | %s | %s |\n", head, g.text, measured, g.verdict())
			head = "| | | | | "
		}
	}
	return b.String()
}
