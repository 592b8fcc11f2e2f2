package main

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// Growth is judged from one size to the next, and as the work should grow.
func TestScale(t *testing.T) {
	s := newScale("things", []int{1, 10, 100})
	even, proportional, short := s.cost("even", seconds, flat, 0), s.cost("proportional", seconds, linear, 0), s.cost("short", seconds, flat, 0.01)
	quadratic, none := s.cost("quadratic", seconds, linear, 0), s.cost("none", eachSecond, flat, 1)
	missing := s.cost("missing", seconds, flat, 0)
	for i, size := range s.sizes {
		n := float64(size)
		even.add(size, 0.01*(1+0.1*float64(i)))
		proportional.add(size, 0.001*n)
		short.add(size, 0.0001*float64(size/10))
		quadratic.add(size, 0.0001*n*n)
		none.add(size, 0)
	}
	missing.add(1, 1)
	want := `| things | 1 | 10 | 100 | last step | should be | verdict |
|---|---|---|---|---|---|---|
| even | 10 ms | 11 ms | 12 ms | × 1.1 | flat | pass |
| proportional | 1 ms | 10 ms | 100 ms | × 10 | linear | pass |
| short | 0 ms | 0.1 ms | 1 ms | × 10 | flat | pass |
| quadratic | 0.1 ms | 10 ms | 1 s | × 1e+02 | linear | MISS (10.00) |
| none | 0.0/s | 0.0/s | 0.0/s | – | flat | pass |
| missing | 1 s | – | – | – | flat | – |
`
	if got := s.markdown(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if got := tenfold(10); !reflect.DeepEqual(got, []int{1, 1, 10}) {
		t.Errorf("tenfold(10) is %v", got)
	}
}

// The document has what was measured, also when it is made from kept results.
func TestDocument(t *testing.T) {
	b := bench{rounds: 3, notes: []string{"O is not measured: no network."}, loads: []string{"calls 0.5"}}
	b.table.add(line{work: "start", ours: series{3}, unit: seconds, goals: []goal{within(2, seconds, series{3}), within(4, seconds, series{3})}})
	s := newScale("things", []int{1, 10})
	s.cost("each", seconds, flat, 0).add(1, 1)
	b.scales = []*scale{s}
	made := b.results()
	if want := []string{"start: ≤ 2 s, is 1.5: miss (1.50)"}; !reflect.DeepEqual(made.Missed, want) {
		t.Errorf("missed %q, want %q", made.Missed, want)
	}
	dir := t.TempDir()
	kept, file := filepath.Join(dir, "kept"), filepath.Join(dir, "performance.md")
	if err := made.save(kept); err != nil {
		t.Fatal(err)
	}
	again, err := loadResults(kept)
	if err != nil || !reflect.DeepEqual(again, made) {
		t.Errorf("kept %+v: %v, want %+v", again, err, made)
	}
	if err := again.document(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range append([]string{made.Heading, made.Rows, made.Scales[0], made.Missed[0], b.notes[0], b.loads[0]}, made.Machine...) {
		if !strings.Contains(string(text), want) {
			t.Errorf("the document does not have %q", want)
		}
	}
}

func TestOtherFromNowhere(t *testing.T) {
	if _, _, err := buildOther(t.TempDir(), t.TempDir()); err == nil || !strings.HasPrefix(err.Error(), "cannot build ") {
		t.Errorf("built from nothing: %v", err)
	}
}
