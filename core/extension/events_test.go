package extension

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func (e *testEngine) Subscribe(kinds []core.EventKind, from uint64) rpcinterface.EventStream {
	return e.events.Subscribe(kinds, from)
}

func (e *testEngine) SendRemoteComm(typ, data string) { e.events.SendRemoteComm(typ, data) }

// withEvents gives the rig's engine events, until the test ends.
func (r *rig) withEvents(t testing.TB) *rig {
	t.Helper()
	s := supervisor.New(supervisor.Config{Logger: r.log, Serials: &event.Serials{}})
	r.engine.events = s
	go s.Run()
	t.Cleanup(func() {
		s.Shutdown()
		<-s.Done()
	})
	return r
}

// passed waits until the engine has sent what it was told to send.
func (e *testEngine) passed(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var fault *rpcinterface.Fault
	if err := e.events.RemoveGroup(ctx, "none"); !errors.As(err, &fault) || fault.Code != rpcinterface.CodeBadName {
		t.Fatal(err)
	}
}

// listen appends the events that it reads to a file, and goes on after the last in
// it when it comes again.
func (p *testPlugin) listen(path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	from := uint64(0)
	for lines := bufio.NewScanner(file); lines.Scan(); {
		number, _, _ := strings.Cut(lines.Text(), " ")
		if from, err = strconv.ParseUint(number, 10, 64); err != nil {
			return err
		}
		from++
	}
	events, err := p.host.Subscribe(context.Background(), []string{rpcinterface.EventRemoteCommunication}, from)
	if err != nil {
		return err
	}
	go func() {
		for {
			e, dropped, err := events.Next(context.Background())
			if err != nil {
				return
			}
			fmt.Fprintf(file, "%d %d %q\n", e.Sequence, dropped, e.Event.Payload)
		}
	}()
	return nil
}

// subscribe opens the stream that next reads.
func (p *testPlugin) subscribe(types, from string) error {
	n, err := strconv.ParseUint(from, 10, 64)
	if err != nil {
		return err
	}
	p.events, err = p.host.Subscribe(context.Background(), strings.Fields(types), n)
	return err
}

func (p *testPlugin) next(ctx context.Context) (rpcinterface.Value, error) {
	e, dropped, err := p.events.Next(ctx)
	return rpcinterface.Array{
		rpcinterface.Int(e.Sequence), rpcinterface.Int(dropped),
		rpcinterface.String(e.Event.Name), rpcinterface.String(e.Event.Payload),
	}, err
}

// next is the next event that the plugin x reads.
func (r *rig) next(t *testing.T) (sequence, dropped uint64, text string) {
	t.Helper()
	e := r.mustCall(t, "x.next").(rpcinterface.Array)
	return uint64(e[0].(rpcinterface.Int)), uint64(e[1].(rpcinterface.Int)), fmt.Sprintf("%v %q", e[2], e[3])
}

func (r *rig) wantNext(t *testing.T, want string) (sequence uint64) {
	t.Helper()
	sequence, dropped, got := r.next(t)
	if got != want || dropped > 0 {
		t.Errorf("read %s, %d dropped, want %s", got, dropped, want)
	}
	return sequence
}

// killFirst kills the plugin of the first section and waits until it runs again.
func (r *rig) killFirst(t *testing.T) {
	t.Helper()
	pid := r.List()[0].PID
	kill(t, rpcinterface.Int(pid), syscall.SIGKILL)
	await(t, "the plugin runs again", func() bool {
		info := r.List()[0]
		return info.State == Running && info.PID != pid
	})
}

func TestSubscribe(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{
		granted("x", rpcinterface.GrantEventsSubscribe), granted("y", rpcinterface.GrantEventsPublish),
	}}).withEvents(t).start(t)
	r.mustCall(t, "x.subscribe", "remote_communication PROCESS_GROUP", "0")
	r.engine.SendRemoteComm("type", "one")
	if err := r.engine.events.AddGroup(t.Context(), rpcinterface.GroupInfo{Name: "g"}, false); err != nil {
		t.Fatal(err)
	}
	r.mustCall(t, "y.publish", "type", "two\nlines")
	first := r.wantNext(t, `REMOTE_COMMUNICATION "type:type\none"`)
	r.wantNext(t, `PROCESS_GROUP_ADDED "groupname:g\n"`)
	last := r.wantNext(t, `REMOTE_COMMUNICATION "type:type\ntwo\nlines"`)
	if last != first+2 {
		t.Errorf("numbered from %d to %d", first, last)
	}

	// A plugin that was killed reads on where it was.
	r.mustCall(t, "x.subscribe", "REMOTE_COMMUNICATION", "0")
	r.killFirst(t)
	r.mustCall(t, "y.publish", "type", "three")
	r.mustCall(t, "x.subscribe", "REMOTE_COMMUNICATION", fmt.Sprint(last+1))
	if third := r.wantNext(t, `REMOTE_COMMUNICATION "type:type\nthree"`); third != last+1 {
		t.Errorf("number %d after %d", third, last)
	}
}

