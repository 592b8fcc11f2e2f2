package extension

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// A plugin that logs without end is held up, one that logs a little is not, and no
// message is lost.
func TestPace(t *testing.T) {
	for _, c := range []struct {
		name     string
		messages int
		size     int
		takes    time.Duration
	}{
		{"a few", 1000, 100, 0},
		{"a flood", 5000, 100, 4 * time.Second},
		{"large ones", 4, 1 << 20, 3*time.Second + 100*time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := newJournal()
				h := &host{name: "x", log: log, grants: rpcinterface.Grants{rpcinterface.GrantLogWrite}}
				begun := time.Now()
				var writers sync.WaitGroup
				for range c.messages {
					writers.Go(func() {
						if err := h.Log(t.Context(), rpcinterface.LevelInfo, string(make([]byte, c.size))); err != nil {
							t.Error(err)
						}
					})
				}
				writers.Wait()
				if took := time.Since(begun).Round(100 * time.Millisecond); took != c.takes {
					t.Errorf("it took %v, want %v", took, c.takes)
				}
				if n := len(log.all()); n != c.messages {
					t.Errorf("%d messages are logged", n)
				}
			})
		})
	}
	t.Run("ends with the call", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := new(pace).wait(ctx, 1<<30); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}
