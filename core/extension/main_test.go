package extension

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"

	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// The test binary is a plugin, or a daemon to be killed, when its arguments say so.
func TestMain(m *testing.M) {
	if child.ShimMain(os.Args) {
		return
	}
	if name, ok := BundledName(); ok {
		servePlugin(name)
		return
	}
	if len(os.Args) == 3 {
		switch os.Args[1] {
		case "test-plugin":
			servePlugin(os.Args[2])
			return
		case "test-daemon":
			runDaemon(os.Args[2])
			return
		}
	}
	os.Exit(m.Run())
}

// servePlugin is a plugin that behaves as the word says.
func servePlugin(behaviour string) {
	p := &testPlugin{behaviour: behaviour}
	switch behaviour {
	case "exit":
		fmt.Fprintln(os.Stderr, "no such luck")
		os.Exit(3)
	case "garbage":
		fmt.Println("hello, I am no plugin")
		block()
	case "flood":
		line := strings.Repeat("x", 200<<10)
		fmt.Println(line)
		block()
	case "silent":
		block()
	case "version":
		cfg := wire.ServeConfig(p, nil)
		cfg.ProtocolVersion = 7
		cfg.VersionedPlugins = map[int]plugin.PluginSet{7: cfg.VersionedPlugins[wire.Version1]}
		plugin.Serve(cfg)
		return
	}
	p.log = hclog.New(&hclog.LoggerOptions{Output: os.Stderr, JSONFormat: true, Level: hclog.Info})
	wire.Serve(p, p.log)
}

// realStdout and realStderr are what the process was started with; go-plugin puts
// others in their places. They are kept, as the collector closes what is not.
var realStdout, realStderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")

func block() {
	signal.Ignore(syscall.SIGTERM)
	select {}
}

// testPlugin offers methods that do to their process what a test wants.
type testPlugin struct {
	behaviour string
	log       hclog.Logger
	host      rpcinterface.Host
	name      string
	greeting  string
	expired   string // the token of a call that is over
	events    rpcinterface.EventStream
}

func (p *testPlugin) Describe(context.Context) (rpcinterface.Description, error) {
	switch p.behaviour {
	case "describe-error":
		return rpcinterface.Description{}, errors.New("nothing to say")
	case "describe-exit":
		fmt.Fprintln(realStderr, "gone while describing")
		os.Exit(4)
	case "describe-hang":
		select {}
	}
	d := rpcinterface.Description{
		Version: "test-1",
		Grants: []rpcinterface.Grant{rpcinterface.GrantProcessesRead, rpcinterface.GrantProgramsWrite,
			rpcinterface.GrantLogWrite, "rpc:call=a.*"},
		ResultHandlers: []string{"judge", "stdin_write_handler"},
	}
	for _, name := range []string{"echo", "pid", "large", "wait", "caller", "exit", "hang", "grandchild", "groups", "add",
		"processes", "log", "call", "own", "expired", "print", "deep", "greet", "refuse", "record",
		"subscribe", "next", "publish", "read", "callwith", "lastadd"} {
		d.Methods = append(d.Methods, rpcinterface.Method{Name: name, Help: "does " + name})
	}
	for _, name := range boundedMethods() {
		d.Methods = append(d.Methods, rpcinterface.Method{Name: name})
	}
	d.Exclusive = p.behaviour == "exclusive"
	if p.behaviour == "commands" {
		d.Commands = []rpcinterface.Command{{Name: "greet", Help: "Greet", Method: "greet", Template: "{}"}}
	}
	if path, ok := strings.CutPrefix(p.behaviour, "exclusive-if:"); ok {
		_, err := os.Stat(path)
		d.Exclusive = err == nil
	}
	if path, ok := strings.CutPrefix(p.behaviour, "changing:"); ok {
		if _, err := os.Stat(path); err == nil {
			d.Methods = append(d.Methods, rpcinterface.Method{Name: "new"})
		}
	}
	return d, nil
}

func (p *testPlugin) Configure(_ context.Context, cfg rpcinterface.Config, host rpcinterface.Host) error {
	for _, o := range cfg.Options {
		if o.Name != "greeting" {
			return fmt.Errorf("unknown option '%s'", o.Name)
		}
		p.greeting = o.Value
	}
	if path, ok := strings.CutPrefix(p.behaviour, "while:"); ok {
		if _, err := os.Stat(path); err != nil {
			return errors.New("the file is not there")
		}
	}
	p.host, p.name = host, cfg.Name
	if path, ok := strings.CutPrefix(p.behaviour, "waits:"); ok {
		os.ReadFile(path)
	}
	if path, ok := strings.CutPrefix(p.behaviour, "second-waits:"); ok {
		f, err := os.OpenFile(path+".first", os.O_CREATE|os.O_EXCL, 0o600)
		if f.Close(); err != nil {
			os.ReadFile(path)
		}
	}
	if path, ok := strings.CutPrefix(p.behaviour, "listen:"); ok {
		return p.listen(path)
	}
	return nil
}

