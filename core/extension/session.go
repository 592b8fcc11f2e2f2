package extension

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc/codes"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// killTimeout is how long the kernel may take to end a killed process. One that
// takes longer hangs in a system call; it is left alone then.
const killTimeout = 5 * time.Second

// session is one process of an extension, from its launch to its end.
type session struct {
	spec    core.ExtensionSpec
	factory factory
	proc    *process
	client  *plugin.Client
	config  *plugin.ClientConfig
	plugin  rpcinterface.Plugin
	desc    rpcinterface.Description
	host    *host
	calls   *calls
	out     *output
	// stdout and stderr are what go-plugin passes on of these, once it serves.
	stdout, stderr *stream

	forget    func() // called when nothing of it is left
	connected bool   // go-plugin has a client that must be closed
	probing   atomic.Bool
	verdict   atomic.Pointer[string] // why it was killed, where a probe had it killed
}

// launch starts the extension's process, has it describe itself and hands it its
// configuration. It ends with ctx. One that is to run beside another is not
// configured where it is exclusive. On an error nothing is left of the process.
func (x *extension) launch(ctx context.Context, spec core.ExtensionSpec, beside bool) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, x.m.startTimeout)
	defer cancel()
	f, err := x.m.sources().resolve(spec)
	if err != nil {
		return nil, err
	}
	if err := x.m.claim(); err != nil {
		return nil, err
	}
	plan, err := x.m.prepare(spec, f)
	if err != nil {
		return nil, err
	}
	s := x.newSession(spec, f, plan)
	x.latest.Store(s)
	defer context.AfterFunc(s.proc.ended, cancel)()
	defer time.AfterFunc(x.m.slowStart, func() {
		x.say(rpcinterface.LevelWarn, "waiting for extension '%s' (pid %s) to start, for %v at most", x.name, s.proc.ID(), x.m.startTimeout)
	}).Stop()
	if err := s.start(ctx, beside); err != nil {
		if errors.Is(err, errExclusive) {
			return nil, errors.Join(err, s.stop(x.m.stopTimeout))
		}
		reason := s.failure(x, err)
		s.close()
		return nil, reason
	}
	return s, nil
}

func (x *extension) newSession(spec core.ExtensionSpec, f factory, plan *plan) *session {
	cfg := &x.m.cfg
	out := newOutput(x.log, cfg.Clock)
	s := &session{spec: spec, factory: f, out: out, stdout: out.stream(), stderr: out.stream(), calls: newCalls()}
	// Once a caller knows of the end, no other call can begin here.
	s.proc = newProcess(cfg.Children, plan, out, x.m.endGrace, s.calls.close)
	s.forget = func() { x.forget(s) }
	x.keep(s)
	s.host = &host{
		name:     x.name,
		section:  x.section,
		engine:   cfg.Engine,
		registry: cfg.Registry,
		log:      cfg.Logger,
		calls:    s.calls,
		own:      make(chan struct{}, maxOwnCalls),
		reading:  make(chan struct{}, maxSubscriptions),
	}
	s.config = &plugin.ClientConfig{
		HandshakeConfig:  wire.Handshake(),
		VersionedPlugins: wire.HostPlugins(s.host, &s.proc.pipes),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		AutoMTLS:         true,
		SkipHostEnv:      true,
		StartTimeout:     x.m.startTimeout + killTimeout, // launch's own comes first, and says so
		RunnerFunc:       s.proc.runner,
		UnixSocketConfig: &plugin.UnixSocketConfig{TempDir: x.m.socketDir()},
		GRPCDialOptions:  wire.DialOptions(),
		SyncStdout:       s.stdout,
		SyncStderr:       s.stderr,
		Logger:           x.m.goPlugin,
	}
	s.client = plugin.NewClient(s.config)
	// A plugin that ended answers no more, even where something that inherited its
	// socket keeps the connection open.
	context.AfterFunc(s.proc.ended, s.calls.abort)
	return s
}

