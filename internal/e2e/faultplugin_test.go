package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// faultArg begins the behaviour of a plugin that does wrong what one can.
const faultArg = "fault:"

// bigReply is the size of an answer that no plugin may give, in bytes.
const bigReply = 100 << 20

// floodLines is how many lines make a flood, and floodMessages how many messages
// through the host do.
const (
	floodLines    = 1_000_000
	floodMessages = 3000
)

// serveFault is a plugin without the kit: it obeys no limit.
func serveFault(mode string) {
	switch mode {
	case "start-exit":
		os.Exit(3)
	case "start-hang":
		select {}
	case "garbage":
		os.Stdout.WriteString("\x00\x1b[2J\xff garbage\n")
		select {}
	}
	log := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, JSONFormat: true, Level: hclog.Info})
	cfg := wire.ServeConfig(&faulty{mode: mode, stderr: os.NewFile(2, "stderr"), stdout: os.NewFile(1, "stdout")}, log)
	cfg.GRPCServer = func(opts []grpc.ServerOption) *grpc.Server {
		return grpc.NewServer(append(opts, grpc.MaxSendMsgSize(2*bigReply))...)
	}
	if mode == "version" {
		cfg.ProtocolVersion = 7
		cfg.VersionedPlugins = map[int]plugin.PluginSet{7: cfg.VersionedPlugins[wire.Version1]}
	}
	plugin.Serve(cfg)
}

// faulty does what a test wants of it.
type faulty struct {
	mode           string
	host           rpcinterface.Host
	stdout, stderr *os.File // as they were before go-plugin took them
}

func (f *faulty) Describe(context.Context) (rpcinterface.Description, error) {
	switch f.mode {
	case "describe-exit":
		os.Exit(4)
	case "describe-hang":
		select {}
	}
	d := rpcinterface.Description{Version: "fault"}
	for _, name := range []string{"pid", "exit", "later", "hang", "sleep", "big", "flood", "grandchild", "reenter", "unlink", "deafen",
		"watch", "disable", "garbage"} {
		d.Methods = append(d.Methods, rpcinterface.Method{Name: name, Help: " Does " + name + "."})
	}
	return d, nil
}

func (f *faulty) Configure(_ context.Context, _ rpcinterface.Config, host rpcinterface.Host) error {
	f.host = host
	if f.mode == "soon" {
		time.AfterFunc(50*time.Millisecond, func() { os.Exit(5) })
	}
	return nil
}

func (f *faulty) Call(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	yes := rpcinterface.Bool(true)
	text := func() string { return string(call.Params[0].(rpcinterface.String)) }
	switch call.Method {
	case "pid":
		return rpcinterface.Int(os.Getpid()), nil
	case "exit":
		os.Exit(7)
	case "later":
		go when(context.Background(), text(), func() { os.Exit(8) })
	case "hang":
		select {}
	case "sleep":
		when(ctx, text(), func() {})
	case "big":
		return rpcinterface.Bytes(make([]byte, bigReply)), nil
	case "flood":
		return yes, f.flood(ctx, text())
	case "grandchild":
		cmd := exec.Command("sleep", "600")
		cmd.Stdout, cmd.Stderr = f.stdout, f.stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: text() == "setsid"}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return rpcinterface.Int(cmd.Process.Pid), nil
	case "reenter":
		return f.host.Call(ctx, call.Token, text(), nil)
	case "unlink":
		return yes, unlinkSockets()
	case "deafen":
		if err := unlinkSockets(); err != nil {
			return nil, err
		}
		go when(context.Background(), text(), shutSockets)
	case "watch":
		stream, err := f.host.Subscribe(context.Background(), []string{"REMOTE_COMMUNICATION"}, 0)
		if err != nil {
			return nil, err
		}
		go func() {
			stream.Next(context.Background())
			os.Exit(9)
		}()
	case "disable":
		return f.host.Call(ctx, call.Token, "extension.disableExtension", []rpcinterface.Value{rpcinterface.String("bad")})
	case "garbage":
		for range 3 {
			f.stdout.WriteString("\x00\x1b[2J\xff out\n")
			f.stderr.WriteString("\x00\x1b[2J\xff err\n")
		}
	}
	return yes, nil
}

// when does something as soon as a file is there: a test makes it when it has the
// answer of the call that asked for it.
func when(ctx context.Context, path string, do func()) {
	for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			do()
			return
		}
	}
}

// flood writes more than anybody wants to read.
func (f *faulty) flood(ctx context.Context, kind string) error {
	if kind == "messages" {
		errs := make(chan error)
		for range floodMessages {
			go func() { errs <- f.host.Log(ctx, rpcinterface.LevelWarn, "a message of a flood") }()
		}
		var err error
		for range floodMessages {
			err = errors.Join(err, <-errs)
		}
		return err
	}
	line := "a line of a flood\n"
	if kind == "records" {
		line = `{"@level":"warn","@message":"a line of a flood","@module":"bad","@timestamp":"2026-01-01T00:00:00Z"}` + "\n"
	}
	block := []byte(strings.Repeat(line, 1000))
	for range floodLines / 1000 {
		if _, err := f.stderr.Write(block); err != nil {
			return err
		}
	}
	return nil
}

// unlinkSockets removes the files of the plugin's sockets.
func unlinkSockets() error {
	list, err := filepath.Glob(filepath.Join(os.Getenv("PLUGIN_UNIX_SOCKET_DIR"), "*"))
	if len(list) == 0 {
		err = errors.Join(err, errors.New("there are no sockets"))
	}
	for _, path := range list {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// shutSockets ends all connections, and lets none begin.
// Those over pipes have the descriptors 3 to 6, where /dev/null takes their places.
func shutSockets() {
	list, _ := os.ReadDir("/proc/self/fd")
	for _, e := range list {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd > 2 {
			syscall.Shutdown(fd, syscall.SHUT_RDWR)
		}
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	for fd := 3; err == nil && fd <= 6; fd++ {
		err = syscall.Dup3(int(null.Fd()), fd, syscall.O_CLOEXEC)
	}
}

func (f *faulty) HandleResult(context.Context, string, rpcinterface.Event, []byte) (bool, error) {
	return true, nil
}

func (f *faulty) Shutdown(context.Context) error {
	if f.mode == "shutdown-hang" {
		select {}
	}
	return nil
}

// peak is the most memory that a process has had in use, in KiB.
func peak(pid int) (kib int, err error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	if err == nil {
		_, err = fmt.Sscan(string(after), &kib)
	}
	return kib, err
}