func TestSubscribeRefused(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{granted("x", rpcinterface.GrantEventsSubscribe), section("none", "ok")}}).
		withEvents(t).start(t)
	_, err := r.call(t, "none.subscribe", "EVENT", "0")
	wantFault(t, err, rpcinterface.CodeFailed,
		"FAILED: extension 'none' lacks the grant events:subscribe (plugin.grants of [rpcinterface:none])")
	_, err = r.call(t, "x.publish", "t", "d")
	wantFault(t, err, rpcinterface.CodeFailed, "FAILED: extension 'x' lacks the grant events:publish ")
	_, err = r.call(t, "x.subscribe", "TICK TICK_7", "0")
	wantFault(t, err, rpcinterface.CodeBadName, "BAD_NAME: TICK_7")
	_, err = r.call(t, "x.subscribe", "", "0")
	wantFault(t, err, rpcinterface.CodeIncorrectParameters, "no type of event is named")

	for range maxSubscriptions {
		r.mustCall(t, "x.subscribe", "EVENT", "0")
	}
	_, err = r.call(t, "x.subscribe", "EVENT", "0")
	wantFault(t, err, rpcinterface.CodeFailed, "extension 'x' has 16 subscriptions already")
}

// A process that ended gives its subscriptions back, even where another holds its
// sockets and events wait to be sent.
func TestSubscriptionsEndWithTheProcess(t *testing.T) {
	for _, c := range []struct {
		name       string
		grandchild bool
	}{{"alone", false}, {"a grandchild holds the sockets", true}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, Config{Specs: []core.ExtensionSpec{granted("x", rpcinterface.GrantEventsSubscribe)}}).withEvents(t).start(t)
			pid := r.mustCall(t, "x.pid")
			r.mustCall(t, "x.subscribe", "EVENT", "0")
			host := r.members[0].ext.latest.Load().host
			if len(host.reading) != 1 {
				t.Errorf("%d subscriptions", len(host.reading))
			}
			if c.grandchild {
				grandchild := r.mustCall(t, "x.grandchild", "sockets").(rpcinterface.Int)
				t.Cleanup(func() { syscall.Kill(int(grandchild), syscall.SIGKILL) })
			}
			for range 8 {
				r.engine.SendRemoteComm("large", strings.Repeat("x", 1<<20))
			}
			r.engine.passed(t)
			kill(t, pid, syscall.SIGKILL)
			await(t, "the subscription ends", func() bool { return len(host.reading) == 0 })
		})
	}
}

// However often a plugin is killed, it sees each event once, if it remembers which
// it has seen.
func TestResumeAfterKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "events")
	spec := section("x", "listen:"+file)
	spec.Grants = &rpcinterface.Grants{rpcinterface.GrantEventsSubscribe}
	r := newRig(t, Config{
		Specs:   []core.ExtensionSpec{spec},
		Restart: RestartPolicy{Healthy: 1, First: patience, Max: patience, Limit: 10},
	}).withEvents(t).start(t)
	seen := func() []string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	}
	const rounds, each = 3, 500
	for round := range rounds {
		for i := range each {
			r.engine.SendRemoteComm("t", fmt.Sprint(round*each+i))
		}
		await(t, "events are read", func() bool { return len(seen()) > round*each+each/10 })
		r.killFirst(t)
	}
	await(t, "all events are read", func() bool { return len(seen()) >= rounds*each })
	var first uint64
	for i, line := range seen() {
		var sequence, dropped uint64
		var text string
		if _, err := fmt.Sscanf(line, "%d %d %q", &sequence, &dropped, &text); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = sequence
		}
		if want := fmt.Sprintf("type:t\n%d", i); sequence != first+uint64(i) || dropped != 0 || text != want {
			t.Fatalf("line %d is %s", i, line)
		}
	}
}

// A plugin that does not read holds nobody up, and is told what it has missed.
func TestSlowSubscriber(t *testing.T) {
	r := newRig(t, Config{Specs: []core.ExtensionSpec{granted("x", rpcinterface.GrantEventsSubscribe)}}).withEvents(t).start(t)
	r.mustCall(t, "x.subscribe", "REMOTE_COMMUNICATION", "0")
	const sent = 20000
	filler := strings.Repeat("x", 1000)
	for range sent {
		r.engine.SendRemoteComm(filler, "")
	}
	r.engine.SendRemoteComm("the last", "")
	r.engine.passed(t)
	var read, missed uint64
	for last := uint64(0); ; read++ {
		sequence, dropped, text := r.next(t)
		if last > 0 && sequence != last+dropped+1 {
			t.Fatalf("event %d after %d, with %d dropped", sequence, last, dropped)
		}
		last = sequence
		missed += dropped
		if strings.Contains(text, "the last") {
			break
		}
	}
	if read+missed != sent || missed == 0 || read < 4000 {
		t.Errorf("%d read and %d missed of %d", read, missed, sent)
	}
}
