package check

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Launcher starts the plugin's process. It is asked several times.
type Launcher interface {
	// Launch starts it with what env has beyond its own environment, in a process
	// group of its own.
	Launch(env []string) (Process, error)
	// Give hands a file or directory to the user that the plugin runs as.
	Give(path string) error
}

// Process is a plugin's process.
type Process interface {
	ID() string
	// Stdout and Stderr end when the process has ended.
	Stdout() io.Reader
	Stderr() io.Reader
	// CloseInput closes its standard input, which is a pipe on which nothing is
	// written.
	CloseInput() error
	Terminate() error // with SIGTERM
	Kill() error      // with its group
	// Wait returns when it has ended, and says how. Many may wait.
	Wait() string
}

// Local is the Launcher for an executable on this machine.
type Local struct {
	// Path is the executable, and Args are its arguments. Name is what it is called
	// by, its argument 0; "" is Path.
	Path string
	Args []string
	Name string
	// Env is its environment; nil is what Environment picks of this process's own.
	Env []string
	// Credential is who it runs as, nil for the user of this process.
	Credential *syscall.Credential
	// Started is called with each process, such as to set its limits; nil for none.
	Started func(pid int) error
}

var _ Launcher = (*Local)(nil)

// Environment picks what a supervisor lets a plugin inherit of its environment.
func Environment(environ []string) []string {
	var out []string
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE":
		default:
			if !strings.HasPrefix(name, "LC_") {
				continue
			}
		}
		out = append(out, v)
	}
	return out
}

// Give hands a file to the user of Credential.
func (l *Local) Give(path string) error {
	if l.Credential == nil {
		return nil
	}
	return os.Lchown(path, int(l.Credential.Uid), int(l.Credential.Gid))
}

// Launch starts the executable.
func (l *Local) Launch(env []string) (Process, error) {
	var ours, theirs [3]*os.File
	closeAll := func(files ...*os.File) {
		for _, f := range files {
			if f != nil {
				f.Close()
			}
		}
	}
	for i := range ours {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(append(ours[:], theirs[:]...)...)
			return nil, err
		}
		ours[i], theirs[i] = r, w
	}
	ours[0], theirs[0] = theirs[0], ours[0]
	own := l.Env
	if own == nil {
		own = Environment(os.Environ())
	}
	name := l.Name
	if name == "" {
		name = l.Path
	}
	p, err := os.StartProcess(l.Path, append([]string{name}, l.Args...), &os.ProcAttr{
		Env:   append(own[:len(own):len(own)], env...),
		Files: theirs[:],
		Sys:   &syscall.SysProcAttr{Setpgid: true, Credential: l.Credential},
	})
	closeAll(theirs[:]...)
	if err != nil {
		closeAll(ours[:]...)
		return nil, err
	}
	q := &localProcess{process: p, files: ours, ended: make(chan struct{})}
	go q.reap()
	if l.Started != nil {
		if err := l.Started(p.Pid); err != nil {
			return nil, errors.Join(err, q.Kill())
		}
	}
	return q, nil
}

type localProcess struct {
	process *os.Process
	files   [3]*os.File // our ends of its standard input, output and error

	mu     sync.Mutex
	reaped bool
	ended  chan struct{}
	fate   string
}

// reap waits for the process, then kills what is left of its group, for children that
// keep the pipes open.
func (p *localProcess) reap() {
	state, err := p.process.Wait()
	p.mu.Lock()
	p.reaped = true
	syscall.Kill(-p.process.Pid, syscall.SIGKILL) // there may be nobody
	p.mu.Unlock()
	if err != nil {
		p.fate = err.Error()
	} else {
		p.fate = state.String()
	}
	p.files[0].Close()
	close(p.ended)
}

func (p *localProcess) ID() string        { return strconv.Itoa(p.process.Pid) }
func (p *localProcess) Stdout() io.Reader { return p.files[1] }
func (p *localProcess) Stderr() io.Reader { return p.files[2] }
func (p *localProcess) CloseInput() error { return p.files[0].Close() }
func (p *localProcess) Terminate() error  { return p.process.Signal(syscall.SIGTERM) }

func (p *localProcess) Kill() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped {
		return nil
	}
	return syscall.Kill(-p.process.Pid, syscall.SIGKILL)
}

func (p *localProcess) Wait() string {
	<-p.ended
	return p.fate
}
