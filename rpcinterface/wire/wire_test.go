package wire_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// connect serves p over go-plugin within this process and gives the host's view
// of it.
func connect(t testing.TB, p rpcinterface.Plugin) rpcinterface.Plugin {
	t.Helper()
	raw, err := served(t, p).Dispense(wire.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	return raw.(rpcinterface.Plugin)
}

// served is a connection to p, which is served within this process.
func served(t testing.TB, p rpcinterface.Plugin) *plugin.GRPCClient {
	t.Helper()
	return servedOver(t, p, &wire.Pipes{})
}

// servedOver is served, over pipes where they are open.
func servedOver(t testing.TB, p rpcinterface.Plugin, pipes *wire.Pipes) *plugin.GRPCClient {
	t.Helper()
	return serve(t, wire.ServeConfig(p, hclog.NewNullLogger()), pipes)
}

func serve(t testing.TB, cfg *plugin.ServeConfig, pipes *wire.Pipes) *plugin.GRPCClient {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	attach := make(chan *plugin.ReattachConfig, 1)
	closed := make(chan struct{})
	cfg.Test = &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: attach, CloseCh: closed}
	go plugin.Serve(cfg)

	address := <-attach
	dial := wire.DialOptions()
	if over, ok := pipes.Dial(); ok {
		dial = append(dial, over)
	}
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.HostPlugins(nil, pipes),
		Plugins:          wire.HostPlugins(nil, pipes)[wire.Version1],
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  dial,
		Reattach:         address,
		Logger:           hclog.NewNullLogger(),
	})
	t.Cleanup(func() {
		client.Kill()
		cancel()
		<-closed
	})
	protocol, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	conn := protocol.(*plugin.GRPCClient)
	ready(t, conn.Conn)
	return conn
}

// ready waits until a connection is known to be ready, which may be after it has served
// calls. Before, there is no stream of calls.
func ready(t testing.TB, conn *grpc.ClientConn) {
	t.Helper()
	conn.Connect()
	ctx := timeout(t)
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if !conn.WaitForStateChange(ctx, state) {
			t.Fatalf("the connection is %v", state)
		}
	}
}

// overPipes connects to a plugin over pipes, with a stream of calls.
func overPipes(t testing.TB, p *fakePlugin) rpcinterface.Plugin {
	t.Helper()
	pipes := &wire.Pipes{}
	theirs, value, err := pipes.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pipes.Close)
	names := strings.Split(value, ",")
	for i, f := range theirs {
		fd, err := syscall.Dup(int(f.Fd())) // the plugin's own
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
		_, inode, _ := strings.Cut(names[i], ":")
		names[i] = fmt.Sprintf("%d:%s", fd, inode)
	}
	if err := os.Setenv(wire.PipesKey, strings.Join(names, ",")); err != nil {
		t.Fatal(err)
	}
	conn := servedOver(t, p, pipes)
	if os.Getenv(wire.PipesKey) != "" {
		t.Fatal("the plugin has not taken the pipes")
	}
	raw, err := conn.Dispense(wire.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	host := raw.(rpcinterface.Plugin)
	if _, err := host.Describe(timeout(t)); err != nil {
		t.Fatal(err)
	}
	return host
}

// bothWays runs a test of calls without the stream and on it, over a socket and over
// pipes. A host that has not asked for the description does not know of the stream.
func bothWays(t *testing.T, test func(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin)) {
	t.Run("unary", func(t *testing.T) {
		test(t, func(p *fakePlugin) rpcinterface.Plugin { return connect(t, p) })
	})
	t.Run("stream", func(t *testing.T) {
		test(t, func(p *fakePlugin) rpcinterface.Plugin { return streaming(t, p) })
	})
	t.Run("pipes", func(t *testing.T) {
		test(t, func(p *fakePlugin) rpcinterface.Plugin { return overPipes(t, p) })
	})
}

// streaming connects to a plugin whose calls go over a stream.
func streaming(t testing.TB, p *fakePlugin) rpcinterface.Plugin {
	t.Helper()
	host := connect(t, p)
	if _, err := host.Describe(timeout(t)); err != nil {
		t.Fatal(err)
	}
	return host
}

