package supervisor_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/supervisor"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		again, expected := Program("again"), Program("expected")
		again.Autorestart, expected.ExitCodes = core.RestartAlways, []int{1}
		w := New(t).Run(Group("g", 999, Program("asked"), again, expected, Program("quick"), Program("unspawnable")))
		defer func() {
			w.End()
			time.Sleep(time.Minute) // those that live for a time have ended
		}()
		w.Life["again"], w.Life["expected"], w.Life["quick"] = 10*time.Second, 10*time.Second, 100*time.Millisecond
		w.Unspawnable["unspawnable"] = "no"
		ctx := t.Context()
		for range 3 {
			for _, name := range []string{"asked", "expected"} {
				if err := w.Sup.Start(ctx, "g:"+name, true); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Sup.Stop(ctx, "g:asked", true); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * time.Second)
		}
		for _, name := range []string{"again", "quick", "unspawnable"} {
			_ = w.Sup.Start(ctx, "g:"+name, false)
		}
		began := time.Now().Unix()
		time.Sleep(35 * time.Second)
		w.Job("again").Logged[event.Stdout].Add(7)
		w.Job("again").Logged[event.Stderr].Add(5)

		type stats = core.ProcessStats
		want := []stats{
			{Name: "again", State: rpcinterface.ProcessRunning, Start: began + 30, Counts: core.ProcessCounts{Starts: 4, Restarts: 3, UnexpectedExits: 3}, LogBytes: [2]uint64{7, 5}},
			{Name: "asked", State: rpcinterface.ProcessStopped, ExitStatus: -1, Counts: core.ProcessCounts{Starts: 3, Stops: 3}},
			{Name: "expected", State: rpcinterface.ProcessExited, ExitStatus: 1, Counts: core.ProcessCounts{Starts: 3, ExpectedExits: 3}},
			{Name: "quick", State: rpcinterface.ProcessFatal, Counts: core.ProcessCounts{Starts: 4, Restarts: 3, UnexpectedExits: 4}},
			{Name: "unspawnable", State: rpcinterface.ProcessFatal},
		}
		for i, got := range w.Sup.Stats() {
			if (got.PID != 0) != (got.State == rpcinterface.ProcessRunning) || got.Group != "g" {
				t.Errorf("%+v", got)
			}
			got.Group, got.PID = "", 0
			if got.Name != "again" {
				got.Start = 0
			}
			if got != want[i] {
				t.Errorf("got  %+v\nwant %+v", got, want[i])
			}
		}
	})
}

func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run()
		if err := w.Sup.Ping(t.Context()); err != nil {
			t.Error(err)
		}
		w.End()
		WantFault(t, w.Sup.Ping(t.Context()), 6, "SHUTDOWN_STATE")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		stuck := supervisor.New(supervisor.Config{Effects: w, Logger: w, Serials: &event.Serials{}})
		if err := stuck.Ping(ctx); err != context.Canceled {
			t.Errorf("a loop that does not turn: %v", err)
		}
	})
}
