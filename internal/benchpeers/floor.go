package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// floorCommand gives the subcommand of a name, nil for none.
func floorCommand(name string) func(args []string) error {
	switch name {
	case "floor-http":
		return func(args []string) error { return serveFloor(args[0], nil) }
	case "floor-plug":
		return func(args []string) error { return servePluginFloor(args[0], false) }
	case "floor-thru":
		return func(args []string) error { return servePluginFloor(args[0], true) }
	case "floor-plugin":
		return func([]string) error { servePlugin(); return nil }
	case "floor-spawn":
		return func(args []string) error { return spawnCats(args[0]) }
	case "flood":
		return func(args []string) error { return flood(args[0]) }
	}
	return nil
}

// floorAnswer is what the floors answer: the size of a small result.
const floorAnswer = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><struct>\n" +
	"<member>\n<name>statecode</name>\n<value><int>1</int></value>\n</member>\n" +
	"<member>\n<name>statename</name>\n<value><string>RUNNING</string></value>\n</member>\n" +
	"</struct></value>\n</param>\n</params>\n</methodResponse>\n"

// payload is what a call of the floor's plugin carries, in bytes.
const payload = 100

// serveFloor answers on an address until the process is ended.
func serveFloor(address string, work func(context.Context) error) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	return http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if work != nil {
			if err := work(r.Context()); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
		}
		w.Header().Set("Content-Type", "text/xml")
		w.Header().Set("Content-Length", strconv.Itoa(len(floorAnswer)))
		io.WriteString(w, floorAnswer)
	}))
}

// servePluginFloor starts a plugin and answers each request after one call of it.
func servePluginFloor(address string, through bool) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find own executable: %w", err)
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  floorHandshake(),
		Plugins:          plugin.PluginSet{"floor": &floorPlugin{}},
		Cmd:              exec.Command(self, "floor-plugin"),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		Logger:           hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		return fmt.Errorf("cannot start the floor's plugin: %w", err)
	}
	dispensed, err := protocol.Dispense("floor")
	if err != nil {
		return fmt.Errorf("cannot reach the floor's plugin: %w", err)
	}
	conn := dispensed.(*grpc.ClientConn)
	method := "/benchpeers.Floor/Call"
	if through {
		method = "/benchpeers.Floor/Through"
	}
	in := wrapperspb.Bytes(make([]byte, payload))
	ended := make(chan error, 1)
	go func() {
		ended <- serveFloor(address, func(ctx context.Context) error {
			return conn.Invoke(ctx, method, in, new(wrapperspb.BytesValue))
		})
	}()
	// The plugin does not end with its host by itself.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	select {
	case err := <-ended:
		return err
	case <-stop:
		return nil
	}
}

func servePlugin() {
	plugin.Serve(&plugin.ServeConfig{
		HandshakeConfig: floorHandshake(),
		Plugins:         plugin.PluginSet{"floor": &floorPlugin{}},
		GRPCServer:      plugin.DefaultGRPCServer,
		Logger:          hclog.NewNullLogger(),
	})
}

func floorHandshake() plugin.HandshakeConfig {
	return plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BENCHPEERS_FLOOR", MagicCookieValue: "1"}
}

// floorPlugin is both ends of the floor's plugin. Its messages are the wrapper
// types of protobuf, so that nothing is generated for it.
type floorPlugin struct{ plugin.NetRPCUnsupportedPlugin }

// GRPCServer registers the plugin's service: Call echoes, Through asks the host
// first, Setup tells where the host is.
func (*floorPlugin) GRPCServer(broker *plugin.GRPCBroker, s *grpc.Server) error {
	var host *grpc.ClientConn
	registerFloor(s, "benchpeers.Floor", map[string]echo{
		"Call": func(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return in, nil },
		"Through": func(ctx context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
			out := new(wrapperspb.BytesValue)
			return out, host.Invoke(ctx, "/benchpeers.Host/Call", in, out)
		},
		"Setup": func(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) {
			id, err := strconv.ParseUint(string(in.Value), 10, 32)
			if err != nil {
				return nil, err
			}
			host, err = broker.Dial(uint32(id))
			return in, err
		},
	})
	return nil
}

// GRPCClient serves the host's end to the plugin and tells it where.
func (*floorPlugin) GRPCClient(ctx context.Context, broker *plugin.GRPCBroker, conn *grpc.ClientConn) (any, error) {
	id := broker.NextId()
	go broker.AcceptAndServe(id, func(opts []grpc.ServerOption) *grpc.Server {
		s := grpc.NewServer(opts...)
		registerFloor(s, "benchpeers.Host", map[string]echo{
			"Call": func(_ context.Context, in *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error) { return in, nil },
		})
		return s
	})
	in := wrapperspb.Bytes(strconv.AppendUint(nil, uint64(id), 10))
	if err := conn.Invoke(ctx, "/benchpeers.Floor/Setup", in, new(wrapperspb.BytesValue)); err != nil {
		return nil, err
	}
	return conn, nil
}

type echo func(context.Context, *wrapperspb.BytesValue) (*wrapperspb.BytesValue, error)

func registerFloor(s *grpc.Server, service string, methods map[string]echo) {
	desc := &grpc.ServiceDesc{ServiceName: service, HandlerType: (*any)(nil)}
	for name, method := range methods {
		desc.Methods = append(desc.Methods, grpc.MethodDesc{
			MethodName: name,
			Handler: func(_ any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
				in := new(wrapperspb.BytesValue)
				if err := decode(in); err != nil {
					return nil, err
				}
				return method(ctx, in)
			},
		})
	}
	s.RegisterService(desc, struct{}{})
}

// spawnCats starts children with three pipes each, as a supervisor does, writes
// how many seconds that took, and ends them.
func spawnCats(count string) error {
	n, err := strconv.Atoi(count)
	if err != nil {
		return fmt.Errorf("cannot read count: %w", err)
	}
	var children []*child
	defer func() {
		for _, c := range children {
			c.end()
		}
	}()
	begin := time.Now()
	for range n {
		c, err := spawnCat()
		if err != nil {
			return err
		}
		children = append(children, c)
	}
	fmt.Println(time.Since(begin).Seconds())
	return nil
}

// child is a program that was started, and our ends of its pipes.
type child struct {
	*os.Process
	ends []*os.File
}

func spawnCat() (*child, error) {
	c := new(child)
	var theirs []*os.File
	defer func() { closeAll(theirs) }()
	for fd := range 3 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(c.ends)
			return nil, fmt.Errorf("cannot make pipe: %w", err)
		}
		if fd != 0 {
			r, w = w, r
		}
		theirs = append(theirs, r)
		c.ends = append(c.ends, w)
	}
	var err error
	c.Process, err = os.StartProcess("/bin/cat", []string{"cat"}, &os.ProcAttr{Files: theirs, Sys: &syscall.SysProcAttr{Setpgid: true}})
	if err != nil {
		closeAll(c.ends)
		return nil, fmt.Errorf("cannot start child: %w", err)
	}
	return c, nil
}

func (c *child) end() {
	c.Kill()
	c.Wait()
	closeAll(c.ends)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
