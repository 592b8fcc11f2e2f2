package wire

import (
	"context"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

const (
	// PluginName is what the host dispenses.
	PluginName = "namespace"
	// Version1 is the first version of the protocol, plugvisor.rpcinterface.v1.
	Version1 = 1

	// CookieKey names the environment variable by which a plugin knows that a
	// supervisor started it, and CookieValue is its value.
	CookieKey   = "PLUGVISOR_PLUGIN"
	CookieValue = "rpcinterface"
)

// Handshake is what both sides hand to go-plugin. The version in it is the one
// of a side that negotiates none.
func Handshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{
		ProtocolVersion:  Version1,
		MagicCookieKey:   CookieKey,
		MagicCookieValue: CookieValue,
	}
}

// HostPlugins is what the host hands to go-plugin as VersionedPlugins. Dispense
// of PluginName then gives a rpcinterface.Plugin. Its Configure serves the host
// that it is given to the plugin process, or this one where that is nil; over the
// pipes too, if they are open. They may be nil.
func HostPlugins(host rpcinterface.Host, pipes *Pipes) map[int]plugin.PluginSet {
	if pipes == nil {
		pipes = &Pipes{}
	}
	return map[int]plugin.PluginSet{Version1: {PluginName: &hostSide{host: host, pipes: pipes}}}
}

// Serve runs a plugin process until the host ends it. The process must have been
// started by a host. The logger writes JSON lines to standard error; nil makes
// one.
func Serve(p rpcinterface.Plugin, logger hclog.Logger) {
	plugin.Serve(ServeConfig(p, logger))
}

// ServeConfig is what Serve hands to go-plugin, for those who serve otherwise,
// such as in a test.
func ServeConfig(p rpcinterface.Plugin, logger hclog.Logger) *plugin.ServeConfig {
	return &plugin.ServeConfig{
		HandshakeConfig:  Handshake(),
		VersionedPlugins: map[int]plugin.PluginSet{Version1: {PluginName: &pluginSide{plugin: p}}},
		GRPCServer:       newServer,
		Logger:           logger,
	}
}

// window is the flow control window, in bytes, of streams and connections. A
// fixed one switches off gRPC's bandwidth estimator, which pings the other side
// while it reads; local sockets gain nothing by it.
const window = 1 << 20

// Goroutines that wait for calls keep the stacks that calls need, which new ones
// would have to grow; when all are busy there are new ones.
const (
	workers       = 8  // of a server, from its start
	streamWorkers = 32 // of a stream of calls, made when needed
)

// DialOptions is what the host hands to go-plugin as GRPCDialOptions; the
// plugin's connection back uses it too. Messages are limited in both directions,
// and an idle connection stays open.
func DialOptions() []grpc.DialOption {
	return []grpc.DialOption{
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(rpcinterface.MaxMessage),
			grpc.MaxCallSendMsgSize(rpcinterface.MaxMessage),
		),
		grpc.WithInitialWindowSize(window),
		grpc.WithInitialConnWindowSize(window),
		grpc.WithIdleTimeout(0),
	}
}

func newServer(opts []grpc.ServerOption) *grpc.Server {
	return grpc.NewServer(append(opts,
		grpc.MaxRecvMsgSize(rpcinterface.MaxMessage),
		grpc.MaxSendMsgSize(rpcinterface.MaxMessage),
		grpc.InitialWindowSize(window),
		grpc.InitialConnWindowSize(window),
		grpc.NumStreamWorkers(workers),
	)...)
}

// hostSide makes the host's end of a connection to a plugin.
type hostSide struct {
	plugin.NetRPCUnsupportedPlugin
	host  rpcinterface.Host
	pipes *Pipes
}

var _ plugin.GRPCPlugin = (*hostSide)(nil)

func (h *hostSide) GRPCClient(done context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	calls := newCallConn(done, conn, &pb.Namespace_ServiceDesc)
	return &namespaceClient{
		done:   done,
		client: pb.NewNamespaceClient(calls),
		conn:   calls,
		broker: broker,
		host:   h.host,
		pipes:  h.pipes,
	}, nil
}

func (h *hostSide) GRPCServer(*plugin.GRPCBroker, *grpc.Server) error { return errWrongSide }

// pluginSide makes the plugin's end.
type pluginSide struct {
	plugin.NetRPCUnsupportedPlugin
	plugin rpcinterface.Plugin
}

var _ plugin.GRPCPlugin = (*pluginSide)(nil)

func (p *pluginSide) GRPCClient(context.Context, *plugin.GRPCBroker, *grpc.ClientConn) (any, error) {
	return nil, errWrongSide
}

func (p *pluginSide) GRPCServer(broker *plugin.GRPCBroker, server *grpc.Server) error {
	pipes, err := inheritPipes()
	if err != nil {
		return err
	}
	namespace := &namespaceServer{plugin: p.plugin, broker: broker, dial: DialOptions()}
	pb.RegisterNamespaceServer(server, namespace)
	if pipes != nil {
		namespace.dial = append(namespace.dial, dialOnce(pipes.back))
		go server.Serve(newPipeListener(pipes.calls))
	}
	return nil
}
