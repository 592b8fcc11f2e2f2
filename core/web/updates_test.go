package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
)

// stream is a client of the stream of updates.
type stream struct {
	t     testing.TB
	leave context.CancelFunc
	ended chan struct{}

	mu       sync.Mutex
	header   http.Header
	sent     bytes.Buffer  // since the last flush
	count    int           // of updates
	state    string        // the supervisor's, unless it is running
	shows    string        // what a page made of the updates shows
	full     bool          // the client reads no more
	slow     time.Duration // how long it takes to read
	deadline time.Time
}

// updates opens the stream.
func (h *harness) updates(query string) *stream {
	ctx, cancel := context.WithCancel(context.Background())
	s := &stream{t: h.t, leave: cancel, ended: make(chan struct{}), header: http.Header{}}
	go func() {
		defer close(s.ended)
		h.ServeHTTP(s, request(http.MethodGet, "/updates"+query, "").WithContext(ctx))
	}()
	h.t.Cleanup(cancel)
	return s
}

func (s *stream) Header() http.Header { return s.header }
func (s *stream) WriteHeader(int)     {}

func (s *stream) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = t
	return nil
}

// Write takes data, or waits for the deadline when the client does not read.
func (s *stream) Write(data []byte) (int, error) {
	s.mu.Lock()
	full, slow, deadline := s.full, s.slow, s.deadline
	s.mu.Unlock()
	time.Sleep(slow)
	if full {
		time.Sleep(time.Until(deadline))
		return 0, errors.New("the client has not read in its time")
	}
	return s.sent.Write(data)
}

