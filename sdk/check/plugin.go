package check

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"github.com/hashicorp/go-plugin/runner"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// shown is how much of what a plugin writes is kept, in bytes.
const shown = 4 << 10

// endGrace is how long a process may still take to end that has closed its output.
const endGrace = time.Second

// instance is one process of the plugin, with the connection to it.
type instance struct {
	launcher Launcher
	socket   string     // its directory
	mu       sync.Mutex // of process, and of killed where it is set
	process  Process
	client   *plugin.Client
	protocol plugin.ClientProtocol
	plugin   rpcinterface.Plugin

	handshake *io.PipeReader
	silence   *io.PipeReader
	first     clip // the first line of its standard output
	noise     clip // the others
	errors    clip // its standard error
	killed    atomic.Bool
	early     atomic.Bool // it ended before it was killed
	ended     chan struct{}
	once      sync.Once
}

// start starts a process and connects to it. Also when it fails the instance has to
// be ended.
func start(ctx context.Context, l Launcher, limit time.Duration) (*instance, error) {
	i := &instance{launcher: l, ended: make(chan struct{})}
	dir, err := os.MkdirTemp("", "plugvisor-check")
	if err != nil {
		return i, fmt.Errorf("cannot make a directory for sockets: %w", err)
	}
	i.socket = dir
	if err := l.Give(dir); err != nil {
		return i, fmt.Errorf("cannot give the plugin's user a directory: %w", err)
	}
	i.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.HostPlugins(nil, nil),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     limit,
		RunnerFunc: func(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
			if err := l.Give(socketDir); err != nil {
				return nil, err
			}
			return &launched{i, cmd.Env}, nil
		},
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: dir},
		GRPCDialOptions:  wire.DialOptions(),
		SyncStdout:       io.Discard,
		SyncStderr:       io.Discard,
		Logger:           hclog.NewNullLogger(),
	})
	stop := context.AfterFunc(ctx, i.kill)
	defer stop()
	if i.protocol, err = i.client.Client(); err != nil {
		return i, err
	}
	raw, err := i.protocol.Dispense(wire.PluginName)
	if err != nil {
		return i, err
	}
	i.plugin = raw.(rpcinterface.Plugin)
	return i, nil
}

// kill ends the process at once.
func (i *instance) kill() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.killed.Store(true)
	if i.process != nil {
		_ = i.process.Kill() // it may have ended
	}
}

// has takes the process that was started, and kills it where it is not wanted any more.
func (i *instance) has(p Process) {
	i.mu.Lock()
	i.process = p
	i.mu.Unlock()
	if i.killed.Load() {
		i.kill()
	}
}

// end ends the process and gives back what it had. It may be called twice.
func (i *instance) end() {
	i.once.Do(func() {
		i.kill()
		if i.client != nil {
			i.client.Kill()
		}
		if i.process != nil {
			<-i.ended
		}
		if i.socket != "" {
			os.RemoveAll(i.socket)
		}
	})
}

// awaitEnd says whether the process ends within the limit.
func (i *instance) awaitEnd(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-i.ended:
		return true
	case <-timer.C:
		return false
	}
}

// launched is an instance as go-plugin's runner.
type launched struct {
	*instance
	env []string
}

var _ runner.Runner = (*launched)(nil)

func (l *launched) Start(context.Context) error {
	p, err := l.launcher.Launch(append(l.env, "PLUGVISOR_LIFELINE=1"))
	if err != nil {
		return err
	}
	i := l.instance
	i.has(p)
	var handshake, silence *io.PipeWriter
	i.handshake, handshake = io.Pipe()
	i.silence, silence = io.Pipe()
	var read sync.WaitGroup
	gone := make(chan struct{})
	read.Go(func() {
		r := bufio.NewReader(p.Stdout())
		line, _ := r.ReadString('\n')
		i.first.Write([]byte(line))
		if line == "" {
			// go-plugin kills what has no first line; it may be about to end.
			select {
			case <-gone:
			case <-time.After(endGrace):
			}
		}
		io.WriteString(handshake, line)
		io.Copy(&i.noise, r)
		handshake.Close()
	})
	read.Go(func() {
		io.Copy(&i.errors, p.Stderr())
		silence.Close()
	})
	go func() {
		p.Wait()
		i.early.Store(!i.killed.Load())
		close(gone)
		// go-plugin stops to read when it has what it wants.
		i.handshake.CloseWithError(io.EOF)
		read.Wait()
		close(i.ended)
	}()
	return nil
}

func (l *launched) Wait(context.Context) error {
	<-l.ended
	return nil
}

func (l *launched) Kill(context.Context) error {
	l.kill()
	return nil
}

func (l *launched) ID() string {
	if l.process == nil {
		return ""
	}
	return l.process.ID()
}

func (l *launched) Name() string                    { return "plugin" }
func (l *launched) Stdout() io.ReadCloser           { return l.handshake }
func (l *launched) Stderr() io.ReadCloser           { return l.silence }
func (l *launched) Diagnose(context.Context) string { return "" }

func (l *launched) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin gives the plugin's user the socket of the host.
func (l *launched) HostToPlugin(network, address string) (string, string, error) {
	if network == "unix" {
		if err := l.launcher.Give(address); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", "", err
		}
	}
	return network, address, nil
}

// clip keeps the beginning of what is written to it.
type clip struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *clip) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.text.Write(p[:min(len(p), shown-c.text.Len())])
	return len(p), nil
}

// String is what was written, on one line.
func (c *clip) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(strings.Fields(strings.ToValidUTF8(c.text.String(), "\uFFFD")), " ")
}
