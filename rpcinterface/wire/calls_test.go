package wire_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// TestStreamCallsRunTogether: calls do not wait for each other, however many there
// are, and each has its own answer.
func TestStreamCallsRunTogether(t *testing.T) {
	const n = 500 // more than a stream takes before calls go without it
	var all sync.WaitGroup
	all.Add(n)
	p := &fakePlugin{call: func(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		all.Done()
		all.Wait()
		return rpcinterface.String(call.Method), nil
	}}
	host, ctx := streaming(t, p), timeout(t)
	var callers sync.WaitGroup
	for i := range n {
		callers.Go(func() {
			method := fmt.Sprintf("m%d", i)
			got, err := host.Call(ctx, &rpcinterface.Call{Method: method, Token: strings.Repeat("t", 100)})
			if err != nil || got != rpcinterface.String(method) {
				t.Errorf("%s: %v, %v", method, got, err)
			}
		})
	}
	callers.Wait()
}

// TestStreamTellsThatTheCallerLeft: the plugin's method learns of it, and only that
// method.
func TestStreamTellsThatTheCallerLeft(t *testing.T) {
	began, left := make(chan string), make(chan string)
	p := &fakePlugin{call: func(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		began <- call.Method
		<-ctx.Done()
		left <- call.Method
		return nil, ctx.Err()
	}}
	host := streaming(t, p)
	stay, goNow := context.WithCancel(t.Context())
	go host.Call(stay, &rpcinterface.Call{Method: "stays"})
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() {
		_, err := host.Call(ctx, &rpcinterface.Call{Method: "leaves"})
		failed <- err
	}()
	<-began
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := <-left; got != "leaves" {
		t.Errorf("%s was cancelled", got)
	}
	goNow()
	if got := <-left; got != "stays" {
		t.Errorf("%s was cancelled", got)
	}
}

// TestStreamDoesNotWaitForAPluginThatHangs: callers leave at their own time, however
// many have left before.
func TestStreamDoesNotWaitForAPluginThatHangs(t *testing.T) {
	release := make(chan struct{})
	p := &fakePlugin{call: func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
		<-release
		return rpcinterface.Nil{}, nil
	}}
	host := streaming(t, p)
	for range 300 {
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			_, err := host.Call(ctx, &rpcinterface.Call{Params: []rpcinterface.Value{rpcinterface.Bytes(make([]byte, 1000))}})
			failed <- err
		}()
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	}
	close(release)
	if _, err := host.Call(timeout(t), &rpcinterface.Call{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestStreamAnswersWhatItDoesNotUnderstand: one bad call is answered and does not end
// the stream.
func TestStreamAnswersWhatItDoesNotUnderstand(t *testing.T) {
	p := &fakePlugin{call: func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
		return rpcinterface.Int(7), nil
	}}
	stream, err := pb.NewNamespaceClient(served(t, p).Conn).Calls(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		call *pb.StreamedCall
		code codes.Code
	}{
		{&pb.StreamedCall{Method: "Calls"}, codes.Unimplemented},
		{&pb.StreamedCall{Method: "/plugvisor.rpcinterface.v1.Namespace/Call"}, codes.Unimplemented},
		{&pb.StreamedCall{Method: "Call", Request: []byte{0xff}}, codes.Internal},
		{&pb.StreamedCall{Method: "Call", Timeout: -1}, codes.OK},
	} {
		test.call.Id = uint64(i)
		if err := errors.Join(stream.Send(&pb.StreamedCall{Id: 99}), stream.Send(test.call)); err != nil {
			t.Fatal(err)
		}
		got, err := stream.Recv()
		if err != nil {
			t.Fatal(err)
		}
		if got.Id != test.call.Id || codes.Code(got.Code) != test.code {
			t.Errorf("%v: got %v", test.call, got)
		}
	}
}

func BenchmarkCall(b *testing.B) {
	p := &fakePlugin{call: func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
		return rpcinterface.String("1.0"), nil
	}}
	for name, connect := range map[string]func(testing.TB, *fakePlugin) rpcinterface.Plugin{
		"unary":  func(t testing.TB, p *fakePlugin) rpcinterface.Plugin { return connect(t, p) },
		"stream": streaming,
		"pipes":  overPipes,
	} {
		b.Run(name, func(b *testing.B) {
			host := connect(b, p)
			call := &rpcinterface.Call{Method: "getAPIVersion", Token: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := host.Call(b.Context(), call); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			host := connect(b, p)
			call := &rpcinterface.Call{Method: "getAPIVersion", Token: "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := host.Call(b.Context(), call); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
