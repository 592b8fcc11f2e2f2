package engine

import (
	"os"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
)

// A process that runs takes other limits of its logs, and its events begin and end,
// for each stream by itself.
func TestReconfigure(t *testing.T) {
	h := newHarness(t)
	gates := []gate{h.gate("a"), h.gate("b"), h.gate("c")}
	spec := h.script("x", "echo one; read go <"+gates[0].path+"; echo two; echo two >&2; read go <"+gates[1].path+
		"; echo three; echo three >&2; read go <"+gates[2].path+"; echo four; echo four >&2")
	type said struct {
		channel event.Channel
		text    string
	}
	events := make(chan said, 10)
	begun, over := make(chan supervisor.Child, 1), make(chan struct{})
	h.Spawn(supervisor.SpawnJob{
		Spec: spec, Group: "group",
		OnLog:   func(channel event.Channel, data []byte) { events <- said{channel, string(data)} },
		Started: func(child supervisor.Child, _ int, _ string) { begun <- child },
		Ended:   func(process.Status, time.Time) { close(over) },
	})
	child := receive(t, begun)
	logged := func(name, want string) {
		t.Helper()
		eventually(t, name+" to be "+want, func() bool {
			data, err := os.ReadFile(h.path(name))
			return err == nil && string(data) == want
		})
	}
	logged("x.out", "one\n")

	second := *spec
	second.Stdout.EventsEnabled = true
	second.Stdout.MaxBytes, second.Stdout.Backups = 5, 2
	child.Reconfigure(&second)
	gates[0].open()
	if got := receive(t, events); got != (said{event.Stdout, "two\n"}) {
		t.Errorf("event %v", got)
	}
	logged("x.out.1", "one\ntwo\n")
	logged("x.err", "two\n")

	third := second
	third.Stdout.EventsEnabled, third.Stderr.EventsEnabled = false, true
	third.Stdout.MaxBytes = 0
	child.Reconfigure(&third)
	gates[1].open()
	if got := receive(t, events); got != (said{event.Stderr, "three\n"}) {
		t.Errorf("event %v", got)
	}
	logged("x.out", "three\n")

	fourth := *spec
	fourth.Stdout.File = core.LogFile{Kind: core.LogPath, Path: h.path("elsewhere")} // for its next start
	child.Reconfigure(&fourth)
	gates[2].open()
	receive(t, over)
	if got := h.read("x.out"); got != "three\nfour\n" {
		t.Errorf("the log has %q", got)
	}
	if got := h.read("x.err"); got != "two\nthree\nfour\n" {
		t.Errorf("the log of stderr has %q", got)
	}
	if len(events) > 0 {
		t.Errorf("another event: %v", <-events)
	}
	child.Reconfigure(&second) // too late, and harmless
}
