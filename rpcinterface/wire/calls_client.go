package wire

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// maxUnanswered is how many bytes of calls a stream may have sent that were not
// answered; what comes on top is called without the stream. It is less than what
// gRPC takes for a stream before it lets the sender wait (64 KiB), so that nobody
// ever waits for a side that does not read.
const maxUnanswered = 32 << 10

// callOverhead is more than what a call takes beside its request: its number,
// method, timeout and frames, its cancelling, and the end of its verb.
const callOverhead = 128

// callConn is a connection whose calls share a stream where the other side offers
// one (calls.proto). Its methods may be used by many goroutines at once.
type callConn struct {
	conn    *grpc.ClientConn
	ended   context.Context // ends the stream
	service string          // "/package.Service/"

	mu      sync.Mutex
	offered bool
	verbs   *service // does the verbs that are answers; nil: none are taken
	stream  *callStream
}

var _ grpc.ClientConnInterface = (*callConn)(nil)

func newCallConn(ended context.Context, conn *grpc.ClientConn, desc *grpc.ServiceDesc) *callConn {
	return &callConn{conn: conn, ended: ended, service: "/" + desc.ServiceName + "/"}
}

// offer says whether the other side serves a stream.
func (c *callConn) offer(offered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offered = offered
}

// doVerbs says who does the verbs that calls are answered with.
func (c *callConn) doVerbs(verbs *service) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verbs = verbs
}

func (c *callConn) verbDoer() *service {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.verbs
}

// NewStream opens a stream of the service, as the connection does.
func (c *callConn) NewStream(ctx context.Context, desc *grpc.StreamDesc, method string, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return c.conn.NewStream(ctx, desc, method, opts...)
}

// Invoke makes a call, on the stream if there is one and the call fits. Errors are
// gRPC's, but for the *rpcinterface.Fault of the verb that a call was answered with.
func (c *callConn) Invoke(ctx context.Context, method string, request, response any, opts ...grpc.CallOption) error {
	if stream := c.open(); stream != nil {
		err := stream.invoke(ctx, strings.TrimPrefix(method, c.service), request.(proto.Message), response.(proto.Message))
		if !errors.Is(err, errNotStreamed) {
			return err
		}
	}
	return c.conn.Invoke(ctx, method, request, response, opts...)
}

// open gives the stream, nil where there is none to be had at once. It is opened for
// the first call, and again where it has ended.
func (c *callConn) open() *callStream {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.offered {
		return nil
	}
	if c.stream == nil || c.stream.over() {
		if c.conn.GetState() != connectivity.Ready {
			return nil // to open one would wait for the connection
		}
		stream, err := c.newStream()
		if err != nil {
			return nil
		}
		c.stream = stream
	}
	return c.stream
}

func (c *callConn) newStream() (*callStream, error) {
	ctx, cancel := context.WithCancel(c.ended)
	desc := &grpc.StreamDesc{StreamName: "Calls", ServerStreams: true, ClientStreams: true}
	stream, err := c.conn.NewStream(ctx, desc, c.service+"Calls", grpc.StaticMethod())
	if err != nil {
		cancel()
		return nil, err
	}
	s := &callStream{conn: c, stream: stream, calls: map[uint64]*streamedCall{}}
	go func() {
		defer cancel()
		s.fail(s.receive())
	}()
	return s, nil
}

// callStream is the calls that share a stream.
type callStream struct {
	conn    *callConn
	stream  grpc.ClientStream
	settled settlements

	sending sync.Mutex // gRPC has one sender at a time
	out     pb.StreamedCall

	mu         sync.Mutex
	calls      map[uint64]*streamedCall // not answered
	unanswered int                      // their bytes
	err        error                    // why the stream ended
}

// streamedCall is one call on a stream.
type streamedCall struct {
	size     int
	left     bool                // nobody waits for the answer
	answered chan streamedAnswer // has room for one
}

type streamedAnswer struct {
	response []byte
	err      error

	verb        string // the answer is this verb's, see StreamedAnswer
	verbRequest []byte
	settle      bool
}

// errNotStreamed: the call was not made, and has to be made without the stream.
var errNotStreamed = errors.New("not on the stream")

