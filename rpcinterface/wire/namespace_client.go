package wire

import (
	"context"
	"errors"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// namespaceClient is a plugin process as the host sees it.
type namespaceClient struct {
	done   context.Context // when the process has ended
	client pb.NamespaceClient
	broker *plugin.GRPCBroker
	host   rpcinterface.Host
	pipes  *Pipes
	conn   *callConn
}

var _ rpcinterface.Plugin = (*namespaceClient)(nil)

func (c *namespaceClient) Describe(ctx context.Context) (rpcinterface.Description, error) {
	r, err := c.client.Describe(ctx, &pb.DescribeRequest{})
	if err := outcome("Namespace.Describe", err, r.GetFault()); err != nil {
		return rpcinterface.Description{}, err
	}
	c.conn.offer(r.GetDescription().GetCallStream())
	return decodeDescription(r.GetDescription()), nil
}

// Configure starts the Host service before it asks the plugin, which connects to
// it before it answers. The service ends with the plugin's process: what it had
// asked for, subscriptions among it, ends too, whoever else may hold its sockets.
func (c *namespaceClient) Configure(ctx context.Context, cfg rpcinterface.Config, host rpcinterface.Host) error {
	if host == nil {
		host = c.host
	}
	if host == nil {
		return errors.New("cannot configure a plugin without a host")
	}
	server := &hostServer{host: host}
	c.conn.doVerbs(newService(&pb.Host_ServiceDesc, server))
	id := c.broker.NextId()
	go c.broker.AcceptAndServe(id, func(opts []grpc.ServerOption) *grpc.Server {
		s := newServer(opts)
		pb.RegisterHostServer(s, server)
		context.AfterFunc(c.done, s.Stop)
		c.pipes.serveBack(s)
		return s
	})
	request := &pb.ConfigureRequest{Name: text(cfg.Name), HostServiceId: id, CallStream: true, LastVerbs: true}
	for _, o := range cfg.Options {
		request.Options = append(request.Options, &pb.Option{Name: text(o.Name), Value: text(o.Value)})
	}
	r, err := c.client.Configure(ctx, request)
	return outcome("Namespace.Configure", err, r.GetFault())
}

func (c *namespaceClient) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	params, err := encodeValues(call.Params, MaxDepth)
	if err != nil {
		return nil, err
	}
	r, err := c.client.Call(ctx, &pb.CallRequest{
		Method: text(call.Method),
		Params: params,
		Caller: &pb.Caller{
			User:   text(call.Caller.User),
			Peer:   text(call.Caller.Peer),
			Server: text(call.Caller.Server),
		},
		State: pb.SupervisorState(call.State),
		Token: text(call.Token),
	})
	if refused, ok := errors.AsType[*rpcinterface.Fault](err); ok {
		return nil, refused // of the verb that the answer was
	}
	if err := outcome("Namespace.Call", err, r.GetFault()); err != nil {
		return nil, err
	}
	return DecodeValue(r.GetResult())
}

func (c *namespaceClient) HandleResult(ctx context.Context, handler string, event rpcinterface.Event, result []byte) (bool, error) {
	r, err := c.client.HandleResult(ctx, &pb.HandleResultRequest{
		Handler: text(handler),
		Event:   encodeEvent(event),
		Result:  result,
	})
	if err := outcome("Namespace.HandleResult", err, r.GetFault()); err != nil {
		return false, err
	}
	return r.GetAccepted(), nil
}

func (c *namespaceClient) Shutdown(ctx context.Context) error {
	r, err := c.client.Shutdown(ctx, &pb.ShutdownRequest{})
	return outcome("Namespace.Shutdown", err, r.GetFault())
}
