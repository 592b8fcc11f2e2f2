package wire_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// ending connects a host to a plugin whose calls end with what last says.
func ending(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin, last func() *rpcinterface.Last) (rpcinterface.Plugin, *fakeHost) {
	t.Helper()
	p := &fakePlugin{call: func(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		if call.Method == "other" {
			return rpcinterface.Int(1), nil
		}
		return nil, last()
	}}
	host, h := connect(p), &fakeHost{}
	if err := host.Configure(timeout(t), rpcinterface.Config{Name: "x"}, h); err != nil {
		t.Fatal(err)
	}
	return host, h
}

func removal(ctx context.Context, host rpcinterface.Host) error {
	return host.RemoveProcess(ctx, "g", "p")
}

// TestLast: the verb that a call ends with is done once, its fault is the call's, and
// who wants to know of its end does before the next call is served.
func TestLast(t *testing.T) { bothWays(t, testLast) }

func testLast(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin) {
	ends := make(chan error, 10)
	host, h := ending(t, connect, func() *rpcinterface.Last {
		return &rpcinterface.Last{Verb: removal, Result: rpcinterface.String("gone"), Then: func(err error) { ends <- err }}
	})
	told := func() error {
		t.Helper()
		if _, err := host.Call(timeout(t), &rpcinterface.Call{Method: "other"}); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ends:
			return err
		default:
			t.Fatal("the next call was served before the end was told")
			return nil
		}
	}
	for range 3 {
		got, err := host.Call(timeout(t), &rpcinterface.Call{})
		if err != nil || got != rpcinterface.String("gone") {
			t.Errorf("got %v, %v", got, err)
		}
		if h.verb != "RemoveProcess" || h.args[0] != "g" || h.args[1] != "p" {
			t.Errorf("the host was asked for %s %v", h.verb, h.args)
		}
		if err := told(); err != nil {
			t.Errorf("told %v", err)
		}
	}
	h.err = rpcinterface.NewFault(rpcinterface.CodeStillRunning, "p")
	if _, err := host.Call(timeout(t), &rpcinterface.Call{}); !isFault(err, rpcinterface.CodeStillRunning, "STILL_RUNNING: p") {
		t.Errorf("got %v", err)
	}
	if fault := rpcinterface.AsFault(told()); fault.Code != rpcinterface.CodeStillRunning {
		t.Errorf("told %v", fault)
	}
}

// TestLastIsDoneByThePlugin where the host cannot be left with it.
func TestLastIsDoneByThePlugin(t *testing.T) {
	bothWays(t, func(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin) {
		large := strings.Repeat("x", 64<<10)
		for _, test := range []struct {
			what string
			verb func(context.Context, rpcinterface.Host) error
			want string // the last of the host's verbs
			err  string
		}{
			{"a large request", func(ctx context.Context, host rpcinterface.Host) error {
				return host.RemoveGroup(ctx, large)
			}, "RemoveGroup", ""},
			{"two verbs", func(ctx context.Context, host rpcinterface.Host) error {
				return errors.Join(removal(ctx, host), host.RemoveGroup(ctx, "g"))
			}, "RemoveGroup", ""},
			{"an error that is not handed on", func(ctx context.Context, host rpcinterface.Host) error {
				_ = host.RemoveProcess(ctx, "g", "p")
				return nil
			}, "RemoveProcess", ""},
			{"no verb", func(context.Context, rpcinterface.Host) error { return errors.New("none") }, "", "FAILED: none"},
		} {
			t.Run(test.what, func(t *testing.T) {
				ended := make(chan error, 2)
				host, h := ending(t, connect, func() *rpcinterface.Last {
					return &rpcinterface.Last{Verb: test.verb, Result: rpcinterface.Int(7), Then: func(err error) { ended <- err }}
				})
				got, err := host.Call(timeout(t), &rpcinterface.Call{})
				told := <-ended
				if len(ended) > 0 {
					t.Error("told twice")
				}
				if h.verb != test.want {
					t.Errorf("the host was asked for %s", h.verb)
				}
				if test.err != "" {
					if !isFault(err, rpcinterface.CodeFailed, test.err) || told == nil {
						t.Errorf("got %v, told %v", err, told)
					}
					return
				}
				if err != nil || got != rpcinterface.Int(7) || told != nil {
					t.Errorf("got %v, %v, told %v", got, err, told)
				}
			})
		}
	})
}

// TestLastWhoseResultCannotBePassed: nothing is done then.
func TestLastWhoseResultCannotBePassed(t *testing.T) {
	bothWays(t, func(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin) {
		host, h := ending(t, connect, func() *rpcinterface.Last {
			return &rpcinterface.Last{Verb: removal, Result: nest(wire.MaxDepth + 1)}
		})
		if _, err := host.Call(timeout(t), &rpcinterface.Call{}); rpcinterface.AsFault(err).Code != rpcinterface.CodeFailed {
			t.Errorf("got %v", err)
		}
		if h.verb != "" {
			t.Errorf("the host was asked for %s", h.verb)
		}
	})
}

