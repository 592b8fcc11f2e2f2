package check_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/check"
)

// mode is the environment variable that makes this test's executable a plugin.
const mode = "CHECK_TEST_MODE"

func TestMain(m *testing.M) {
	if name := os.Getenv(mode); name != "" {
		serve(name)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// good offers all that can be examined.
type good struct{ host sdk.Host }

func (g *good) CheckEcho(v sdk.Value) sdk.Value { return v }
func (g *good) CheckFault(code int, text string) error {
	return &sdk.Fault{Code: code, Message: text}
}
func (g *good) CheckError(text string) error { return errors.New(text) }
func (g *good) CheckWait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}
func (g *good) CheckRelay(ctx context.Context, method string, params []sdk.Value) (sdk.Value, error) {
	return g.host.Call(ctx, "", method, params)
}

func newGood(host sdk.Host, _ sdk.Config) (*good, error) { return &good{host}, nil }

// bad is a plugin that fails where mode says so, and offers all.
type bad struct {
	rpcinterface.Plugin
	mode       string
	configured atomic.Bool
	unknown    atomic.Int32
	one        sync.Mutex
}

func (b *bad) Describe(ctx context.Context) (sdk.Description, error) {
	d, err := b.Plugin.Describe(ctx)
	switch b.mode {
	case "describe":
		return d, errors.New("shy")
	case "described":
		d.Methods = append(d.Methods, sdk.Method{Name: "a.b", Help: "x\n@return int x", Signature: []string{"string"}},
			sdk.Method{Name: "twice", Help: "y\n@return float y", Signature: []string{"float"}}, sdk.Method{Name: "twice"})
		d.Grants = []sdk.Grant{"all"}
		d.ResultHandlers = []string{"", "h"}
		argument := func(typ string, optional bool) sdk.Argument {
			return sdk.Argument{Name: "a", Type: typ, Optional: optional}
		}
		d.Commands = []sdk.Command{
			{Name: "two words", Method: "none"},
			{Name: "c", Method: "twice", Arguments: []sdk.Argument{argument("array", true), argument("list", false)}},
			{Name: "c", Method: "checkEcho"},
			{Name: "d", Method: "none", Arguments: []sdk.Argument{argument("string", false)}},
		}
		d.Methods = append(d.Methods, sdk.Method{Name: "none", Help: "z\n@return int z", Signature: []string{"int"}})
		d.Commands[0].Method = "nobody"
	case "own":
		d.Methods = append(d.Methods, sdk.Method{Name: "dies", Help: "z\n@return int z", Signature: []string{"int"}}, sdk.Method{Name: "diesToo"})
	case "handler", "handler-dies":
		d.ResultHandlers = []string{"h"}
	}
	return d, err
}

func (b *bad) Configure(ctx context.Context, cfg rpcinterface.Config, host rpcinterface.Host) error {
	if b.mode == "section" {
		return errors.New("not like this")
	}
	if b.mode == "any-key" {
		cfg.Options = nil
	}
	b.configured.Store(true)
	if b.mode == "noisy" {
		os.NewFile(1, "stdout").WriteString("configured\n")
	}
	if b.mode == "grants" {
		host.Processes(ctx)
	}
	return b.Plugin.Configure(ctx, cfg, host)
}

func (b *bad) Call(ctx context.Context, call *rpcinterface.Call) (sdk.Value, error) {
	known := strings.HasPrefix(call.Method, "check")
	switch {
	case b.mode == "early" && !b.configured.Load():
		return sdk.Int(1), nil
	case b.mode == "own" && strings.HasPrefix(call.Method, "dies"):
		os.Exit(1)
	case b.mode == "mute" && call.Method == "checkRelay" && len(call.Params) == 2:
		return call.Params[1], nil
	case b.mode == "lost" && call.Method == "checkRelay" && len(call.Params) == 2:
		return sdk.Nil{}, nil
	case b.mode == "serial":
		b.one.Lock()
		defer b.one.Unlock()
	case b.mode == "stuck" && !known && b.unknown.Add(1) == 23: // after those before Configure, of methods, and 20 beside checkWait
		select {}
	case b.mode == "any-method" && !known:
		return sdk.Int(1), nil
	case b.mode == "any-count" && known && len(call.Params) > 5:
		return sdk.Int(1), nil
	case b.mode == "dies" && call.Method == "checkEcho":
		os.Exit(1)
	case b.mode == "values" && call.Method == "checkEcho" && rpcinterface.KindOf(call.Params[0]) == rpcinterface.KindBytes:
		return sdk.String("bytes"), nil
	case b.mode == "codes" && known && call.Method != "checkEcho":
		v, err := b.Plugin.Call(ctx, call)
		if f := sdk.AsFault(err); f != nil && f.Code != sdk.CodeIncorrectParameters {
			return nil, sdk.NewFault(sdk.CodeFailed, f.Message)
		}
		return v, err
	case b.mode == "token":
		call.Token = "mine"
	case b.mode == "impatient" && call.Method == "checkWait" && len(call.Params) == 0:
		return sdk.Nil{}, nil
	}
	return b.Plugin.Call(ctx, call)
}

func (b *bad) HandleResult(context.Context, string, sdk.Event, []byte) (bool, error) {
	switch b.mode {
	case "handler":
		return true, nil
	case "handler-dies":
		os.Exit(1)
	}
	return false, errors.New("no handler")
}

func (b *bad) Shutdown(ctx context.Context) error {
	if b.mode == "stays" {
		select {}
	}
	return b.Plugin.Shutdown(ctx)
}

// serve runs a plugin that is bad in one way.
func serve(name string) {
	p := sdk.Plugin{Version: "1", Factory: sdk.FactoryOf(newGood)}
	switch name {
	case "good":
		sdk.Serve(p)
	case "silent":
		select {}
	case "exits":
		fmt.Fprintln(os.Stderr, "no such library")
		os.Exit(3)
	case "chatty":
		fmt.Println("Hello!")
	case "minimal":
		sdk.Serve(sdk.Plugin{Factory: sdk.FactoryOf(func(sdk.Host, sdk.Config) (struct{}, error) { return struct{}{}, nil })})
	}
	if name == "stays" {
		ignoreTerm()
	} else {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	cfg := wire.ServeConfig(&bad{Plugin: sdk.Implement(p, nil), mode: name}, nil)
	server := cfg.GRPCServer
	cfg.GRPCServer = func(opts []grpc.ServerOption) *grpc.Server {
		return server(append(opts, grpc.UnaryInterceptor(func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
			switch {
			case name == "ill" && info.FullMethod == "/grpc.health.v1.Health/Check":
				return nil, status.Error(codes.Unimplemented, "what health?")
			case name == "clings" && info.FullMethod == "/plugin.GRPCController/Shutdown":
				return new(emptypb.Empty), nil
			}
			return handle(ctx, req)
		})))
	}
	plugin.Serve(cfg)
}

func run(t *testing.T, name string) *check.Report {
	t.Helper()
	opts := check.Options{StartTimeout: 20 * time.Second, CallTimeout: 20 * time.Second, EndTimeout: 20 * time.Second}
	if name == "stuck" || name == "serial" {
		opts.CallTimeout = 5 * time.Second // which passes, but not for other calls
	}
	return check.Run(t.Context(), local(t, name), opts)
}

// local starts this test's executable as a plugin that is bad in one way.
func local(t *testing.T, name string) *check.Local {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &check.Local{Path: exe, Env: append(os.Environ(), mode+"="+name)}
}

func TestGood(t *testing.T) {
	r := run(t, "good")
	if !r.Loads || !r.Described || r.Worst() != check.Note {
		t.Errorf("%+v", r.Findings)
	}
	for _, f := range r.Findings {
		if f.ID != "method-help" {
			t.Error(f)
		}
	}
}

func TestNotChecked(t *testing.T) {
	r := run(t, "minimal")
	if !r.Loads || r.Worst() != check.Note {
		t.Errorf("%v", r.Findings)
	}
	for _, id := range []string{"checkEcho", "checkFault", "checkError", "checkRelay", "checkWait", "methods-none", "version-none"} {
		find(t, r, id)
	}
}

func find(t *testing.T, r *check.Report, id string) check.Finding {
	t.Helper()
	i := slices.IndexFunc(r.Findings, func(f check.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Errorf("%s is not found among %v", id, r.Findings)
		return check.Finding{}
	}
	return r.Findings[i]
}

func TestBad(t *testing.T) {
	tests := map[string]struct {
		loads bool
		want  map[string]string // what the text has, by the finding's id
	}{
		"exits":        {false, map[string]string{"handshake": "exit status 3; it wrote: no such library"}},
		"chatty":       {false, map[string]string{"handshake": `its first line is "Hello!"`}},
		"describe":     {false, map[string]string{"describe": "FAILED: shy"}},
		"section":      {false, map[string]string{"configure": "FAILED: not like this"}},
		"any-key":      {true, map[string]string{"unknown-key": "accepts a section with the key"}},
		"any-method":   {true, map[string]string{"unknown-method": "is answered with a result"}},
		"any-count":    {true, map[string]string{"argument-count": "64 arguments is answered with a result"}},
		"dies":         {true, map[string]string{"argument-count": "is not answered"}},
		"values":       {true, map[string]string{"value": "checkEcho of base64"}},
		"codes":        {true, map[string]string{"fault": `arrives as 30 "FAILED: MINE`, "error": "FAILED: FAILED", "host-fault": "arrives as 30"}},
		"early":        {true, map[string]string{"call-before-configure": "is not answered with a fault (<nil>)"}},
		"ill":          {true, map[string]string{"health": "what health?"}},
		"noisy":        {true, map[string]string{"stdout": "after the handshake: configured"}},
		"clings":       {true, map[string]string{"controller": "does not end when it is told to"}},
		"stuck":        {true, map[string]string{"cancel": "after 20 calls of checkWait were cancelled it does not answer"}},
		"serial":       {true, map[string]string{"concurrency": "while 20 others of checkWait run"}},
		"lost":         {true, map[string]string{"host-call": "is answered with nil"}},
		"mute":         {true, map[string]string{"host-token": "the tokens []"}},
		"handler-dies": {true, map[string]string{"handler": "result handler h does not answer"}},
		"token":        {true, map[string]string{"host-token": `the tokens ["mine"]`}},
		"impatient":    {true, map[string]string{"wait": "does not wait"}},
		"handler":      {true, map[string]string{"handler-unknown": "accepts a result"}},
		"grants":       {true, map[string]string{"grant-not-asked": "processes:read"}},
		"described": {true, map[string]string{
			"method-name": "a.b", "signature-differs": "a.b", "signature-type": "float", "method-duplicate": "twice",
			"grant-unknown": `"all"`, "handler-name": `""`, "handler-fault": "no handler", "command-name": "two words", "command-method": "nobody",
			"command-duplicate": "c", "command-arguments": "command d has 1 arguments, and its method none 0 parameters", "argument-last": "c", "argument-type": `"list"`, "argument-optional": "c",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, name)
			if r.Loads != test.loads {
				t.Errorf("loads: %v", r.Loads)
			}
			for id, text := range test.want {
				if f := find(t, r, id); !strings.Contains(f.Text, text) {
					t.Errorf("%s: %q, want %q", id, f.Text, text)
				}
			}
		})
	}
}

// TestOwnMethods: a plugin's own methods are called only where that is wanted, and a
// signature tells how many arguments they take.
func TestOwnMethods(t *testing.T) {
	t.Parallel()
	for _, call := range []bool{false, true} {
		r := check.Run(t.Context(), local(t, "own"), check.Options{CallMethods: call})
		left := "refused by dies, diesToo"
		if call {
			left = "refused by diesToo"
			if f := find(t, r, "argument-count"); !strings.Contains(f.Text, "a call of dies with 64 arguments is not answered") {
				t.Error(f)
			}
		} else if r.Worst() != check.Note {
			t.Errorf("%v", r.Findings)
		}
		if f := find(t, r, "argument-count-unchecked"); !strings.HasSuffix(f.Text, left) {
			t.Error(f)
		}
	}
}

// TestInterrupted gives up while the plugin is started again.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	l, starts := local(t, "good"), 0
	l.Started = func(int) error {
		if starts++; starts == 2 {
			cancel()
		}
		return nil
	}
	r := check.Run(ctx, l, check.Options{})
	find(t, r, "interrupted")
	if !r.Loads || starts > 4 {
		t.Errorf("loads: %v, %d starts", r.Loads, starts)
	}
}

// TestUnknownHandler: a fault is the right answer to a handler that there is not.
func TestUnknownHandler(t *testing.T) {
	t.Parallel()
	for _, f := range run(t, "described").Findings {
		if f.ID == "handler-unknown" {
			t.Error(f)
		}
	}
}
