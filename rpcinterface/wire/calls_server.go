package wire

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// largestKept is how large a buffer for messages may be that is used again, in bytes.
const largestKept = 64 << 10

// serveCalls serves the calls of one stream to a service until the other side ends
// it (calls.proto).
func serveCalls(stream grpc.ServerStream, service *service) error {
	ctx, cancel := context.WithCancel(context.WithValue(stream.Context(), streamedKey{}, true))
	s := &servedCalls{
		stream:  stream,
		service: service,
		idle:    make(chan func()),
		cancels: map[uint64]context.CancelFunc{},
	}
	s.unsettled.then = map[uint64]func(error){}
	defer s.unsettled.abandon()
	defer s.running.Wait()
	defer close(s.idle)
	defer cancel()
	var m pb.StreamedCall
	for {
		if err := stream.RecvMsg(&m); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for _, end := range m.Settled {
			s.unsettled.settle(end)
		}
		if m.Method == "" {
			s.cancel(m.Id)
			continue
		}
		s.begin(ctx, servedCall{id: m.Id, method: m.Method, request: m.Request}, time.Duration(m.Timeout))
	}
}

type streamedKey struct{}

// streamed says whether what ctx belongs to came over a stream of calls.
func streamed(ctx context.Context) bool { return ctx.Value(streamedKey{}) != nil }

// service is what serves the methods of a service that have one request and one
// response.
type service struct {
	server  any
	methods map[string]grpc.MethodHandler
}

func newService(desc *grpc.ServiceDesc, server any) *service {
	s := &service{server: server, methods: map[string]grpc.MethodHandler{}}
	for _, m := range desc.Methods {
		s.methods[m.MethodName] = m.Handler
	}
	return s
}

// serve calls a method by its bare name. Errors are gRPC's, or the server's own.
func (s *service) serve(ctx context.Context, name string, request []byte) (proto.Message, error) {
	method, ok := s.methods[name]
	if !ok {
		return nil, status.Error(codes.Unimplemented, "there is no method "+name)
	}
	response, err := method(s.server, ctx, func(m any) error {
		if err := proto.Unmarshal(request, m.(proto.Message)); err != nil {
			return status.Errorf(codes.Internal, "cannot decode the request: %v", err)
		}
		return nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return response.(proto.Message), nil
}

// servedCalls is the calls of one stream on the side that answers them.
type servedCalls struct {
	stream  grpc.ServerStream
	service *service

	unsettled unsettled

	sending sync.Mutex // gRPC has one sender at a time
	out     pb.StreamedAnswer

	running sync.WaitGroup // goroutines
	idle    chan func()    // those that wait for a call take one from here
	workers int            // how many there are that do

	mu      sync.Mutex
	cancels map[uint64]context.CancelFunc
}

type servedCall struct {
	id      uint64
	method  string
	request []byte
}

// begin serves a call on a goroutine.
func (s *servedCalls) begin(ctx context.Context, call servedCall, timeout time.Duration) {
	var cancel context.CancelFunc
	if timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, timeout)
	} else {
		ctx, cancel = context.WithCancel(ctx)
	}
	s.mu.Lock()
	s.cancels[call.id] = cancel
	s.mu.Unlock()
	serve := func() {
		response, err := s.serve(ctx, call)
		s.cancel(call.id)
		s.answer(call.id, response, err)
	}
	select {
	case s.idle <- serve:
		return
	default:
	}
	if s.workers == streamWorkers {
		s.running.Go(serve)
		return
	}
	s.workers++
	s.running.Go(func() {
		serve()
		for serve := range s.idle {
			serve()
		}
	})
}

func (s *servedCalls) serve(ctx context.Context, call servedCall) (proto.Message, error) {
	m, err := s.service.serve(ctx, call.method, call.request)
	verb, last := err.(*verbAnswer)
	if last {
		m = verb.response
	} else if err != nil {
		return nil, err
	}
	size := proto.Size(m)
	if last {
		size += len(verb.request)
	}
	if size > rpcinterface.MaxMessage-callOverhead {
		return nil, status.Errorf(codes.ResourceExhausted, "an answer of %d bytes is too large", size)
	}
	return m, err
}

// answer sends an answer. Where that fails the other side is gone, and the stream
// has ended.
func (s *servedCalls) answer(id uint64, response proto.Message, err error) {
	verb, last := err.(*verbAnswer)
	if last {
		response, err = verb.response, nil
		if verb.then != nil {
			s.unsettled.await(id, verb.then)
		}
	} else {
		verb = &verbAnswer{}
	}
	result, ok := status.FromError(err)
	if !ok {
		result = status.FromContextError(err)
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	m := &s.out
	m.Id, m.Code, m.Message = id, uint32(result.Code()), text(result.Message())
	m.Verb, m.VerbRequest, m.Settle = verb.method, verb.request, verb.then != nil
	if m.Response = m.Response[:0]; cap(m.Response) > largestKept {
		m.Response = nil
	}
	if err == nil {
		m.Response, _ = proto.MarshalOptions{}.MarshalAppend(m.Response, response)
	}
	s.stream.SendMsg(m)
}

// cancel ends the context of a call, if it is still served.
func (s *servedCalls) cancel(id uint64) {
	s.mu.Lock()
	cancel, ok := s.cancels[id]
	delete(s.cancels, id)
	s.mu.Unlock()
	if ok {
		cancel()
	}
}
