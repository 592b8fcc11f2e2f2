package extension

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin/runner"
	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// lifelineEnv is set to "1" in the environment of a plugin whose standard input is
// a pipe that the daemon holds and never writes to: it ends when the daemon does,
// and so should the plugin.
const lifelineEnv = "PLUGVISOR_LIFELINE"

// maxHandshake is how long the first line of a plugin's output may be, in bytes.
const maxHandshake = 16 << 10

var errKilled = errors.New("it was stopped while it started")

// process runs one plugin process for go-plugin. It owns the fork, the process
// group, the pipes and the socket directory; go-plugin sees the first line of
// standard output and nothing else, the rest goes to the log.
//
// That the process has ended is known from the reaper alone. Then its group is
// killed and its pipes end, whoever may still hold them.
type process struct {
	children *child.Children
	plan     *plan
	out      *output
	endGrace time.Duration // see Config

	socketDir string // made by go-plugin

	handshake, silence     *io.PipeReader // what go-plugin reads
	handshakeIn, silenceIn *io.PipeWriter
	pumps                  sync.WaitGroup
	stdout, stderr         *pipe
	lifeline               *os.File
	pipes                  wire.Pipes
	shortage               shortage
	heard                  chan struct{} // closed when all of stderr was read

	mu      sync.Mutex
	pid     int
	refused bool // Kill came before Start
	killed  bool // it was ended by Kill

	atEnd   func()          // called before ended is done
	running chan struct{}   // closed when it was forked
	ended   context.Context // done when the process has ended
	end     context.CancelFunc
	// Once ended is done:
	status    syscall.WaitStatus
	exhausted bool // the kernel killed in its cgroup, for the memory

	usage syscall.Rusage // once it was reaped
}

var _ runner.Runner = (*process)(nil)

// newProcess makes one that owns the plan.
func newProcess(children *child.Children, plan *plan, out *output, endGrace time.Duration, atEnd func()) *process {
	p := &process{
		children: children,
		plan:     plan,
		out:      out,
		endGrace: endGrace,
		atEnd:    atEnd,
		running:  make(chan struct{}),
		heard:    make(chan struct{}),
	}
	p.handshake, p.handshakeIn = io.Pipe()
	p.silence, p.silenceIn = io.Pipe()
	p.ended, p.end = context.WithCancel(context.Background())
	return p
}

// runner is go-plugin's RunnerFunc: it takes over the environment of the
// handshake and the directory for sockets.
func (p *process) runner(_ hclog.Logger, cmd *exec.Cmd, socketDir string) (runner.Runner, error) {
	for _, v := range cmd.Env {
		name, value, _ := strings.Cut(v, "=")
		p.plan.env.set(name, value)
	}
	p.socketDir = socketDir
	if cred := p.plan.credential; cred != nil {
		if err := giveSocketDir(socketDir, cred); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Start forks the plugin. The context is not looked at: a fork does not wait.
func (p *process) Start(context.Context) (err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused {
		return errKilled
	}
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
		p.plan.close()
		if err != nil {
			p.closePipes()
			p.plan.bounds.release()
		}
	}()
	stdin, lifeline, err := child.InputPipe()
	if err != nil {
		return err
	}
	p.lifeline = lifeline
	theirs = append(theirs, stdin)
	for _, ours := range []**pipe{&p.stdout, &p.stderr} {
		read, write, err := child.OutputPipe()
		if err != nil {
			return err
		}
		*ours = newPipe(read)
		theirs = append(theirs, write)
	}
	ends, value, err := p.pipes.Open(len(theirs))
	if err != nil {
		return err
	}
	theirs = append(theirs, ends...)
	p.plan.env.set(wire.PipesKey, value)
	p.pid, err = p.children.Start(&child.Spec{
		Path:          p.plan.path,
		Argv:          p.plan.argv,
		Env:           p.plan.env,
		Credential:    p.plan.credential,
		Files:         theirs,
		ProcessGroup:  true,
		KillGroup:     true,
		DieWithParent: true,
		NoShim:        true,
		Image:         p.plan.image,
		Limits:        p.plan.bounds.rlimits(),
		Cgroup:        p.plan.bounds.dir(),
		Usage:         &p.usage,
	}, p.exited)
	if err != nil {
		return err
	}
	p.pumps.Add(2)
	go p.pumpStdout()
	go p.pumpStderr()
	close(p.running)
	return nil
}

func (p *process) closePipes() {
	if p.lifeline != nil {
		p.lifeline.Close()
	}
	for _, end := range []*pipe{p.stdout, p.stderr} {
		if end != nil {
			end.Close()
		}
	}
	p.pipes.Close()
}

// pumpStdout gives the first line to go-plugin and the others to the log. go-plugin
// takes the end of its stream for the end of the process.
func (p *process) pumpStdout() {
	defer p.pumps.Done()
	r := bufio.NewReaderSize(p.stdout, maxHandshake)
	first, err := r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		first = append(slices.Clone(first), '\n') // no handshake, whatever it is
	}
	if len(first) > 0 {
		p.handshakeIn.Write(first)
	} else {
		p.await(p.endGrace) // go-plugin kills what has no first line
	}
	log := p.out.stream()
	r.WriteTo(log)
	log.close()
	p.handshakeIn.Close()
}