func (p *testPlugin) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	text := func(i int) string { return string(call.Params[i].(rpcinterface.String)) }
	switch call.Method {
	case "echo":
		return rpcinterface.Array(call.Params), nil
	case "pid":
		return rpcinterface.Int(os.Getpid()), nil
	case "wait":
		<-ctx.Done()
		return nil, os.WriteFile(text(0), []byte(ctx.Err().Error()), 0o600)
	case "large":
		return rpcinterface.Bytes(make([]byte, rpcinterface.MaxMessage)), nil
	case "greet":
		return rpcinterface.String(p.name + ": " + p.greeting), nil
	case "refuse":
		return nil, &rpcinterface.Fault{Code: 230, Message: "UNKNOWN: refuse"}
	case "caller":
		c := call.Caller
		return rpcinterface.String(fmt.Sprintf("%s %s %s %v", c.User, c.Peer, c.Server, call.State)), nil
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "grandchild":
		cmd := exec.Command("sleep", "60")
		cmd.Stdout, cmd.Stderr = realStdout, realStderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: text(0) != "same"}
		if text(0) == "sockets" {
			cmd.ExtraFiles = openSockets()
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return rpcinterface.Int(cmd.Process.Pid), nil
	case "groups":
		groups, err := p.host.Groups(ctx)
		var names rpcinterface.Array
		for _, g := range groups {
			names = append(names, rpcinterface.String(g.Name))
		}
		return names, err
	case "add":
		return rpcinterface.Bool(true), p.host.AddProgram(ctx, text(0), text(1), nil)
	case "lastadd":
		return nil, &rpcinterface.Last{Result: rpcinterface.Bool(true), Verb: func(ctx context.Context, host rpcinterface.Host) error {
			return host.AddProgram(ctx, text(0), text(1), nil)
		}}
	case "processes":
		list, err := p.host.Processes(ctx)
		return rpcinterface.Int(len(list)), err
	case "log":
		return rpcinterface.Bool(true), p.host.Log(ctx, rpcinterface.LevelWarn, text(0))
	case "call":
		p.expired = call.Token
		return p.host.Call(ctx, call.Token, text(0), nil)
	case "callwith":
		return p.host.Call(ctx, call.Token, text(0), call.Params[1:])
	case "read":
		data, err := os.ReadFile(text(0))
		return rpcinterface.String(data), err
	case "own":
		return p.host.Call(ctx, "", text(0), nil)
	case "expired":
		return p.host.Call(ctx, p.expired, text(0), nil)
	case "deep":
		return p.host.Call(ctx, call.Token, p.name+".deep", nil)
	case "subscribe":
		return rpcinterface.Bool(true), p.subscribe(text(0), text(1))
	case "next":
		return p.next(ctx)
	case "publish":
		return rpcinterface.Bool(true), p.host.Publish(ctx, text(0), text(1))
	case "record":
		f, err := os.OpenFile(text(0), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		_, err = fmt.Fprintln(f, text(1))
		return rpcinterface.Bool(true), err
	case "print":
		fmt.Println("to stdout")
		fmt.Fprintln(os.Stderr, "to stderr")
		fmt.Fprintln(realStderr, "to the real stderr")
		p.log.Warn("a record", "key", "value")
		return rpcinterface.Bool(true), nil
	}
	return p.bounded(call.Method)
}

// openSockets are all that the process has.
func openSockets() []*os.File {
	var list []*os.File
	for fd := 3; fd < 100; fd++ {
		var st syscall.Stat_t
		if syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFSOCK {
			list = append(list, os.NewFile(uintptr(fd), "socket"))
		}
	}
	return list
}

// HandleResult does what the result says.
func (p *testPlugin) HandleResult(_ context.Context, handler string, e rpcinterface.Event, result []byte) (bool, error) {
	switch string(result) {
	case "exit":
		os.Exit(7)
	case "hang":
		select {}
	case "error":
		return true, errors.New("cannot say")
	}
	return string(result) == handler+" "+p.name+" "+e.Name+" "+e.Process+" "+string(e.Payload), nil
}

func (p *testPlugin) Shutdown(context.Context) error {
	if p.behaviour == "shutdown-hang" {
		select {}
	}
	return nil
}
