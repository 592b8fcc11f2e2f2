package supervisor_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
)

func listener(name string) *core.ProcessSpec {
	p := Program(name, Autostart, NoStartSecs)
	p.Kind = core.EventListener
	return p
}

func poolOf(name string, size int64, events []core.EventKind, programs ...*core.ProcessSpec) *core.GroupSpec {
	g := Group(name, -1, programs...)
	g.Listener = &core.ListenerSpec{BufferSize: size, Events: events, ResultHandler: core.DefaultResultHandler}
	return g
}

// sent gives what listeners were sent since the last call, a line each.
func sent(w *World) string {
	synctest.Wait()
	return strings.ReplaceAll(strings.Join(w.Done(), "|"), "\n", "~")
}

func wantSent(t *testing.T, w *World, want string) {
	t.Helper()
	if got := sent(w); got != want {
		t.Errorf("sent:\n %s\nwant:\n %s", got, want)
	}
}

func TestListenerGetsEventsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(
			poolOf("el", 10, []core.EventKind{core.EventProcessGroup, core.EventSupervisorStateChange}, listener("el")),
			Group("x", 999, Program("x")))
		defer w.End()
		w.Sup.Begin()
		wantSent(t, w, "")
		w.Say("el", "READY\n")
		wantSent(t, w, "stdin el ver:3.0 server:ident serial:0 pool:el poolserial:0 eventname:PROCESS_GROUP_ADDED len:13~groupname:el~")
		w.Say("el", "RESULT 2\nOK")
		wantSent(t, w, "")
		w.Say("el", "READY\n")
		wantSent(t, w, "stdin el ver:3.0 server:ident serial:1 pool:el poolserial:1 eventname:PROCESS_GROUP_ADDED len:12~groupname:x~")
		// What is rejected comes again, with its serials.
		w.Say("el", "RESULT 4\nFAILREADY\n")
		wantSent(t, w, "stdin el ver:3.0 server:ident serial:1 pool:el poolserial:1 eventname:PROCESS_GROUP_ADDED len:12~groupname:x~")
		if got := w.Lines("rejected"); len(got) != 1 || got[0] != "WARN el: event was rejected" {
			t.Errorf("log: %v", got)
		}
		w.Say("el", "RESULT 2\nOKREADY\n")
		wantSent(t, w, "stdin el ver:3.0 server:ident serial:2 pool:el poolserial:2 eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0~")
	})
}

// What a listener was busy with when it died goes to the next one.
func TestEventOfADeadListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(poolOf("el", 10, []core.EventKind{core.EventRemoteCommunication}, listener("a"), listener("b")))
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		w.Sup.SendRemoteComm("t", "d")
		w.Say("b", "READY\n")
		wantSent(t, w, "stdin b ver:3.0 server:ident serial:0 pool:el poolserial:0 eventname:REMOTE_COMMUNICATION len:8~type:t~d")
		info, err := w.Sup.Process("el:b")
		if err != nil {
			t.Fatal(err)
		}
		w.Say("a", "READY\n")
		w.Finish(info.PID, process.Status{Code: 1})
		wantSent(t, w, "stdin a ver:3.0 server:ident serial:0 pool:el poolserial:0 eventname:REMOTE_COMMUNICATION len:8~type:t~d")
	})
}

func TestOverflowDropsTheOldest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(poolOf("el", 2, []core.EventKind{core.EventRemoteCommunication}, listener("el")))
		defer w.End()
		w.Sup.Begin()
		for i := range 3 {
			w.Sup.SendRemoteComm("t", fmt.Sprint(i))
		}
		synctest.Wait()
		if got := w.Lines("overflowed"); len(got) != 1 || got[0] != "ERRO pool el event buffer overflowed, discarding event 0" {
			t.Errorf("log: %v", got)
		}
		w.Say("el", "READY\n")
		wantSent(t, w, "stdin el ver:3.0 server:ident serial:1 pool:el poolserial:1 eventname:REMOTE_COMMUNICATION len:8~type:t~1")
	})
}

// A listener whose pipe is closed keeps its state, and the event waits.
func TestListenerThatClosedItsInput(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.StdinErr["a"] = syscall.EPIPE
		w.Run(poolOf("el", 2, []core.EventKind{core.EventRemoteCommunication}, listener("a"), listener("b")))
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		w.Say("a", "READY\n")
		w.Sup.SendRemoteComm("t", "1")
		synctest.Wait()
		if got := w.Lines("epipe"); len(got) != 1 {
			t.Errorf("log: %v", got)
		}
		w.Done()
		w.Say("b", "READY\n")
		if got := sent(w); !strings.HasSuffix(got, "stdin b ver:3.0 server:ident serial:0 pool:el poolserial:0 eventname:REMOTE_COMMUNICATION len:8~type:t~1") {
			t.Errorf("sent %s", got)
		}
	})
}

func TestResultHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		w.Verdict = process.Break
		pool := poolOf("el", 2, []core.EventKind{core.EventRemoteCommunication}, listener("el"))
		pool.Listener.ResultHandler = "ns:handler"
		w.Run(pool)
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		w.Sup.SendRemoteComm("t", "1")
		w.Say("el", "READY\n")
		synctest.Wait()
		w.Done()
		w.Say("el", "RESULT 2\nOK")
		wantSent(t, w, "handle ns:handler REMOTE_COMMUNICATION OK")
		if got := w.Lines("event caused an error"); len(got) != 1 {
			t.Errorf("log: %v", got)
		}
	})
}

// A kind and its ancestor: the event comes twice, with one serial.
func TestSubscribedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(poolOf("el", 9, []core.EventKind{core.EventTick, core.EventTick5}, listener("el")))
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		w.Say("el", "READY\n")
		time.Sleep(6 * time.Second)
		when := time.Now().Unix() / 5 * 5
		want := fmt.Sprintf("stdin el ver:3.0 server:ident serial:0 pool:el poolserial:0 eventname:TICK_5 len:14~when:%d", when)
		wantSent(t, w, want)
		w.Say("el", "RESULT 2\nOKREADY\n")
		wantSent(t, w, want)
	})
}

// Ticks keep the loop awake only while somebody listens.
func TestTicksEndWithTheirListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(poolOf("el", 9, []core.EventKind{core.EventTick3600}, listener("el")))
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		if w.Sup.NextDeadline().IsZero() {
			t.Error("somebody listens, and no tick is due")
		}
		if err := w.Sup.Stop(t.Context(), "el", true); err != nil {
			t.Fatal(err)
		}
		if err := w.Sup.RemoveGroup(t.Context(), "el"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if next := w.Sup.NextDeadline(); !next.IsZero() {
			t.Errorf("nobody listens, and something is due at %v", next)
		}
	})
}

// wallClock is a clock that can be set, beside timers that go on.
type wallClock struct{ offset atomic.Int64 }

func (c *wallClock) Now() time.Time {
	return time.Now().Round(0).Add(time.Duration(c.offset.Load()))
}

// A clock that is set, on or back, holds no tick up, and each says the hour that it
// is then.
func TestTicksOfAClockThatJumps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t)
		clock := new(wallClock)
		w.Clock = clock
		w.Run(poolOf("el", 9, []core.EventKind{core.EventTick3600}, listener("el")))
		defer w.End()
		w.Sup.Begin()
		synctest.Wait()
		w.Say("el", "READY\n")
		wantSent(t, w, "")
		begun := clock.Now()
		if begun.Unix()%3600 != 0 {
			t.Fatalf("the bubble begins at %v, not with an hour", begun)
		}
		serial := 0
		// within waits for the next tick and says how long that took at most.
		within := func(limit time.Duration, hours int) {
			t.Helper()
			time.Sleep(limit)
			wantSent(t, w, fmt.Sprintf("stdin el ver:3.0 server:ident serial:%d pool:el poolserial:%[1]d eventname:TICK_3600 len:14~when:%d",
				serial, begun.Unix()+int64(hours)*3600))
			serial++
			w.Say("el", "RESULT 2\nOKREADY\n")
		}
		within(time.Hour, 1)
		time.Sleep(10 * time.Minute)
		clock.offset.Add(int64(48 * time.Minute)) // 1:58
		within(2*time.Minute+time.Millisecond, 2)
		clock.offset.Add(int64(5 * time.Hour))
		within(10*time.Second, 7)
		clock.offset.Add(-int64(24 * time.Hour))
		within(10*time.Second, -17)
		within(time.Hour, -16)
	})
}

// What is to happen after some time happens by a clock that nobody sets.
func TestDeadlinesAreMonotonic(t *testing.T) {
	due := func(w *World, what string) {
		t.Helper()
		if next := w.Sup.NextDeadline(); next.IsZero() || !strings.Contains(next.String(), " m=") {
			t.Errorf("%s is over at %v, by the time of day", what, next)
		}
	}
	w := New(t)
	w.Immune["x"] = true
	// Nothing of this comes to its end while the test looks.
	w.Run(Group("g", 999, Program("x", func(p *core.ProcessSpec) { p.StartSecs, p.StopWaitSecs = 3600, 3600 })))
	defer w.End()
	w.Sup.Begin()
	if err := w.Sup.Start(t.Context(), "g:x", false); err != nil {
		t.Fatal(err)
	}
	due(w, "the start")
	if err := w.Sup.Stop(t.Context(), "g:x", false); err != nil {
		t.Fatal(err)
	}
	due(w, "the stop")
	info, err := w.Sup.Process("g:x")
	if err != nil {
		t.Fatal(err)
	}
	w.Finish(info.PID, process.Status{Signal: core.SIGKILL}) // so that the end need not wait

	w = New(t).Run(poolOf("el", 9, []core.EventKind{core.EventTick3600}, listener("el")))
	defer w.End()
	w.Sup.Begin()
	w.Sup.NextDeadline() // the turn of the loop that begins is over with the next message
	due(w, "the wait for a tick")
}

func TestLogAndCaptureEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := Program("x", NoStartSecs)
		x.Stdout.EventsEnabled, x.Stdout.CaptureMaxBytes = true, 10
		w := New(t).Run(
			poolOf("el", 9, []core.EventKind{core.EventProcessLogStdout, core.EventProcessCommunication}, listener("el")),
			Group("g", 999, x))
		defer w.End()
		w.Sup.Begin()
		if err := w.Sup.Start(t.Context(), "g:x", true); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		pid := func() int { info, _ := w.Sup.Process("g:x"); return info.PID }()
		w.Say("el", "READY\n")
		w.Job("x").OnLog(event.Stdout, []byte("out"))
		payload := fmt.Sprintf("processname:x groupname:g pid:%d channel:stdout~out", pid)
		wantSent(t, w, fmt.Sprintf("stdin el ver:3.0 server:ident serial:0 pool:el poolserial:0 eventname:PROCESS_LOG_STDOUT len:%d~%s", len(payload), payload))
		w.Job("x").OnLog(event.Stderr, []byte("nobody wants this"))
		w.Job("x").OnCapture(event.Stderr, []byte("cap"))
		w.Say("el", "RESULT 2\nOKREADY\n")
		payload = fmt.Sprintf("processname:x groupname:g pid:%d~cap", pid)
		wantSent(t, w, fmt.Sprintf("stdin el ver:3.0 server:ident serial:1 pool:el poolserial:1 eventname:PROCESS_COMMUNICATION_STDERR len:%d~%s", len(payload), payload))
	})
}

func TestSubscriptionResumesAndCountsDrops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("x", 999, Program("x")))
		defer w.End()
		ctx := t.Context()
		sub := w.Sup.Subscribe([]core.EventKind{core.EventRemoteCommunication}, 0)
		send := func(from, to int) {
			for i := from; i < to; i++ {
				w.Sup.SendRemoteComm("t", fmt.Sprint(i))
			}
			synctest.Wait()
		}
		next := func(s *supervisor.Subscription, data string, dropped uint64) uint64 {
			t.Helper()
			e, d, err := s.Next(ctx)
			if err != nil || string(e.Event.Payload) != "type:t\n"+data || d != dropped {
				t.Fatalf("got %q, %d dropped, %v; want %s, %d dropped", e.Event.Payload, d, err, data, dropped)
			}
			return e.Sequence
		}
		send(0, 3)
		next(sub, "0", 0)
		seq := next(sub, "1", 0)
		sub.Close()
		if _, _, err := sub.Next(ctx); err != io.EOF {
			t.Errorf("a closed subscription: %v", err)
		}
		again := w.Sup.Subscribe([]core.EventKind{core.EventAny}, seq+1)
		defer again.Close()
		next(again, "2", 0)
		send(3, 5000)
		next(again, fmt.Sprint(5000-4096), 5000-4096-3)
		late := w.Sup.Subscribe([]core.EventKind{core.EventRemoteCommunication}, seq)
		defer late.Close()
		next(late, fmt.Sprint(5000-4096), 5000-4096-1)
		stale := w.Sup.Subscribe([]core.EventKind{core.EventRemoteCommunication}, 1)
		defer stale.Close()
		next(stale, fmt.Sprint(5000-4096), 5000-4096)
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		quiet := w.Sup.Subscribe([]core.EventKind{core.EventTick}, 0)
		defer quiet.Close()
		if _, _, err := quiet.Next(short); err != context.DeadlineExceeded {
			t.Errorf("an empty subscription: %v", err)
		}
	})
}

// A reader of ticks keeps the loop awake only as long as it reads.
func TestTicksEndWithTheirReader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(t).Run(Group("x", 999, Program("x")))
		defer w.End()
		w.Sup.Begin()
		sub := w.Sup.Subscribe([]core.EventKind{core.EventAny}, 0)
		synctest.Wait()
		if w.Sup.NextDeadline().IsZero() {
			t.Error("somebody reads ticks, and none is due")
		}
		sub.Close()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if next := w.Sup.NextDeadline(); !next.IsZero() {
			t.Errorf("nobody reads ticks, and something is due at %v", next)
		}
	})
}