func (p *process) pumpStderr() {
	defer p.pumps.Done()
	log := p.out.stream()
	io.Copy(io.MultiWriter(&p.shortage, log), p.stderr)
	log.close()
	close(p.heard)
	p.silenceIn.Close()
}

// exited is called once, when the process was reaped. Its group is dead by then.
func (p *process) exited(status syscall.WaitStatus) {
	<-p.running
	p.status = status
	p.exhausted = p.plan.bounds.exhausted()
	p.plan.bounds.release()
	p.stdout.end()
	p.stderr.end()
	p.atEnd()
	p.end()
	p.pumps.Wait()
	p.closePipes()
	p.out.flush()
}

// Kill ends the process and its group at once. One that was not started yet will
// not be.
func (p *process) Kill(context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		if !p.refused {
			p.refused = true
			p.plan.close()
			p.plan.bounds.release()
		}
		return nil
	}
	switch err := p.children.Signal(p.pid, syscall.SIGKILL, true); err {
	case nil:
		p.killed = true
		return nil
	case syscall.ESRCH:
		return nil
	default:
		return err
	}
}

// Wait returns when the process has ended. How it ended is told by fate.
func (p *process) Wait(context.Context) error {
	<-p.ended.Done()
	return nil
}

// launched says whether there is, or was, a process.
func (p *process) launched() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid != 0
}

// endedItself says that the process ran and ended, and that Kill was not why.
func (p *process) endedItself() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended.Err() != nil && !p.killed
}

// await waits until the process has ended, and says whether it has.
func (p *process) await(limit time.Duration) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.ended.Done():
		return true
	case <-timer.C:
		return false
	}
}

// fate tells how the process ended, and which of its limits may have been why.
func (p *process) fate() string {
	<-p.heard
	if p.endedItself() {
		if why := p.plan.bounds.exceeded(p); why != "" {
			return p.ending() + ", " + why
		}
	}
	return p.ending()
}

func (p *process) ending() string {
	if p.status.Signaled() {
		name := unix.SignalName(p.status.Signal())
		if name == "" {
			name = "signal " + strconv.Itoa(int(p.status.Signal()))
		}
		return "was killed by " + name
	}
	return fmt.Sprintf("exited with status %d", p.status.ExitStatus())
}

func (p *process) Stdout() io.ReadCloser { return p.handshake }
func (p *process) Stderr() io.ReadCloser { return p.silence }
func (p *process) Name() string          { return p.plan.argv[0] }

func (p *process) ID() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return ""
	}
	return strconv.Itoa(p.pid)
}

// Diagnose has nothing to add: the reason of a failed start is made elsewhere.
func (p *process) Diagnose(context.Context) string { return "" }

// PluginToHost leaves addresses alone: both sides see the same file system.
func (p *process) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin gives the plugin's user a socket of the host's, where there is one.
func (p *process) HostToPlugin(network, address string) (string, string, error) {
	if cred := p.plan.credential; cred != nil && network == "unix" {
		if err := giveSocket(address, cred); err != nil {
			return "", "", err
		}
	}
	return network, address, nil
}