// FlushError takes what was written for one update.
func (s *stream) FlushError() error {
	data, ok := strings.CutPrefix(s.sent.String(), "data: ")
	data, end := strings.CutSuffix(data, "\n\n")
	s.sent.Reset()
	var update struct {
		State  string
		Now    int64
		Groups []struct {
			Name      string
			Solo      bool
			Processes []shown
		}
		Changed []shown
	}
	if err := json.Unmarshal([]byte(data), &update); err != nil || !ok || !end || strings.Contains(data, "\n") {
		s.t.Errorf("not an update: %q (%v)", data, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if update.Groups != nil {
		s.shows = ""
	}
	for _, g := range update.Groups {
		s.shows += "[" + g.Name + ": "
		for _, p := range g.Processes {
			s.shows += p.Name + "=" + p.State + " "
		}
		s.shows += "] "
	}
	for _, p := range update.Changed {
		row := regexp.MustCompile(regexp.QuoteMeta(p.Name) + "=[A-Z]+ ")
		if !row.MatchString(s.shows) {
			s.shows += p.Name + "= "
			row = regexp.MustCompile(regexp.QuoteMeta(p.Name) + "= ")
		}
		s.shows = row.ReplaceAllString(s.shows, p.Name+"="+p.State+" ")
	}
	s.shows = strings.TrimPrefix(s.shows, s.state+" ")
	s.state = ""
	if update.State != "running" {
		s.state = update.State
		s.shows = s.state + " " + s.shows
	}
	return nil
}

type shown struct{ Name, State string }

// want compares what the page shows when all is quiet, and how many updates have come
// since the last time at most.
func (s *stream) want(most int, shows string) {
	s.t.Helper()
	time.Sleep(time.Second) // in which pauses end
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if got := strings.TrimSpace(s.shows); got != shows || s.count > most {
		s.t.Errorf("after %d updates (at most %d wanted) the page shows\n%s\nwant\n%s", s.count, most, got, shows)
	}
	s.count = 0
}

const everything = "[: gone=STOPPED noexec=STOPPED off=STOPPED p=RUNNING quick=STOPPED ] [g: g:a=RUNNING g:b=RUNNING ]"

func TestUpdates(t *testing.T) {
	run(t, func(h *harness) {
		ctx := h.t.Context()
		s := h.updates("")
		s.want(1, everything)
		if got := s.header.Get("Content-Type"); got != "text/event-stream" {
			t.Errorf("type %q", got)
		}
		if err := h.Sup.Stop(ctx, "p", true); err != nil {
			t.Fatal(err)
		}
		stopped := strings.Replace(everything, "p=RUNNING", "p=STOPPED", 1)
		s.want(2, stopped)

		if err := h.Sup.AddProcesses(ctx, "g", []*core.ProcessSpec{Program("c")}, nil); err != nil {
			t.Fatal(err)
		}
		s.want(1, strings.Replace(stopped, "b=RUNNING", "b=RUNNING g:c=STOPPED", 1))
		if err := h.Sup.RemoveProcess(ctx, "g", "c", false); err != nil {
			t.Fatal(err)
		}
		s.want(1, stopped)
		time.Sleep(time.Hour)
		s.want(0, stopped)

		s.leave()
		synctest.Wait()
		select {
		case <-s.ended:
		default:
			t.Error("the stream goes on without its client")
		}
	})
}

// TestManyChanges: a storm of changes is told a few times a second, at once first.
func TestManyChanges(t *testing.T) {
	run(t, func(h *harness) {
		ctx := h.t.Context()
		s := h.updates("")
		s.want(1, everything)
		solo, members, _ := strings.Cut(everything, " [g: ")
		members = strings.TrimSuffix(members, "]")
		for i := range 500 {
			name := fmt.Sprintf("c%03d", i)
			if err := h.Sup.AddProcesses(ctx, "g", []*core.ProcessSpec{Program(name, NoStartSecs)}, nil); err != nil {
				t.Fatal(err)
			}
			members += "g:" + name + "=STOPPED "
		}
		s.want(3, solo+" [g: "+members+"]")
		h.post("/", "action=startgroup&group=g")
		s.want(10, solo+" [g: "+strings.ReplaceAll(members, "STOPPED", "RUNNING")+"]")
	})
}

// TestUpdatesOfOne: with a name they are of that process alone.
func TestUpdatesOfOne(t *testing.T) {
	run(t, func(h *harness) {
		s := h.updates("?processname=g:a")
		s.want(1, "g:a=RUNNING")
		if err := h.Sup.Stop(h.t.Context(), "g:b", true); err != nil {
			t.Fatal(err)
		}
		s.want(0, "g:a=RUNNING")
		if err := h.Sup.Stop(h.t.Context(), "g:a", true); err != nil {
			t.Fatal(err)
		}
		s.want(2, "g:a=STOPPED")
		gone := h.updates("?processname=g:nope")
		gone.want(1, "")
	})
}

// TestUpdatesUntilTheEnd: the supervisor's state is told, and its end ends the stream.
func TestUpdatesUntilTheEnd(t *testing.T) {
	run(t, func(h *harness) {
		s := h.updates("")
		s.want(1, everything)
		h.Immune["p"] = true
		h.Sup.Shutdown()
		s.want(5, "shutdown "+strings.NewReplacer("a=RUNNING", "a=STOPPED", "b=RUNNING", "b=STOPPED", "p=RUNNING", "p=STOPPING").Replace(everything))
		time.Sleep(time.Minute)
		<-s.ended
	})
}

// TestClientThatDoesNotRead holds up nobody, and is let go.
func TestClientThatDoesNotRead(t *testing.T) {
	run(t, func(h *harness) {
		s, other := h.updates(""), h.updates("")
		s.want(1, everything)
		other.want(1, everything)
		s.mu.Lock()
		s.full = true
		s.mu.Unlock()
		for range 5000 {
			h.get("/?processname=p&action=restart")
		}
		other.want(10, everything)
		time.Sleep(2 * time.Minute)
		<-s.ended
	})
}

// TestLostEvents: who has missed events is told all.
func TestLostEvents(t *testing.T) {
	run(t, func(h *harness) {
		s := h.updates("")
		s.want(1, everything)
		s.mu.Lock()
		s.slow = 10 * time.Second
		s.mu.Unlock()
		restart := func(times int) {
			for range times {
				h.get("/?processname=p&action=restart")
			}
		}
		restart(100) // more than is on its way to the client
		if err := h.Sup.Stop(h.t.Context(), "g:a", true); err != nil {
			t.Fatal(err)
		}
		restart(5000) // more than the supervisor keeps
		s.mu.Lock()
		s.slow = 0
		s.mu.Unlock()
		time.Sleep(time.Minute)
		s.want(10, strings.Replace(everything, "a=RUNNING", "a=STOPPED", 1))
	})
}
