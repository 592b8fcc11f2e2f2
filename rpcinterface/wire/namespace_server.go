package wire

import (
	"context"
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

	mu   sync.Mutex
	conn *grpc.ClientConn // to the host, from Configure to Shutdown
}

func (s *namespaceServer) Describe(ctx context.Context, _ *pb.DescribeRequest) (*pb.DescribeResponse, error) {
	d, err := s.plugin.Describe(ctx)
	if err != nil {
		return &pb.DescribeResponse{Fault: encodeFault(err)}, nil
	}
	return &pb.DescribeResponse{Description: encodeDescription(d)}, nil
}

func (s *namespaceServer) Configure(ctx context.Context, r *pb.ConfigureRequest) (*pb.ConfigureResponse, error) {
	conn, err := s.broker.DialWithOptions(r.GetHostServiceId(), DialOptions()...)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to the host: %w", err)
	}
	s.replaceConn(conn)
	cfg := rpcinterface.Config{Name: r.GetName()}
	for _, o := range r.GetOptions() {
		cfg.Options = append(cfg.Options, rpcinterface.Option{Name: o.GetName(), Value: o.GetValue()})
	}
	calls := newCallConn(context.Background(), conn, &pb.Host_ServiceDesc)
	calls.offer(r.GetCallStream())
	err = s.plugin.Configure(ctx, cfg, &hostClient{client: pb.NewHostClient(calls)})
	return &pb.ConfigureResponse{Fault: encodeFault(err)}, nil
}

func (s *namespaceServer) Call(ctx context.Context, r *pb.CallRequest) (*pb.CallResponse, error) {
	result, err := s.call(ctx, r)
	if err != nil {
		return &pb.CallResponse{Outcome: &pb.CallResponse_Fault{Fault: encodeFault(err)}}, nil
	}
	return &pb.CallResponse{Outcome: &pb.CallResponse_Result{Result: result}}, nil
}

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
	out, err := EncodeValue(result)
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
	s.replaceConn(nil)
	return &pb.ShutdownResponse{Fault: encodeFault(err)}, nil
}

func (s *namespaceServer) Calls(stream pb.Namespace_CallsServer) error {
	return serveCalls(stream, &pb.Namespace_ServiceDesc, s)
}

// replaceConn closes the connection of an earlier Configure.
func (s *namespaceServer) replaceConn(conn *grpc.ClientConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close()
	}
	s.conn = conn
}
