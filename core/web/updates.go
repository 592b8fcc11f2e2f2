package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Pauses after an update, in which changes gather for the next one. Whoever looks on
// while a thousand programs start is told a few times a second.
const (
	afterChange = 100 * time.Millisecond
	afterAll    = 500 * time.Millisecond
)

// readTimeout is how long a client may take to read an update.
const readTimeout = time.Minute

// followed are the kinds of events that change what pages show.
var followed = [...]core.EventKind{core.EventProcessState, core.EventSupervisorStateChange}

// change is an update that says what has changed since the last one.
type change struct {
	State   string    `json:"state"`
	Now     int64     `json:"now"`
	Changed []process `json:"changed"`
}

// serveUpdates is the stream of updates, as server-sent events: first all that the
// status page shows, a view, then changes. The view comes again when processes were
// added or removed, and when events were lost. With the field processname there are
// only changes of that process, of which the first says how it is; one that is not
// there is left out. With show=extensions it is what the page of extensions shows.
func (h *handler) serveUpdates(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuseForm(w, err)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // a proxy's buffer would hold updates back
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	client := http.NewResponseController(w)
	u := &updates{pages: h.Pages, only: f[ofProcess], send: func(update any) error {
		data, err := json.Marshal(update)
		if err != nil {
			return err
		}
		// Who has left without a word holds nothing for long.
		if err := client.SetWriteDeadline(time.Now().Add(readTimeout)); err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", data); err != nil {
			return err
		}
		if err := client.Flush(); err != nil {
			return err
		}
		return client.SetWriteDeadline(time.Time{})
	}}
	if f["show"] == "extensions" {
		u.followExtensions(ctx)
		return
	}
	u.run(ctx)
}

// updates feeds one client.
type updates struct {
	pages *Pages
	only  string // the process that it is about, "" for all
	send  func(update any) error

	// What the next update is to tell.
	due     bool
	all     bool
	changed []string // names of processes, in the order of their events
}

// run sends updates until ctx ends, the client has left, or the supervisor has ended.
func (u *updates) run(ctx context.Context) {
	sub := u.pages.Subscribe(followed[:])
	defer sub.Close()
	notices := make(chan notice, 64)
	go listen(ctx, sub, notices)

	members := u.pages.Supervisor.MembersChanged()
	u.begin()
	var pause <-chan time.Time
	for {
		if u.due && pause == nil {
			length, err := u.tell()
			if err != nil {
				return
			}
			pause = time.After(length)
		}
		select {
		case <-ctx.Done():
			return
		case <-pause:
			pause = nil
		case <-members:
			members = u.pages.Supervisor.MembersChanged()
			u.begin()
		case n, ok := <-notices:
			if !ok {
				return
			}
			u.note(n)
		}
	}
}

// notice is an event, and whether others were lost before it.
type notice struct {
	event rpcinterface.Event
	lost  bool
}

// listen hands on events until there are no more.
func listen(ctx context.Context, sub Subscription, notices chan<- notice) {
	defer close(notices)
	for {
		e, dropped, err := sub.Next(ctx)
		if err != nil {
			return
		}
		select {
		case notices <- notice{e.Event, dropped > 0}:
		case <-ctx.Done():
			return
		}
	}
}

// begin has the next update tell all.
func (u *updates) begin() {
	u.due = true
	if u.only == "" {
		u.all = true
	} else {
		u.changed = []string{u.only}
	}
}

// note remembers what the next update is to tell of.
func (u *updates) note(n notice) {
	if n.lost {
		u.begin()
	}
	if kind, _ := core.ParseEventKind(n.event.Name); !kind.Is(core.EventProcessState) {
		u.due = true // the supervisor's state
		return
	}
	name := rpcinterface.Namespec(n.event.Group, n.event.Process)
	if u.only == "" || u.only == name {
		u.due = true
		u.changed = append(u.changed, name)
	}
}

// tell sends an update, and says how long to gather changes for the next one.
func (u *updates) tell() (pause time.Duration, err error) {
	all, changed := u.all, u.changed
	u.due, u.all, u.changed = false, false, nil
	if all {
		return afterAll, u.send(u.pages.look())
	}
	c := change{State: u.pages.state(), Now: time.Now().Unix(), Changed: []process{}}
	told := map[string]struct{}{}
	for _, name := range changed {
		if _, ok := told[name]; ok {
			continue
		}
		told[name] = struct{}{}
		if info, err := u.pages.Supervisor.Process(name); err == nil {
			c.Changed = append(c.Changed, makeProcess(&info))
		}
	}
	return afterChange, u.send(c)
}
