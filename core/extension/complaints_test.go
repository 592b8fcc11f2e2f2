package extension

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A flood of unanswered calls is one line, and then one line in a while.
func TestComplaints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newJournal()
		m := &Manager{cfg: Config{Logger: log}, life: context.Background()}
		x := &extension{m: m, name: "x"}
		for range 1000 {
			x.complain("extension '%s' did not answer", x.name)
		}
		time.Sleep(complaintPause + time.Second)
		x.complain("extension '%s' did not answer again", x.name)
		time.Sleep(3 * complaintPause)
		x.complain("extension '%s' did not answer much later", x.name)
		want := []string{
			"WARN extension 'x' did not answer",
			"WARN extension 'x' failed to answer 999 more calls within 10s",
			"WARN extension 'x' failed to answer 1 more calls within 10s",
			"WARN extension 'x' did not answer much later",
		}
		if got := log.all(); !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
		time.Sleep(3 * complaintPause) // the last timer
	})
}