func (s *callStream) invoke(ctx context.Context, method string, request, response proto.Message) error {
	var timeout time.Duration
	if deadline, ok := ctx.Deadline(); ok {
		if timeout = time.Until(deadline); timeout <= 0 {
			return status.FromContextError(context.DeadlineExceeded).Err()
		}
	}
	id, call := s.begin(proto.Size(request) + callOverhead)
	if call == nil {
		return errNotStreamed
	}
	s.send(id, method, request, timeout)
	select {
	case a := <-call.answered:
		return s.finish(ctx, id, a, response)
	case <-ctx.Done():
		if !s.leave(id) {
			s.drop(id, <-call.answered)
		}
		s.send(id, "", nil, 0)
		return status.FromContextError(ctx.Err()).Err()
	}
}

// finish makes an answer the call's, and first does the verb that may be in it. The
// error may be the verb's fault.
func (s *callStream) finish(ctx context.Context, id uint64, a streamedAnswer, response proto.Message) error {
	if a.err != nil {
		return a.err
	}
	if a.verb != "" {
		begun := ctx.Err() == nil
		fault := s.doVerb(ctx, a, response)
		if a.settle {
			s.settled.add(id, fault, s.tell)
		}
		if fault != nil && begun && ctx.Err() != nil {
			return status.FromContextError(ctx.Err()).Err() // it may go on
		}
		if fault != nil {
			return fault
		}
	}
	if err := proto.Unmarshal(a.response, response); err != nil {
		return status.Errorf(codes.Internal, "cannot decode the answer: %v", err)
	}
	return nil
}

// drop is for an answer that nobody waits for: its verb is not done.
func (s *callStream) drop(id uint64, a streamedAnswer) {
	if a.settle {
		s.settled.add(id, rpcinterface.NewFault(rpcinterface.CodeFailed), s.tell)
	}
}

// tell sends what was settled and has waited for a call to go with.
func (s *callStream) tell() {
	if s.settled.any() {
		s.send(0, "", nil, 0)
	}
}

// begin enters a call; nil where it has to be made without the stream.
func (s *callStream) begin(size int) (uint64, *streamedCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil || s.unanswered+size > maxUnanswered {
		return 0, nil
	}
	// A number that cannot be guessed is answered by nobody who has not read the call:
	// unanswered is what may not be read.
	id := rand.Uint64()
	for id == 0 || s.calls[id] != nil {
		id = rand.Uint64()
	}
	call := &streamedCall{size: size, answered: make(chan streamedAnswer, 1)}
	s.calls[id] = call
	s.unanswered += size
	return id, call
}

// send sends a call, or without a method the end of one. What goes wrong with the
// stream is told by receive.
func (s *callStream) send(id uint64, method string, request proto.Message, timeout time.Duration) {
	s.sending.Lock()
	defer s.sending.Unlock()
	m := &s.out
	m.Id, m.Method, m.Timeout, m.Settled = id, method, int64(timeout), s.settled.take()
	m.Request, _ = proto.MarshalOptions{}.MarshalAppend(m.Request[:0], request)
	s.stream.SendMsg(m)
}

// receive hands out the answers until the stream ends, and gives the reason.
func (s *callStream) receive() error {
	var m pb.StreamedAnswer
	for {
		if err := s.stream.RecvMsg(&m); err != nil {
			return err
		}
		call := s.take(m.Id)
		if call == nil {
			continue
		}
		a := streamedAnswer{
			response: m.Response, err: status.Error(codes.Code(m.Code), m.Message),
			verb: m.Verb, verbRequest: m.VerbRequest, settle: m.Settle,
		}
		if call.left {
			s.drop(m.Id, a)
		} else {
			call.answered <- a
		}
	}
}

// leave says that nobody waits for the answer of a call. It is false where that was
// received already.
func (s *callStream) leave(id uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	call, ok := s.calls[id]
	if ok {
		call.left = true
	}
	return ok
}

func (s *callStream) take(id uint64) *streamedCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	call, ok := s.calls[id]
	if !ok {
		return nil
	}
	delete(s.calls, id)
	s.unanswered -= call.size
	return call
}

// fail ends the calls that are not answered, and lets none begin.
func (s *callStream) fail(err error) {
	if errors.Is(err, io.EOF) {
		err = status.Error(codes.Unavailable, "the other side ended the stream of calls")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	for _, call := range s.calls {
		call.answered <- streamedAnswer{err: err}
	}
	clear(s.calls)
}

func (s *callStream) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}
