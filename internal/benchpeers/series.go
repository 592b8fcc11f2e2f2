package main

import (
	"fmt"
	"math"
	"slices"
)

// series is one quantity over the rounds.
type series []float64

// median is the middle value, NaN of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// spread is the distance of the extremes in parts of the median.
func (s series) spread() float64 {
	if len(s) < 2 {
		return 0
	}
	return (slices.Max(s) - slices.Min(s)) / median(s)
}

// show writes the median with a unit and, where there were rounds, the spread;
// a dash for nothing measured.
func (s series) show(unit func(float64) string) string {
	switch {
	case len(s) == 0:
		return "–"
	case len(s) == 1 || median(s) == 0: // nothing has no parts
		return unit(median(s))
	}
	return fmt.Sprintf("%s ±%.0f%%", unit(median(s)), 50*s.spread())
}

// perSecond, seconds and those below are units.
func perSecond(v float64) string {
	if v < 1000 {
		return fmt.Sprintf("%.0f/s", v)
	}
	return fmt.Sprintf("%.1fk/s", v/1000)
}

func seconds(v float64) string {
	switch {
	case v < 0.1:
		return fmt.Sprintf("%.3g ms", v*1000)
	case v < 1:
		return fmt.Sprintf("%.0f ms", v*1000)
	}
	return fmt.Sprintf("%.3g s", v)
}

// microseconds is for costs of single calls.
func microseconds(v float64) string { return fmt.Sprintf("%.0f µs", v*1e6) }

func mebibytes(v float64) string        { return fmt.Sprintf("%.1f MiB", v/(1<<20)) }
func mebibytesASecond(v float64) string { return fmt.Sprintf("%.0f MiB/s", v/(1<<20)) }

// share is of one processor's time.
func share(v float64) string { return fmt.Sprintf("%.2f ms/s", v*1000) }

func eachSecond(v float64) string { return fmt.Sprintf("%.1f/s", v) }
