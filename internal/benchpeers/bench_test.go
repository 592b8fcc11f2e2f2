package main

import (
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// The test's executable serves as the floors too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if run := floorCommand(os.Args[1]); run != nil {
			exitOn(run(os.Args[2:]))
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// Each floor answers calls, and leaves nothing behind.
func TestFloors(t *testing.T) {
	for _, name := range []string{"floor-http", "floor-plug", "floor-thru"} {
		t.Run(name, func(t *testing.T) {
			s, err := startFloor(name)
			if err != nil {
				t.Fatal(err)
			}
			defer s.stop()
			if took, err := s.answered(); err != nil || took <= 0 {
				t.Fatalf("answered after %v s: %v", took, err)
			}
			l, err := burst(s.tcp, request("x", ""), 2, 20*time.Millisecond)
			if err != nil || l.rate <= 0 || l.median <= 0 {
				t.Errorf("load %+v: %v", l, err)
			}
		})
	}
}

func TestSpawnFloor(t *testing.T) {
	if l, err := spawnFloor(3); err != nil || l.median <= 0 {
		t.Errorf("load %+v: %v", l, err)
	}
}

func TestCopyFloor(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := copyFloor(self, 2, 1<<20); err != nil || l.rate <= 0 {
		t.Errorf("load %+v: %v", l, err)
	}
}

// A server's plugin belongs to it, and both have memory and have slept.
func TestFamily(t *testing.T) {
	s, err := startFloor("floor-plug")
	if err != nil {
		t.Fatal(err)
	}
	defer s.stop()
	if _, err := s.answered(); err != nil {
		t.Fatal(err)
	}
	family, err := s.family()
	if err != nil || len(family) != 2 {
		t.Fatalf("family %v: %v", family, err)
	}
	both, err := pss(family)
	if err != nil {
		t.Fatal(err)
	}
	one, err := pss(family[:1])
	if err != nil || one <= 0 || both <= one {
		t.Errorf("memory of one %v, of both %v: %v", one, both, err)
	}
	if l, err := restless(family); err != nil || l.rate <= 0 {
		t.Errorf("load %+v: %v", l, err)
	}
}

func TestTable(t *testing.T) {
	var b table
	b.add(line{
		work: "calls", reference: series{1000, 1200, 1100}, other: series{2000}, floor: series{4000}, ours: series{2200}, unit: perSecond,
		goals: []goal{
			atLeast(2, "reference", series{2200}, series{1000, 1200, 1100}),
			atLeast(0.8, "floor", series{2200}, series{4000}),
			atMost(1, "floor", series{2200}, nil),
		},
	})
	b.add(line{
		work: "start", ours: series{0.130}, unit: seconds,
		goals: []goal{overFloor(0.020, series{0.130}, series{0.1}), atMost(0.5, "reference", series{3}, series{2}), faster(2, "reference", series{1}, series{2})},
	})
	b.add(line{
		work: "rest", ours: series{0, 0}, unit: eachSecond,
		goals: []goal{within(0, eachSecond, series{0, 0}), within(0, eachSecond, series{2}), within(0.001, share, series{0.003})},
	})
	want := `| work | reference | O | floor | ours | goal | ratio | verdict |
|---|---|---|---|---|---|---|---|
| calls | 1.1k/s ±9% | 2.0k/s | 4.0k/s | 2.2k/s | ≥ 2 × reference | 2 | pass |
| | | | | | ≥ 0.8 × floor | 0.55 | miss (1.45) |
| | | | | | ≤ 1 × floor | – | – |
| start | – | – | – | 130 ms | ≤ floor + 20 ms | 1.3 | miss (1.08) |
| | | | | | ≤ 0.5 × reference | 1.5 | MISS (3.00) |
| | | | | | ≥ 2 × reference | 2 | pass |
| rest | – | – | – | 0.0/s | ≤ 0.0/s | 0 | pass |
| | | | | | ≤ 0.0/s | 2 | MISS (+Inf) |
| | | | | | ≤ 1.00 ms/s | 3 | MISS (3.00) |
`
	if got := b.markdown(); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

func TestSeries(t *testing.T) {
	if got := median(nil); !math.IsNaN(got) {
		t.Errorf("median of nothing is %v", got)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("median is %v", got)
	}
	for v, want := range map[float64]string{0.000231: "0.231 ms", 0.225: "225 ms", 3.25: "3.25 s"} {
		if got := seconds(v); got != want {
			t.Errorf("seconds(%v) is %q, want %q", v, got, want)
		}
	}
}

// What is written as a configuration has the shape that rows count on.
func TestSettings(t *testing.T) {
	file, err := settings{programs: 3, running: true, twiddler: true}.write(t.TempDir(), endpoint{"tcp", "127.0.0.1:1"}, supervisors())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for want, n := range map[string]int{"[program:": 3, "autostart=true": 3, "[rpcinterface:": 2, "[group:g]": 1} {
		if got := strings.Count(string(text), want); got != n {
			t.Errorf("%q stands %d times, want %d", want, got, n)
		}
	}
}
