package sdktest

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
	"github.com/plugvisor/plugvisor/sdk"
)

// patience is how long one call to a plugin may take.
const patience = 30 * time.Second

// Options are the keys of the plugin's section.
type Options map[string]string

// Namespace is a plugin that runs.
type Namespace struct {
	// Caller is who the next calls are made by.
	Caller sdk.Caller
	// Token is what the next calls carry.
	Token string

	t      testing.TB
	host   *Host
	plugin rpcinterface.Plugin
}

// Start runs a plugin as the section [rpcinterface:test] until the test ends.
// The test fails at once where the plugin cannot be used or refuses its section.
func Start(t testing.TB, p sdk.Plugin, host *Host, options Options) *Namespace {
	t.Helper()
	n, err := Configure(t, p, host, options)
	if err != nil {
		t.Fatalf("cannot start the plugin: %v", err)
	}
	return n
}

// Configure is Start for tests in which the plugin refuses: it gives the error.
func Configure(t testing.TB, p sdk.Plugin, host *Host, options Options) (*Namespace, error) {
	t.Helper()
	n := &Namespace{t: t, host: host, plugin: connect(t, p)}
	ctx := n.context()
	if _, err := n.plugin.Describe(ctx); err != nil {
		return nil, err
	}
	if err := n.plugin.Configure(ctx, section("test", options), host); err != nil {
		return nil, err
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := n.plugin.Shutdown(ctx); err != nil {
			t.Errorf("cannot shut the plugin down: %v", err)
		}
	})
	return n, nil
}

func section(name string, options Options) rpcinterface.Config {
	cfg := rpcinterface.Config{Name: name}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		cfg.Options = append(cfg.Options, rpcinterface.Option{Name: name, Value: options[name]})
	}
	return cfg
}

// connect serves a plugin over gRPC within this process.
func connect(t testing.TB, p sdk.Plugin) rpcinterface.Plugin {
	t.Helper()
	log := hclog.New(&hclog.LoggerOptions{Output: t.Output(), Level: hclog.Warn})
	attach := make(chan *plugin.ReattachConfig, 1)
	closed := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	// All of the plugin's own, and of what carries it what went wrong.
	own := hclog.New(&hclog.LoggerOptions{Output: t.Output(), Level: hclog.Trace})
	server := wire.ServeConfig(sdk.Implement(p, own), log)
	server.Test = &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: attach, CloseCh: closed}
	go plugin.Serve(server)

	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		Plugins:          wire.HostPlugins(nil, nil)[wire.Version1],
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  wire.DialOptions(),
		Reattach:         <-attach,
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(func() {
		client.Kill()
		cancel()
		<-closed
	})
	protocol, err := client.Client()
	if err != nil {
		t.Fatalf("cannot connect to the plugin: %v", err)
	}
	raw, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		t.Fatalf("cannot connect to the plugin: %v", err)
	}
	return raw.(rpcinterface.Plugin)
}

func (n *Namespace) context() context.Context {
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	n.t.Cleanup(cancel)
	return ctx
}

// Describe tells what the plugin says of itself.
func (n *Namespace) Describe() sdk.Description {
	n.t.Helper()
	d, err := n.plugin.Describe(n.context())
	if err != nil {
		n.t.Fatalf("cannot describe the plugin: %v", err)
	}
	return d
}

// Call calls a method. Parameters are what sdk.ValueOf takes.
func (n *Namespace) Call(method string, params ...any) (sdk.Value, error) {
	n.t.Helper()
	call := &rpcinterface.Call{Method: method, Caller: n.Caller, Token: n.Token}
	n.host.mu.Lock()
	call.State = n.host.state
	n.host.mu.Unlock()
	for i, p := range params {
		v, err := sdk.ValueOf(p)
		if err != nil {
			n.t.Fatalf("parameter %d of %s: %v", i+1, method, err)
		}
		call.Params = append(call.Params, v)
	}
	return n.plugin.Call(n.context(), call)
}

// Want calls a method and fails the test where it answers anything but want.
func (n *Namespace) Want(method string, want any, params ...any) {
	n.t.Helper()
	wanted, err := sdk.ValueOf(want)
	if err != nil {
		n.t.Fatalf("what %s should answer: %v", method, err)
	}
	got, err := n.Call(method, params...)
	if err != nil {
		n.t.Errorf("%s%v: %v, want %v", method, params, err, wanted)
	} else if !reflect.DeepEqual(got, wanted) {
		n.t.Errorf("%s%v: %#v, want %#v", method, params, got, wanted)
	}
}

// WantFault calls a method and fails the test where it does not answer this
// fault, code and text.
func (n *Namespace) WantFault(method string, want *sdk.Fault, params ...any) {
	n.t.Helper()
	got, err := n.Call(method, params...)
	if fault := sdk.AsFault(err); fault == nil {
		n.t.Errorf("%s%v: %#v, want the fault %d %s", method, params, got, want.Code, want.Message)
	} else if *fault != *want {
		n.t.Errorf("%s%v: fault %d %s, want %d %s", method, params, fault.Code, fault.Message, want.Code, want.Message)
	}
}

// HandleResult has a result handler judge what an event listener answered.
func (n *Namespace) HandleResult(handler string, event sdk.Event, result string) (bool, error) {
	n.t.Helper()
	return n.plugin.HandleResult(n.context(), handler, event, []byte(result))
}