// fakePlugin answers with what its fields say.
type fakePlugin struct {
	description rpcinterface.Description
	describeErr error
	configured  rpcinterface.Config
	configErr   error
	host        rpcinterface.Host
	own         rpcinterface.Plugin // as the host sees it
	call        func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error)
	handle      func(string, rpcinterface.Event, []byte) (bool, error)
	shutdownErr error
}

func (p *fakePlugin) Describe(context.Context) (rpcinterface.Description, error) {
	return p.description, p.describeErr
}

func (p *fakePlugin) Configure(_ context.Context, cfg rpcinterface.Config, host rpcinterface.Host) error {
	p.configured, p.host = cfg, host
	return p.configErr
}

func (p *fakePlugin) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	return p.call(ctx, call)
}

func (p *fakePlugin) HandleResult(_ context.Context, handler string, e rpcinterface.Event, result []byte) (bool, error) {
	return p.handle(handler, e, result)
}

func (p *fakePlugin) Shutdown(context.Context) error { return p.shutdownErr }

// fakeHost keeps the arguments of the last verb and answers with its fields.
type fakeHost struct {
	verb  string
	args  []any
	asked int // how often
	err   error
	ctx   context.Context

	stream *fakeStream
}

func (h *fakeHost) note(ctx context.Context, verb string, args ...any) error {
	h.ctx, h.verb, h.args = ctx, verb, args
	h.asked++
	return h.err
}

var (
	process = rpcinterface.ProcessInfo{
		Name: "a_00", Group: "a", Start: 1, Stop: 2, Now: 3, State: rpcinterface.ProcessFatal, SpawnErr: "no \xff",
		ExitStatus: -1, StdoutLogfile: "/o", StderrLogfile: "/e", PID: 77, Description: "gave up",
	}
	groups  = []rpcinterface.GroupInfo{{Name: "b", Priority: 999}, {Name: "a", Priority: -1}}
	program = rpcinterface.ProgramInfo{
		Group: "g", Name: "p", Options: []rpcinterface.Option{{Name: "command", Value: "/bin/cat"}},
		Processes: []string{"p_0", "p_1"}, Dynamic: true, Persisted: true, OwnGroup: true,
	}
	updates = []rpcinterface.ProcessUpdate{
		{Name: "p_0", Changed: []string{"command", "user"}, How: rpcinterface.UpdatedFailed, Reason: "why"},
		{Name: "p_1", How: rpcinterface.UpdatedKept},
	}
	additions = []rpcinterface.NewProgram{
		{Program: "alone", Options: rpcinterface.Struct{{Name: "numprocs", Value: rpcinterface.Int(2)}}, Persisted: true},
		{Group: "g", Program: "p", Options: rpcinterface.Struct{}},
	}
)

