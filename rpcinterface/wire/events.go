package wire

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

func encodeEvent(e rpcinterface.Event) *pb.Event {
	return &pb.Event{
		Name:    text(e.Name),
		Payload: e.Payload,
		Group:   text(e.Group),
		Process: text(e.Process),
	}
}

func decodeEvent(e *pb.Event) rpcinterface.Event {
	return rpcinterface.Event{
		Name:    e.GetName(),
		Payload: e.GetPayload(),
		Group:   e.GetGroup(),
		Process: e.GetProcess(),
	}
}

// Subscribe sends events as the plugin takes them: what it does not take waits
// where the host keeps it, and is dropped and counted there. An event that fits
// into no message is counted as dropped too.
func (s *hostServer) Subscribe(r *pb.SubscribeRequest, stream grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
	ctx := stream.Context()
	events, err := s.host.Subscribe(ctx, r.GetTypes(), r.GetFrom())
	if err != nil {
		return stream.Send(&pb.SubscribeResponse{Part: &pb.SubscribeResponse_Fault{Fault: encodeFault(err)}})
	}
	defer events.Close()
	if err := stream.Send(&pb.SubscribeResponse{Part: &pb.SubscribeResponse_Subscribed{Subscribed: &pb.Subscribed{}}}); err != nil {
		return err
	}
	var lost uint64
	for {
		e, dropped, err := events.Next(ctx)
		if err != nil {
			return nil
		}
		lost += dropped
		message := &pb.SubscribeResponse{Part: &pb.SubscribeResponse_Event{Event: &pb.SequencedEvent{
			Sequence: e.Sequence, Event: encodeEvent(e.Event), Dropped: lost,
		}}}
		if proto.Size(message) > rpcinterface.MaxMessage {
			lost++
			continue
		}
		if err := stream.Send(message); err != nil {
			return err
		}
		lost = 0
	}
}

func (s *hostServer) Publish(ctx context.Context, r *pb.PublishRequest) (*pb.PublishResponse, error) {
	err := s.host.Publish(ctx, r.GetType(), r.GetData())
	return &pb.PublishResponse{Fault: encodeFault(err)}, nil
}

func (h *hostClient) Subscribe(ctx context.Context, types []string, from uint64) (rpcinterface.EventStream, error) {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := h.client.Subscribe(ctx, &pb.SubscribeRequest{Types: texts(types), From: from})
	var first *pb.SubscribeResponse
	if err == nil {
		first, err = stream.Recv()
	}
	if err := outcome("Host.Subscribe", err, first.GetFault()); err != nil {
		cancel()
		return nil, err
	}
	s := &eventStream{ctx: ctx, cancel: cancel, events: make(chan *pb.SequencedEvent), closed: make(chan struct{})}
	go s.receive(stream)
	return s, nil
}

func (h *hostClient) Publish(ctx context.Context, typ, data string) error {
	r, err := h.client.Publish(ctx, &pb.PublishRequest{Type: text(typ), Data: text(data)})
	return outcome("Host.Publish", err, r.GetFault())
}

// eventStream is the plugin's end of a subscription. It reads no further ahead than
// one event, so that flow control tells the host how fast it reads.
type eventStream struct {
	ctx    context.Context // of the subscription
	cancel context.CancelFunc
	events chan *pb.SequencedEvent
	closed chan struct{} // by receive, once err is set
	err    error
}

func (s *eventStream) receive(stream grpc.ServerStreamingClient[pb.SubscribeResponse]) {
	defer close(s.closed)
	defer s.cancel()
	for {
		r, err := stream.Recv()
		if err != nil {
			s.err = err
			return
		}
		if r.GetEvent() == nil {
			continue
		}
		select {
		case s.events <- r.GetEvent():
		case <-s.ctx.Done():
			s.err = s.ctx.Err()
			return
		}
	}
}

func (s *eventStream) Next(ctx context.Context) (rpcinterface.SequencedEvent, uint64, error) {
	select {
	case e := <-s.events:
		return rpcinterface.SequencedEvent{Sequence: e.GetSequence(), Event: decodeEvent(e.GetEvent())}, e.GetDropped(), nil
	case <-s.closed:
		return rpcinterface.SequencedEvent{}, 0, s.end()
	case <-ctx.Done():
		return rpcinterface.SequencedEvent{}, 0, ctx.Err()
	}
}

// end is why the stream has ended.
func (s *eventStream) end() error {
	err := outcome("Host.Subscribe", s.err, nil)
	if errors.Is(s.err, io.EOF) || errors.Is(err, context.Canceled) {
		return io.EOF
	}
	return err
}

// Close does not wait for the host.
func (s *eventStream) Close() { s.cancel() }
