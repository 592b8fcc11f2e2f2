package wire_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
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

// strange is a plugin's side of a stream that somebody else has written.
type strange struct {
	pb.UnimplementedNamespaceServer
	calls func(pb.Namespace_CallsServer) error
}

func (s *strange) Describe(context.Context, *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	return &pb.DescribeResponse{Description: &pb.Description{CallStream: true}}, nil
}

func (s *strange) Configure(context.Context, *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	return &pb.ConfigureResponse{}, nil
}

func (s *strange) Calls(stream pb.Namespace_CallsServer) error { return s.calls(stream) }

// GRPCServer and GRPCClient make it a go-plugin.
func (s *strange) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	pb.RegisterNamespaceServer(server, s)
	return nil
}

func (s *strange) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errors.New("the other side")
}

// connect gives the host's view of it, described and configured.
func (s *strange) connect(t *testing.T, h rpcinterface.Host) rpcinterface.Plugin {
	t.Helper()
	cfg := wire.ServeConfig(&fakePlugin{}, hclog.NewNullLogger())
	cfg.VersionedPlugins[wire.Version1][wire.PluginName] = &struct {
		plugin.NetRPCUnsupportedPlugin
		*strange
	}{strange: s}
	raw, err := serve(t, cfg, &wire.Pipes{}).Dispense(wire.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	host := raw.(rpcinterface.Plugin)
	// Before it is described there is no stream.
	if err := host.Configure(timeout(t), rpcinterface.Config{Name: "x"}, h); err != nil {
		t.Fatal(err)
	}
	if _, err := host.Describe(timeout(t)); err != nil {
		t.Fatal(err)
	}
	return host
}

// TestStreamOfAPluginThatDoesNotRead: its callers leave at their own time, also where
// it answers what it has not read.
func TestStreamOfAPluginThatDoesNotRead(t *testing.T) {
	s := &strange{calls: func(stream pb.Namespace_CallsServer) error {
		first, err := stream.Recv()
		for id := uint64(1); err == nil; id++ {
			err = stream.Send(&pb.StreamedAnswer{Id: id%5000 + 1, Settle: true})
			if err == nil {
				err = stream.Send(&pb.StreamedAnswer{Id: first.Id + id%5000 + 1, Settle: true})
			}
		}
		return err
	}}
	host := s.connect(t, &fakeHost{})
	for range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, err := host.Call(ctx, &rpcinterface.Call{Params: []rpcinterface.Value{rpcinterface.Bytes(make([]byte, 1000))}})
		cancel()
		// Those for which the stream has no room are called by themselves, which this
		// plugin does not offer.
		if !errors.Is(err, context.DeadlineExceeded) && !isFault(err, rpcinterface.CodeFailed, "FAILED: Namespace.Call is not offered by the other side") {
			t.Fatalf("got %v", err)
		}
	}
}

// TestStreamWithStrangeVerbs: what is no verb, is not asked for or not allowed is not done.
func TestStreamWithStrangeVerbs(t *testing.T) {
	request, err := proto.Marshal(&pb.RemoveProcessRequest{Group: "g", Process: "p"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		answer *pb.StreamedAnswer
		fault  string
	}{
		"unknown":      {&pb.StreamedAnswer{Verb: "Explode"}, "FAILED: Host.Explode is not offered by the other side"},
		"a stream":     {&pb.StreamedAnswer{Verb: "Subscribe"}, "FAILED: Host.Subscribe is not offered by the other side"},
		"a full name":  {&pb.StreamedAnswer{Verb: "/plugvisor.rpcinterface.v1.Host/RemoveProcess", VerbRequest: request}, "FAILED: Host./plugvisor.rpcinterface.v1.Host/RemoveProcess is not offered by the other side"},
		"an error too": {&pb.StreamedAnswer{Verb: "RemoveProcess", VerbRequest: request, Code: uint32(codes.Unimplemented)}, "FAILED: Namespace.Call is not offered by the other side"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &fakeHost{}
			host := answering(test.answer).connect(t, h)
			if _, err := host.Call(timeout(t), &rpcinterface.Call{}); !isFault(err, rpcinterface.CodeFailed, test.fault) {
				t.Errorf("got %v", err)
			}
			if h.verb != "" {
				t.Errorf("the host was asked for %s", h.verb)
			}
		})
	}
	t.Run("of a result", func(t *testing.T) {
		h := &fakeHost{}
		host := answering(&pb.StreamedAnswer{Verb: "RemoveProcess", VerbRequest: request}).connect(t, h)
		if ok, err := host.HandleResult(timeout(t), "h", rpcinterface.Event{}, nil); ok || err == nil || h.verb != "" {
			t.Errorf("got %v, %v, asked for %q", ok, err, h.verb)
		}
	})
	t.Run("twice", func(t *testing.T) {
		h := &fakeHost{}
		answer := &pb.StreamedAnswer{Verb: "RemoveProcess", VerbRequest: request}
		host := answering(answer, answer).connect(t, h)
		for range 3 {
			h.verb = ""
			if _, err := host.Call(timeout(t), &rpcinterface.Call{}); err != nil || h.verb != "RemoveProcess" {
				t.Errorf("got %v, asked for %q", err, h.verb)
			}
		}
		if h.asked != 3 {
			t.Errorf("asked %d times", h.asked)
		}
	})
}

// answering is a plugin that gives these answers to each call.
func answering(answers ...*pb.StreamedAnswer) *strange {
	return &strange{calls: func(stream pb.Namespace_CallsServer) error {
		for {
			call, err := stream.Recv()
			for _, a := range answers {
				if err == nil && call.Method != "" {
					own := proto.Clone(a).(*pb.StreamedAnswer)
					own.Id = call.Id
					err = stream.Send(own)
				}
			}
			if err != nil {
				return err
			}
		}
	}}
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