func (h *fakeHost) State(ctx context.Context) (rpcinterface.SupervisorState, error) {
	return rpcinterface.SupervisorShutdown, h.note(ctx, "State")
}
func (h *fakeHost) Identification(ctx context.Context) (string, error) {
	return "me", h.note(ctx, "Identification")
}
func (h *fakeHost) Groups(ctx context.Context) ([]rpcinterface.GroupInfo, error) {
	return groups, h.note(ctx, "Groups")
}
func (h *fakeHost) AddGroup(ctx context.Context, g rpcinterface.GroupInfo) error {
	return h.note(ctx, "AddGroup", g)
}
func (h *fakeHost) RemoveGroup(ctx context.Context, name string) error {
	return h.note(ctx, "RemoveGroup", name)
}
func (h *fakeHost) AddProgram(ctx context.Context, group, program string, o rpcinterface.Struct) error {
	return h.note(ctx, "AddProgram", group, program, o)
}
func (h *fakeHost) RemoveProcess(ctx context.Context, group, process string) error {
	return h.note(ctx, "RemoveProcess", group, process)
}
func (h *fakeHost) AddPersistedGroup(ctx context.Context, g rpcinterface.GroupInfo) error {
	return h.note(ctx, "AddPersistedGroup", g)
}
func (h *fakeHost) AddPrograms(ctx context.Context, programs []rpcinterface.NewProgram) error {
	return h.note(ctx, "AddPrograms", programs)
}
func (h *fakeHost) RemoveProgram(ctx context.Context, group, program string) error {
	return h.note(ctx, "RemoveProgram", group, program)
}
func (h *fakeHost) Program(ctx context.Context, group, name string) (rpcinterface.ProgramInfo, error) {
	return program, h.note(ctx, "Program", group, name)
}
func (h *fakeHost) UpdateProgram(ctx context.Context, group, program string, o rpcinterface.Struct, strategy rpcinterface.UpdateStrategy, dryRun bool) ([]rpcinterface.ProcessUpdate, error) {
	return updates, h.note(ctx, "UpdateProgram", group, program, o, strategy, dryRun)
}
func (h *fakeHost) SetNumProcs(ctx context.Context, group, program string, n int) (added, removed []string, err error) {
	return []string{"p_2"}, []string{"p_9", "p_8"}, h.note(ctx, "SetNumProcs", group, program, n)
}
func (h *fakeHost) RestorePrograms(ctx context.Context, path, sections string) error {
	return h.note(ctx, "RestorePrograms", path, sections)
}
func (h *fakeHost) PersistedPrograms(ctx context.Context) (string, error) {
	return "[group:x]\n", h.note(ctx, "PersistedPrograms")
}
func (h *fakeHost) Processes(ctx context.Context) ([]rpcinterface.ProcessInfo, error) {
	return []rpcinterface.ProcessInfo{process, {Name: "z"}}, h.note(ctx, "Processes")
}
func (h *fakeHost) Process(ctx context.Context, name string) (rpcinterface.ProcessInfo, error) {
	return process, h.note(ctx, "Process", name)
}
func (h *fakeHost) StartProcess(ctx context.Context, name string, wait bool) error {
	return h.note(ctx, "StartProcess", name, wait)
}
func (h *fakeHost) StopProcess(ctx context.Context, name string, wait bool) error {
	return h.note(ctx, "StopProcess", name, wait)
}
func (h *fakeHost) SignalProcess(ctx context.Context, name, signal string) error {
	return h.note(ctx, "SignalProcess", name, signal)
}
func (h *fakeHost) ReadLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, error) {
	return []byte("\xffraw"), h.note(ctx, "ReadLog", name, channel, offset, length)
}
func (h *fakeHost) TailLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error) {
	return []byte("tail"), 44, true, h.note(ctx, "TailLog", name, channel, offset, length)
}
func (h *fakeHost) WriteStdin(ctx context.Context, name string, data []byte) error {
	return h.note(ctx, "WriteStdin", name, data)
}
func (h *fakeHost) Log(ctx context.Context, level rpcinterface.LogLevel, message string) error {
	return h.note(ctx, "Log", level, message)
}
func (h *fakeHost) Call(ctx context.Context, token, method string, params []rpcinterface.Value) (rpcinterface.Value, error) {
	return rpcinterface.Array(params), h.note(ctx, "Call", token, method, params)
}
func (h *fakeHost) Subscribe(ctx context.Context, types []string, from uint64) (rpcinterface.EventStream, error) {
	return h.stream, h.note(ctx, "Subscribe", types, from)
}
func (h *fakeHost) Publish(ctx context.Context, typ, data string) error {
	return h.note(ctx, "Publish", typ, data)
}

func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDescribe(t *testing.T) {
	want := rpcinterface.Description{
		Version: "1.2",
		Methods: []rpcinterface.Method{
			{Name: "b", Help: "Does b.", Signature: []string{"int", "string"}},
			{Name: "a"},
		},
		Grants:         []rpcinterface.Grant{rpcinterface.GrantLogWrite, "rpc:call=supervisor.*"},
		ResultHandlers: []string{"m:f"},
		Exclusive:      true,
		ExclusiveKeys:  []string{"persist"},
		Commands: []rpcinterface.Command{{
			Name: "greet", Help: "Greet somebody", Method: "greet", Template: "{}",
			Arguments: []rpcinterface.Argument{{Name: "name", Type: rpcinterface.ArgumentString, Optional: true}},
		}},
	}
	p := &fakePlugin{description: want}
	host := connect(t, p)
	got, err := host.Describe(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	want.Methods[1].Signature = got.Methods[1].Signature // nil or empty
	if len(want.Methods[1].Signature) != 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}

	p.describeErr = errors.New("no")
	if _, err := host.Describe(timeout(t)); !isFault(err, rpcinterface.CodeFailed, "FAILED: no") {
		t.Errorf("got %v", err)
	}
}