// start goes from nothing to a configured plugin.
func (s *session) start(ctx context.Context, beside bool) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	desc, err := s.plugin.Describe(ctx)
	if err != nil {
		return fmt.Errorf("it did not describe itself: %w", err)
	}
	s.desc = desc
	if beside && exclusive(desc, s.spec) {
		return errExclusive
	}
	s.host.grants = grantsOf(s.spec, s.factory.kind, desc.Grants)
	cfg := rpcinterface.Config{Name: s.spec.Name, Options: s.spec.Options}
	return s.plugin.Configure(ctx, cfg, s.host)
}

// connect has go-plugin start the process and connect to it, over the pipes where the
// plugin has taken them. go-plugin looks at no context, so its work is ended by killing
// the process.
func (s *session) connect(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		_, err := s.client.Start()
		var protocol plugin.ClientProtocol
		if err == nil {
			if dial, ok := s.proc.pipes.Dial(); ok {
				s.config.GRPCDialOptions = append(s.config.GRPCDialOptions, dial)
			}
			protocol, err = s.client.Client()
		}
		if err == nil {
			s.connected = true
			var raw any
			if raw, err = protocol.Dispense(wire.PluginName); err == nil {
				s.plugin = raw.(rpcinterface.Plugin)
			}
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		s.proc.Kill(ctx)
		<-done
		return ctx.Err()
	}
}

// failure gives the reason of a failed start in one line.
func (s *session) failure(x *extension, err error) error {
	var fault *rpcinterface.Fault
	if errors.As(err, &fault) {
		return errors.New(oneLine(strings.TrimPrefix(fault.Message, "FAILED: ")))
	}
	if unreachable(err) {
		s.proc.await(x.m.endGrace)
	}
	switch {
	case s.proc.endedItself():
		s.proc.pumps.Wait()
		reason := "it " + s.fate() + " before it was ready"
		if last := s.out.lastLine(); last != "" {
			reason += ", after writing: " + last
		}
		return errors.New(oneLine(reason))
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("it was not ready after %v", x.m.startTimeout)
	}
	if line, ok := strings.CutPrefix(err.Error(), "Unrecognized remote plugin message: "); ok {
		return errors.New(oneLine("it is no plugin, or writes before it serves; its first line is: " + line))
	}
	return errors.New(oneLine(err.Error()))
}

// unreachable says that the connection failed, as it does when a process ends.
func unreachable(err error) bool {
	var transport *wire.TransportError
	return errors.As(err, &transport) && transport.Code == codes.Unavailable
}

// oneLine fits foreign text into a line of the log.
func oneLine(s string) string {
	const limit = 500
	s = printable(strings.Join(strings.Fields(s), " "))
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	return s
}

// stop has the plugin shut down, for as long as limit, and then ends it.
func (s *session) stop(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(s.proc.ended, limit)
	defer cancel()
	err := s.plugin.Shutdown(ctx)
	if unreachable(err) {
		<-ctx.Done() // it may just have ended
	}
	switch {
	case s.verdict.Load() != nil:
		err = errors.New("it " + s.fate())
	case s.proc.endedItself():
		err = nil
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("it did not shut down within %v and was killed", limit)
	}
	return errors.Join(err, s.close())
}

// fate tells how the process ended.
func (s *session) fate() string {
	if why := s.verdict.Load(); why != nil {
		return "was killed because it " + *why
	}
	return s.proc.fate()
}

// close ends the process and removes all that belongs to it.
func (s *session) close() error {
	s.calls.close()
	if err := s.proc.Kill(context.Background()); err != nil {
		return fmt.Errorf("cannot kill it: %w", err)
	}
	if s.proc.launched() && !s.proc.await(killTimeout) {
		return errors.New("it did not end when it was killed")
	}
	if s.connected {
		// Only now: with a live plugin this calls it without a deadline.
		s.client.Kill()
	}
	s.stdout.close()
	s.stderr.close()
	if dir := s.proc.socketDir; dir != "" {
		os.RemoveAll(dir)
	}
	s.forget()
	return nil
}