// TestLastWithALargeResult: nothing is done, and other calls of the stream go on.
func TestLastWithALargeResult(t *testing.T) {
	began, release := make(chan bool), make(chan bool)
	p := &fakePlugin{call: func(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		if call.Method == "slow" {
			began <- true
			<-release
			return rpcinterface.Int(1), nil
		}
		return nil, &rpcinterface.Last{Verb: removal, Result: rpcinterface.Bytes(make([]byte, rpcinterface.MaxMessage))}
	}}
	host, h := streaming(t, p), &fakeHost{}
	if err := host.Configure(timeout(t), rpcinterface.Config{Name: "x"}, h); err != nil {
		t.Fatal(err)
	}
	slow := make(chan error)
	go func() {
		_, err := host.Call(timeout(t), &rpcinterface.Call{Method: "slow"})
		slow <- err
	}()
	<-began
	_, err := host.Call(timeout(t), &rpcinterface.Call{})
	if !isFault(err, rpcinterface.CodeFailed, "FAILED: Namespace.Call: message larger than 16777216 bytes") || h.verb != "" {
		t.Errorf("got %v, asked for %q", err, h.verb)
	}
	close(release)
	if err := <-slow; err != nil {
		t.Errorf("the other call: %v", err)
	}
}

// TestLastWhereTheStreamIsOlderThanTheHost is done all the same.
func TestLastWhereTheStreamIsOlderThanTheHost(t *testing.T) {
	host, h := ending(t, func(p *fakePlugin) rpcinterface.Plugin {
		host := streaming(t, p)
		if _, err := host.Describe(timeout(t)); err != nil { // over the stream
			t.Fatal(err)
		}
		return host
	}, func() *rpcinterface.Last { return &rpcinterface.Last{Verb: removal, Result: rpcinterface.Int(1)} })
	if _, err := host.Call(timeout(t), &rpcinterface.Call{}); err != nil || h.verb != "RemoveProcess" {
		t.Errorf("got %v, asked for %q", err, h.verb)
	}
}

// TestLastOfACallThatIsOver is not done, and the plugin is told so without another call.
func TestLastOfACallThatIsOver(t *testing.T) {
	began, release, told := make(chan bool, 1), make(chan bool), make(chan error, 1)
	host, h := ending(t, func(p *fakePlugin) rpcinterface.Plugin { return streaming(t, p) }, func() *rpcinterface.Last {
		began <- true
		<-release
		return &rpcinterface.Last{Verb: removal, Then: func(err error) { told <- err }}
	})
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := host.Call(ctx, &rpcinterface.Call{})
		failed <- err
	}()
	<-began
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	close(release)
	select {
	case err := <-told:
		if err == nil {
			t.Error("told that it was done")
		}
	case <-timeout(t).Done():
		t.Fatal("told nothing")
	}
	if h.verb != "" {
		t.Errorf("the host was asked for %s", h.verb)
	}
}

// TestLastIsToldWithoutAnotherCall, when it was done.
func TestLastIsToldWithoutAnotherCall(t *testing.T) {
	told := make(chan error, 1)
	host, _ := ending(t, func(p *fakePlugin) rpcinterface.Plugin { return streaming(t, p) }, func() *rpcinterface.Last {
		return &rpcinterface.Last{Verb: removal, Then: func(err error) { told <- err }}
	})
	if _, err := host.Call(timeout(t), &rpcinterface.Call{}); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-told:
		if err != nil {
			t.Errorf("told %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("told nothing")
	}
}

// TestLastWhoseHostLeaves: how it ended is unknown then.
func TestLastWhoseHostLeaves(t *testing.T) {
	told := make(chan error, 1)
	p := &fakePlugin{call: func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
		return nil, &rpcinterface.Last{Verb: removal, Result: rpcinterface.Int(1), Then: func(err error) { told <- err }}
	}}
	conn := served(t, p)
	raw, err := conn.Dispense(wire.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.(rpcinterface.Plugin).Configure(timeout(t), rpcinterface.Config{Name: "x"}, &fakeHost{}); err != nil {
		t.Fatal(err)
	}
	stream, err := pb.NewNamespaceClient(conn.Conn).Calls(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pb.StreamedCall{Id: 7, Method: "Call"}); err != nil {
		t.Fatal(err)
	}
	answer, err := stream.Recv()
	if err != nil || answer.Id != 7 || answer.Verb != "RemoveProcess" || !answer.Settle || len(answer.Response) == 0 {
		t.Errorf("answered %v, %v", answer, err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := <-told; err == nil || !strings.Contains(err.Error(), "unknown") {
		t.Errorf("told %v", err)
	}
}