func isFault(err error, code int, message string) bool {
	f, ok := errors.AsType[*rpcinterface.Fault](err)
	return ok && f.Code == code && f.Message == message
}

func TestConfigureNeedsAHost(t *testing.T) {
	if err := connect(t, &fakePlugin{}).Configure(timeout(t), rpcinterface.Config{}, nil); err == nil {
		t.Error("no error")
	}
}

func TestConfigureRefused(t *testing.T) {
	p := &fakePlugin{configErr: errors.New("unknown key colour")}
	cfg := rpcinterface.Config{Name: "n", Options: []rpcinterface.Option{{Name: "colour", Value: "red"}, {Name: "b", Value: "\xff"}}}
	err := connect(t, p).Configure(timeout(t), cfg, &fakeHost{})
	if !isFault(err, rpcinterface.CodeFailed, "FAILED: unknown key colour") {
		t.Errorf("got %v", err)
	}
	cfg.Options[1].Value = "\uFFFD"
	if !reflect.DeepEqual(p.configured, cfg) {
		t.Errorf("plugin was given %+v", p.configured)
	}
}

func TestCall(t *testing.T) { bothWays(t, testCall) }

func testCall(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin) {
	var got *rpcinterface.Call
	var deadline bool
	p := &fakePlugin{call: func(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		_, deadline = ctx.Deadline()
		got = call
		if call.Method == "fault" {
			return nil, &rpcinterface.Fault{Code: 230, Message: "UNKNOWN: fault"}
		}
		return rpcinterface.Array(call.Params), nil
	}}
	host := connect(p)
	for _, state := range []rpcinterface.SupervisorState{
		rpcinterface.SupervisorFatal, rpcinterface.SupervisorRunning, rpcinterface.SupervisorRestarting, rpcinterface.SupervisorShutdown,
	} {
		want := &rpcinterface.Call{
			Method: "m",
			Params: []rpcinterface.Value{rpcinterface.Int(1), rpcinterface.String("x")},
			Caller: rpcinterface.Caller{User: "u", Peer: "127.0.0.1:1", Server: "inet_http_server"},
			State:  state,
			Token:  "t",
		}
		result, err := host.Call(timeout(t), want)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) || !deadline {
			t.Errorf("plugin was given %+v, deadline %v\nwant %+v", got, deadline, want)
		}
		if !reflect.DeepEqual(result, rpcinterface.Array(want.Params)) {
			t.Errorf("result %v", result)
		}
	}
	if _, err := host.Call(timeout(t), &rpcinterface.Call{Method: "fault"}); !isFault(err, 230, "UNKNOWN: fault") {
		t.Errorf("got %v", err)
	}
}

func TestCallEndsAtItsDeadline(t *testing.T) { bothWays(t, testCallEndsAtItsDeadline) }

