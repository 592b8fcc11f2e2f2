package wire

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// namespaceServer serves a plugin's own object to the host.
type namespaceServer struct {
	pb.UnimplementedNamespaceServer
	plugin rpcinterface.Plugin
	broker *plugin.GRPCBroker
	dial   []grpc.DialOption // for the first connection to the host

	mu   sync.Mutex
	conn *grpc.ClientConn // to the host, from Configure to Shutdown
	host *hostClient      // over conn
	// lastVerbs: calls that come over a stream may end with a verb of the host.
	lastVerbs bool
}

func (s *namespaceServer) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	d, err := s.plugin.Describe(ctx)
	if err != nil {
		return &pb.DescribeResponse{Fault: encodeFault(err)}, nil
	}
	return &pb.DescribeResponse{Description: encodeDescription(d)}, nil
}

func (s *namespaceServer) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	dial := s.dial
	s.dial = DialOptions()
	conn, err := s.broker.DialWithOptions(r.GetHostServiceId(), dial...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the host: %w", err)
	}
	calls := newCallConn(context.Background(), conn, &pb.Host_ServiceDesc)
	calls.offer(r.GetCallStream())
	host := &hostClient{client: pb.NewHostClient(calls)}
	s.replaceConn(conn, host, r.GetLastVerbs())
	cfg := rpcinterface.Config{Name: r.GetName()}
	for _, o := range r.GetOptions() {
		cfg.Options = append(cfg.Options, rpcinterface.Option{Name: o.GetName(), Value: o.GetValue()})
	}
	err = s.plugin.Configure(ctx, cfg, host)
	return &pb.ConfigureResponse{Fault: encodeFault(err)}, nil
}

func (s *namespaceServer) Call(ctx context.Context, r *pb.CallRequest) (*pb.CallResponse, error) {
	result, err := s.call(ctx, r)
	last, ok := errors.AsType[*rpcinterface.Last](err)
	if !ok {
		return callResponse(result, err), nil
	}
	host, noted := s.hostFor(ctx)
	if result, err = encodeResult(last.Result); err == nil && noted {
		if answer, ok := note(ctx, last); ok {
			answer.response = callResponse(result, nil)
			return nil, answer
		}
	}
	if err == nil && host == nil {
		err = errors.New("there is no host: the plugin has shut down")
	}
	if err == nil {
		if err = last.Verb(ctx, host); last.Then != nil {
			last.Then(err)
		}
	}
	return callResponse(result, err), nil
}

func callResponse(result *pb.Value, err error) *pb.CallResponse {
	if err != nil {
		return &pb.CallResponse{Outcome: &pb.CallResponse_Fault{Fault: encodeFault(err)}}
	}
	return &pb.CallResponse{Outcome: &pb.CallResponse_Result{Result: result}}
}

// call gives the result of a call; a *rpcinterface.Last is its error.
func (s *namespaceServer) call(ctx context.Context, r *pb.CallRequest) (*pb.Value, error) {
	params, err := decodeValues(r.GetParams(), MaxDepth)
	if err != nil {
		return nil, err
	}
	result, err := s.plugin.Call(ctx, &rpcinterface.Call{
		Method: r.GetMethod(),
		Params: params,
		Caller: rpcinterface.Caller{
			User:   r.GetCaller().GetUser(),
			Peer:   r.GetCaller().GetPeer(),
			Server: r.GetCaller().GetServer(),
		},
		State: rpcinterface.SupervisorState(r.GetState()),
		Token: r.GetToken(),
	})
	if err != nil {
		return nil, err
	}
	return encodeResult(result)
}

func encodeResult(v rpcinterface.Value) (*pb.Value, error) {
	out, err := EncodeValue(v)
	if err != nil {
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed, "result: "+err.Error())
	}
	return out, nil
}

func (s *namespaceServer) HandleResult(ctx context.Context, r *pb.HandleResultRequest) (*pb.HandleResultResponse, error) {
	accepted, err := s.plugin.HandleResult(ctx, r.GetHandler(), decodeEvent(r.GetEvent()), r.GetResult())
	return &pb.HandleResultResponse{Fault: encodeFault(err), Accepted: accepted && err == nil}, nil
}

func (s *namespaceServer) Shutdown(ctx context.Context, _ *pb.ShutdownRequest) (*pb.ShutdownResponse, error) {
	err := s.plugin.Shutdown(ctx)
	s.replaceConn(nil, nil, false)
	return &pb.ShutdownResponse{Fault: encodeFault(err)}, nil
}

func (s *namespaceServer) Calls(stream pb.Namespace_CallsServer) error {
	return serveCalls(stream, newService(&pb.Namespace_ServiceDesc, s))
}

// replaceConn closes the connection of an earlier Configure.
func (s *namespaceServer) replaceConn(conn *grpc.ClientConn, host *hostClient, lastVerbs bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
	s.conn, s.host, s.lastVerbs = conn, host, lastVerbs
}

// hostFor gives the host, and whether the last verb of a call may be noted and left to
// it.
func (s *namespaceServer) hostFor(ctx context.Context) (host *hostClient, noted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.host, s.lastVerbs && streamed(ctx)
}
