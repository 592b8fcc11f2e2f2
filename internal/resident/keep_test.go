package resident

import (
	"runtime"
	"testing"
	"time"
)

func TestPercentFor(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name    string
		live    uint64
		percent int
		want    int
	}{
		{"nothing yet", 0, 0, 400},
		{"a small heap", 3 * mib, 400, 400},
		{"as much as most is for", 4 * mib, 400, 400},
		{"twice that", 8 * mib, 400, 200},
		{"somewhat more", 9 * mib, 200, 200},
		{"somewhat less", 7 * mib, 200, 200},
		{"a heap that shrinks", 3 * mib, 200, 400},
		{"all but the least", 15 * mib, 100, 100},
		{"a large heap", 16 * mib, 120, 100},
		{"a larger one", 1 << 40, 400, 100},
	} {
		if got := percentFor(tt.live, tt.percent); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestBusy(t *testing.T) {
	at := time.Unix(1000, 0)
	for _, tt := range []struct {
		name string
		last time.Time
		want bool
	}{
		{"the first collection", time.Time{}, false},
		{"under load", at.Add(-30 * time.Millisecond), true},
		{"giveBack's own", at.Add(-quiet), false},
		{"the runtime's", at.Add(-2 * time.Minute), false},
	} {
		if got := busy(tt.last, at); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

// Collections that follow each other have memory given back later; after the end none
// has.
func TestMemoryAfterCollections(t *testing.T) {
	m := &memory{timer: time.NewTimer(time.Hour)}
	m.timer.Stop()
	told := func() time.Time {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.collected
	}
	m.watch()
	for range 2 {
		before, deadline := told(), time.Now().Add(30*time.Second)
		for told().Equal(before) {
			if time.Now().After(deadline) {
				t.Fatal("nothing is told of collections")
			}
			runtime.GC()
		}
	}
	m.mu.Lock()
	if !m.timer.Stop() {
		t.Error("nothing is given back after two collections")
	}
	m.mu.Unlock()
	m.end()
	m.collection()
	if m.timer.Stop() {
		t.Error("memory is given back after the end")
	}
}