func testCallEndsAtItsDeadline(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin) {
	p := &fakePlugin{call: func(ctx context.Context, _ *rpcinterface.Call) (rpcinterface.Value, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	host := connect(p)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := host.Call(ctx, &rpcinterface.Call{}); !errors.Is(err, context.DeadlineExceeded) {
		// The plugin's own answer, a fault, may win the race.
		if f := rpcinterface.AsFault(err); !strings.Contains(f.Message, "deadline") {
			t.Errorf("got %v", err)
		}
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if _, err := host.Call(ctx, &rpcinterface.Call{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLimits(t *testing.T) { bothWays(t, testLimits) }

func testLimits(t *testing.T, connect func(*fakePlugin) rpcinterface.Plugin) {
	big := rpcinterface.Bytes(make([]byte, rpcinterface.MaxMessage+1))
	var answer rpcinterface.Value
	p := &fakePlugin{call: func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) { return answer, nil }}
	host := connect(p)

	tooLarge := "FAILED: Namespace.Call: message larger than 16777216 bytes"
	_, err := host.Call(timeout(t), &rpcinterface.Call{Params: []rpcinterface.Value{big}})
	if !isFault(err, rpcinterface.CodeFailed, tooLarge) {
		t.Errorf("request: %v", err)
	}
	answer = big
	if _, err = host.Call(timeout(t), &rpcinterface.Call{}); !isFault(err, rpcinterface.CodeFailed, tooLarge) {
		t.Errorf("answer: %v", err)
	}
	answer = big[:len(big)-1024]
	got, err := host.Call(timeout(t), &rpcinterface.Call{})
	if err != nil || len(got.(rpcinterface.Bytes)) != len(big)-1024 {
		t.Errorf("just below the limit: %v", err)
	}

	deep := nest(wire.MaxDepth + 1)
	_, err = host.Call(timeout(t), &rpcinterface.Call{Params: []rpcinterface.Value{deep}})
	if f := rpcinterface.AsFault(err); f.Code != rpcinterface.CodeIncorrectParameters {
		t.Errorf("deep parameter: %v", err)
	}
	answer = deep
	if _, err = host.Call(timeout(t), &rpcinterface.Call{}); rpcinterface.AsFault(err).Code != rpcinterface.CodeFailed {
		t.Errorf("deep result: %v", err)
	}
}

func TestHandleResult(t *testing.T) {
	want := rpcinterface.Event{Name: "PROCESS_LOG_STDOUT", Payload: []byte("\xff\x00"), Group: "g", Process: "p"}
	p := &fakePlugin{handle: func(handler string, e rpcinterface.Event, result []byte) (bool, error) {
		if handler != "m:f" || !reflect.DeepEqual(e, want) {
			return false, errors.New("garbled")
		}
		if string(result) == "both" {
			return true, errors.New("odd")
		}
		return string(result) == "OK\xff", nil
	}}
	host := connect(t, p)
	for result, accepted := range map[string]bool{"OK\xff": true, "OK": false} {
		got, err := host.HandleResult(timeout(t), "m:f", want, []byte(result))
		if err != nil || got != accepted {
			t.Errorf("%q: %v, %v", result, got, err)
		}
	}
	if got, err := host.HandleResult(timeout(t), "m:f", want, []byte("both")); got || !isFault(err, rpcinterface.CodeFailed, "FAILED: odd") {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestShutdown(t *testing.T) {
	p := &fakePlugin{shutdownErr: errors.New("busy")}
	host := connect(t, p)
	if err := host.Shutdown(timeout(t)); !isFault(err, rpcinterface.CodeFailed, "FAILED: busy") {
		t.Errorf("got %v", err)
	}
}

// configured is a plugin that is connected to a host.
func configured(t *testing.T) (*fakePlugin, *fakeHost) {
	t.Helper()
	p, h := &fakePlugin{}, &fakeHost{stream: newFakeStream()}
	p.own = connect(t, p)
	if err := p.own.Configure(timeout(t), rpcinterface.Config{Name: "x"}, h); err != nil {
		t.Fatal(err)
	}
	return p, h
}

func (p *fakePlugin) disconnect(t *testing.T) {
	t.Helper()
	if err := p.own.Shutdown(timeout(t)); err != nil {
		t.Fatal(err)
	}
}

// TestHost takes every verb through the broker's connection, answered and
// refused.
func TestHost(t *testing.T) {
	p, h := configured(t)
	ctx := timeout(t)
	options := rpcinterface.Struct{{Name: "command", Value: rpcinterface.String("x")}, {Name: "n", Value: rpcinterface.Nil{}}}
	seen := process
	seen.SpawnErr = "no \uFFFD"
	first := func(v any, err error) ([]any, error) { return []any{v}, err }
	none := func(err error) ([]any, error) { return nil, err }
	tests := []struct {
		verb string
		args []any
		want []any
		ask  func() ([]any, error)
	}{
		{"State", nil, []any{rpcinterface.SupervisorShutdown}, func() ([]any, error) { v, err := p.host.State(ctx); return first(v, err) }},
		{"Identification", nil, []any{"me"}, func() ([]any, error) { v, err := p.host.Identification(ctx); return first(v, err) }},
		{"Groups", nil, []any{groups}, func() ([]any, error) { v, err := p.host.Groups(ctx); return first(v, err) }},
		{"AddGroup", []any{groups[1]}, nil, func() ([]any, error) { return none(p.host.AddGroup(ctx, groups[1])) }},
		{"RemoveGroup", []any{"g"}, nil, func() ([]any, error) { return none(p.host.RemoveGroup(ctx, "g")) }},
		{"AddProgram", []any{"g", "p", options}, nil, func() ([]any, error) { return none(p.host.AddProgram(ctx, "g", "p", options)) }},
		{"RemoveProcess", []any{"g", "p"}, nil, func() ([]any, error) { return none(p.host.RemoveProcess(ctx, "g", "p")) }},
		{"AddPersistedGroup", []any{groups[1]}, nil, func() ([]any, error) { return none(p.host.AddPersistedGroup(ctx, groups[1])) }},
		{"AddPrograms", []any{additions}, nil, func() ([]any, error) { return none(p.host.AddPrograms(ctx, additions)) }},
		{"RemoveProgram", []any{"g", "p"}, nil, func() ([]any, error) { return none(p.host.RemoveProgram(ctx, "g", "p")) }},
		{"Program", []any{"g", "p"}, []any{program}, func() ([]any, error) { v, err := p.host.Program(ctx, "g", "p"); return first(v, err) }},
		{"UpdateProgram", []any{"g", "p", options, rpcinterface.UpdateRolling, true}, []any{updates}, func() ([]any, error) {
			v, err := p.host.UpdateProgram(ctx, "g", "p", options, rpcinterface.UpdateRolling, true)
			return first(v, err)
		}},
		{"SetNumProcs", []any{"g", "p", 3}, []any{[]string{"p_2"}, []string{"p_9", "p_8"}}, func() ([]any, error) {
			added, removed, err := p.host.SetNumProcs(ctx, "g", "p", 3)
			if err != nil {
				return nil, err
			}
			return []any{added, removed}, nil
		}},
		{"RestorePrograms", []any{"/f", "text"}, nil, func() ([]any, error) { return none(p.host.RestorePrograms(ctx, "/f", "text")) }},
		{"PersistedPrograms", nil, []any{"[group:x]\n"}, func() ([]any, error) { v, err := p.host.PersistedPrograms(ctx); return first(v, err) }},
		{"Processes", nil, []any{[]rpcinterface.ProcessInfo{seen, {Name: "z"}}}, func() ([]any, error) { v, err := p.host.Processes(ctx); return first(v, err) }},
		{"Process", []any{"a:a_00"}, []any{seen}, func() ([]any, error) { v, err := p.host.Process(ctx, "a:a_00"); return first(v, err) }},
		{"StartProcess", []any{"x", true}, nil, func() ([]any, error) { return none(p.host.StartProcess(ctx, "x", true)) }},
		{"StopProcess", []any{"x", false}, nil, func() ([]any, error) { return none(p.host.StopProcess(ctx, "x", false)) }},
		{"SignalProcess", []any{"x", "HUP"}, nil, func() ([]any, error) { return none(p.host.SignalProcess(ctx, "x", "HUP")) }},
		{"ReadLog", []any{"x", "stderr", int64(-5), int64(0)}, []any{[]byte("\xffraw")}, func() ([]any, error) {
			v, err := p.host.ReadLog(ctx, "x", "stderr", -5, 0)
			return first(v, err)
		}},
		{"TailLog", []any{"x", "stdout", int64(7), int64(8)}, []any{[]byte("tail"), int64(44), true}, func() ([]any, error) {
			data, next, overflow, err := p.host.TailLog(ctx, "x", "stdout", 7, 8)
			return []any{data, next, overflow}, err
		}},
		{"WriteStdin", []any{"x", []byte("\x00\xff")}, nil, func() ([]any, error) { return none(p.host.WriteStdin(ctx, "x", []byte("\x00\xff"))) }},
		{"Log", []any{rpcinterface.LevelTrac, "hm \uFFFD"}, nil, func() ([]any, error) { return none(p.host.Log(ctx, rpcinterface.LevelTrac, "hm \xff")) }},
		{"Call", []any{"tok", "supervisor.getPID", []rpcinterface.Value{rpcinterface.Int(3)}}, []any{rpcinterface.Array{rpcinterface.Int(3)}}, func() ([]any, error) {
			v, err := p.host.Call(ctx, "tok", "supervisor.getPID", []rpcinterface.Value{rpcinterface.Int(3)})
			return first(v, err)
		}},
		{"Subscribe", []any{[]string{"TICK", "\uFFFD"}, uint64(7)}, nil, func() ([]any, error) {
			events, err := p.host.Subscribe(ctx, []string{"TICK", "\xff"}, 7)
			if err == nil {
				events.Close()
			}
			return none(err)
		}},
		{"Publish", []any{"t", "d \uFFFD"}, nil, func() ([]any, error) { return none(p.host.Publish(ctx, "t", "d \xff")) }},
	}
	if want := reflect.TypeFor[rpcinterface.Host]().NumMethod(); len(tests) != want {
		t.Fatalf("%d verbs tested of %d", len(tests), want)
	}
	for _, test := range tests {
		t.Run(test.verb, func(t *testing.T) {
			h.err = nil
			got, err := test.ask()
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("answer %v, %v\nwant %v", got, err, test.want)
			}
			if h.verb != test.verb || !reflect.DeepEqual(h.args, test.args) {
				t.Errorf("host was asked %s%v, want %s%v", h.verb, h.args, test.verb, test.args)
			}
			if _, ok := h.ctx.Deadline(); !ok {
				t.Error("the deadline did not travel")
			}
			h.err = &rpcinterface.Fault{Code: rpcinterface.CodeBadName, Message: "BAD_NAME: x"}
			if _, err := test.ask(); !isFault(err, rpcinterface.CodeBadName, "BAD_NAME: x") {
				t.Errorf("refused with %v", err)
			}
		})
	}
}

func TestTransportError(t *testing.T) {
	for name, streamed := range map[string]bool{"unary": false, "stream": true} {
		t.Run(name, func(t *testing.T) { testTransportError(t, streamed) })
	}
}

func testTransportError(t *testing.T, streamed bool) {
	ctx, cancel := context.WithCancel(context.Background())
	attach := make(chan *plugin.ReattachConfig, 1)
	closed := make(chan struct{})
	began := make(chan struct{})
	cfg := wire.ServeConfig(&fakePlugin{call: func(ctx context.Context, _ *rpcinterface.Call) (rpcinterface.Value, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	}}, hclog.NewNullLogger())
	cfg.Test = &plugin.ServeTestConfig{Context: ctx, ReattachConfigCh: attach, CloseCh: closed}
	go plugin.Serve(cfg)
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		Plugins:          wire.HostPlugins(&fakeHost{}, nil)[wire.Version1],
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		GRPCDialOptions:  wire.DialOptions(),
		Reattach:         <-attach,
		Logger:           hclog.NewNullLogger(),
	})
	defer client.Kill()
	protocol, err := client.Client()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := protocol.Dispense(wire.PluginName)
	if err != nil {
		t.Fatal(err)
	}
	host := raw.(rpcinterface.Plugin)
	if streamed {
		if _, err := host.Describe(timeout(t)); err != nil {
			t.Fatal(err)
		}
	}
	go func() {
		<-began
		cancel() // the server goes away while the call runs
	}()
	_, err = host.Call(timeout(t), &rpcinterface.Call{})
	<-closed
	te, ok := errors.AsType[*wire.TransportError](err)
	if !ok || te.Code != codes.Unavailable || te.Call != "Namespace.Call" {
		t.Errorf("got %#v", err)
	}
}

func nest(depth int) rpcinterface.Value {
	var v rpcinterface.Value = rpcinterface.Bytes("x")
	for i := range depth {
		if i%2 == 0 {
			v = rpcinterface.Array{v}
		} else {
			v = rpcinterface.Struct{{Name: "m", Value: v}}
		}
	}
	return v
}
