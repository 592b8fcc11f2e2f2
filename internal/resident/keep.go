package resident

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// startUp is after what time the memory that only the start needed is given back:
	// programs that run at once are known to by then.
	startUp = 2 * time.Second
	// quiet is how long no garbage was collected when what a burst of calls needed is
	// given back.
	quiet = 10 * time.Second
	// headroom is how many bytes may be allocated between collections. A daemon, as a
	// plugin, has two or three MiB that live, and Go would collect after as much again: under many calls tens
	// of times a second, for a tenth of the processor time. A heap that is as large as this
	// is collected as Go would have it.
	headroom = 16 << 20
	// fewest and most bound what is set for that, in percent of what lives; fewest is Go's own.
	fewest, most = 100, 400
)

// memory has the collector run seldom while there is much to do, and gives memory back
// when there no longer is. A process with nothing to do collects nothing, and is woken by
// nothing here.
type memory struct {
	tuned bool // the collector's pace is ours

	mu        sync.Mutex
	timer     *time.Timer // of the next giveBack
	watched   bool        // collected is called at collections
	ended     bool
	percent   int
	collected time.Time // the last one
}

// Keep has the collector run seldom while there is much to do. It gives back what only the
// start needed two seconds from now, and what a burst of work needed when it is over: the
// heap, and the executable's pages. GOGC in the environment sets the collector's pace
// instead. The function that it gives ends it, but for the pace; once for a process at a
// time is enough.
func Keep() (end func()) {
	m := &memory{tuned: os.Getenv("GOGC") == ""}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pace()
	m.timer = time.AfterFunc(startUp, m.giveBack)
	return m.end
}

func (m *memory) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended = true
	m.timer.Stop()
}

// giveBack gives back what only the start, or a burst, needed: heap, then the
// executable's pages, of which the collector has just read some. Those stay in the page
// cache.
func (m *memory) giveBack() {
	debug.FreeOSMemory()
	_ = DropExecutable()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.watched && !m.ended {
		m.watched = true
		m.watch()
	}
}

// watch has collection called once after the next collection.
func (m *memory) watch() {
	type garbage struct{ _ *memory } // holds a pointer, as small things without share their place
	runtime.AddCleanup(&garbage{}, (*memory).collection, m)
}

// collection is told that garbage was collected.
func (m *memory) collection() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended {
		return
	}
	now := time.Now()
	if busy(m.collected, now) {
		m.timer.Reset(quiet)
	}
	m.collected = now
	m.pace()
	m.watch()
}

// busy says of two collections whether they belong to a time in which there was much to
// do. That of giveBack does not, nor do those that Go makes every two minutes.
func busy(last, now time.Time) bool { return now.Sub(last) < quiet }

// pace sets how much may be allocated until the next collection.
func (m *memory) pace() {
	if !m.tuned {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	if live[0].Value.Kind() != metrics.KindUint64 {
		return
	}
	if percent := percentFor(live[0].Value.Uint64(), m.percent); percent != m.percent {
		m.percent = percent
		debug.SetGCPercent(percent)
	}
}

// percentFor gives what leaves headroom beside what lives. As each change stops all
// goroutines for a moment, small ones are not made.
func percentFor(live uint64, percent int) int {
	ideal := most
	if live > headroom*100/most {
		ideal = max(fewest, int(headroom*100/live))
	}
	if d := ideal - percent; ideal != fewest && ideal != most && -percent/4 < d && d < percent/4 {
		return percent
	}
	return ideal
}
