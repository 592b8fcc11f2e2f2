package wire

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// largestVerb is how many bytes the request of a verb may have that is an answer. For
// larger ones one trip more does not matter.
const largestVerb = 32 << 10

// verbAnswer is the error of Namespace.Call, on a stream, whose answer is a verb
// (StreamedAnswer.verb).
type verbAnswer struct {
	method   string
	request  []byte
	response *pb.CallResponse // where the verb has no fault
	then     func(error)      // nil: nobody asks how it ends
}

func (*verbAnswer) Error() string { return "the answer is a verb" }

// noted is a connection that makes no call but notes what it would have been.
type noted struct {
	calls   int
	method  string
	request proto.Message
}

var _ grpc.ClientConnInterface = (*noted)(nil)

var errNoted = errors.New("the last verb of a call has no result for its plugin, and there is one of them")

func (n *noted) Invoke(_ context.Context, method string, request, _ any, _ ...grpc.CallOption) error {
	n.calls++
	n.method, n.request = method[strings.LastIndexByte(method, '/')+1:], request.(proto.Message)
	return errNoted
}

func (n *noted) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return nil, errNoted
}

// note has a call's last verb written down. ok is false where it has to be done by the
// plugin: it is large, or not one verb whose error is handed on.
func note(ctx context.Context, last *rpcinterface.Last) (a *verbAnswer, ok bool) {
	var n noted
	err := last.Verb(ctx, &hostClient{client: pb.NewHostClient(&n)})
	if n.calls != 1 || !errors.Is(err, errNoted) {
		return nil, false
	}
	request, err := proto.Marshal(n.request)
	if err != nil || len(request) > largestVerb {
		return nil, false
	}
	return &verbAnswer{method: n.method, request: request, then: last.Then}, true
}

// doVerb does the verb of an answer, and gives its fault. One whose call is over is not
// begun.
func (s *callStream) doVerb(ctx context.Context, a streamedAnswer, response proto.Message) *rpcinterface.Fault {
	verbs := s.conn.verbDoer()
	_, allowed := response.(*pb.CallResponse)
	switch {
	case verbs == nil || !allowed:
		return rpcinterface.NewFault(rpcinterface.CodeFailed, "the answer is a verb, which was not offered")
	case ctx.Err() != nil:
		return rpcinterface.NewFault(rpcinterface.CodeFailed, "Host."+a.verb+" was not called: the call was over")
	}
	done, err := verbs.serve(ctx, a.verb, a.verbRequest)
	if err != nil {
		return rpcinterface.AsFault(outcome("Host."+a.verb, err, nil))
	}
	if refused, ok := done.(interface{ GetFault() *pb.Fault }); ok {
		return rpcinterface.AsFault(decodeFault(refused.GetFault()))
	}
	return nil
}

// settlements are ends of verbs that are to be told to the plugin: soon, and before any
// call that comes later on the stream.
type settlements struct {
	mu    sync.Mutex
	open  []*pb.Settled
	timer bool // tell runs before long
}

// settleDelay is how long the end of a verb waits for a call that it can be told with.
const settleDelay = 100 * time.Millisecond

// add keeps an end for the next message, and has tell make one where none comes.
func (s *settlements) add(id uint64, fault *rpcinterface.Fault, tell func()) {
	end := &pb.Settled{Id: id}
	if fault != nil {
		end.Fault = int64(fault.Code)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = append(s.open, end)
	if !s.timer {
		s.timer = true
		time.AfterFunc(settleDelay, func() {
			s.mu.Lock()
			s.timer = false
			s.mu.Unlock()
			tell()
		})
	}
}

// any says whether there are some that were not told.
func (s *settlements) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open) > 0
}

// take gives those that were not told.
func (s *settlements) take() []*pb.Settled {
	s.mu.Lock()
	defer s.mu.Unlock()
	open := s.open
	s.open = nil
	return open
}

// unsettled are the verbs of answers whose ends the plugin wants to know.
type unsettled struct {
	mu   sync.Mutex
	then map[uint64]func(error)
}

func (u *unsettled) await(id uint64, then func(error)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.then[id] = then
}

func (u *unsettled) settle(end *pb.Settled) {
	u.mu.Lock()
	then, ok := u.then[end.Id]
	delete(u.then, end.Id)
	u.mu.Unlock()
	if !ok {
		return
	}
	if end.Fault == 0 {
		then(nil)
		return
	}
	then(rpcinterface.NewFault(int(end.Fault)))
}

// abandon tells those who wait that nobody will know.
func (u *unsettled) abandon() {
	u.mu.Lock()
	open := u.then
	u.then = nil
	u.mu.Unlock()
	for _, then := range open {
		then(errUnsettled)
	}
}

var errUnsettled = errors.New("the supervisor has left; how the verb ended is unknown")
