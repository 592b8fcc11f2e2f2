package engine

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/event"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// spawn starts one process and tells the loop what became of it.
func (e *Engine) spawn(job supervisor.SpawnJob) {
	running, pid, why := e.start(job)
	if why != "" {
		job.Started(nil, 0, why)
		return
	}
	job.Started(running, pid, "")
	close(running.started)
}

// StatusOf puts a wait status into the words of the machine.
func StatusOf(ws syscall.WaitStatus) process.Status {
	if ws.Signaled() {
		return process.Status{Signal: int(ws.Signal()), Core: ws.CoreDump()}
	}
	return process.Status{Code: ws.ExitStatus()}
}

// start does what comes before and with the fork. why is the reference's text when
// something failed.
func (e *Engine) start(job supervisor.SpawnJob) (r *running, pid int, why string) {
	spec := job.Spec
	r = &running{report: e.report, started: make(chan struct{})}
	r.taps = func(spec *core.ProcessSpec, channel event.Channel) func([]byte) {
		return e.onData(r, job, spec, channel)
	}
	defer func() {
		if why != "" {
			r.drain()
			r.Release()
		}
	}()
	// The socket comes first, as in the reference: a bad command makes it too.
	if err := e.takeSocket(r, job); err != nil {
		return r, 0, err.Error()
	}
	file, argv, problem := e.resolve(spec)
	if problem != nil {
		return r, 0, problem.text
	}
	files, err := e.open(r, job)
	defer closeAll(files[:]...)
	if err != nil {
		if errors.Is(err, syscall.EMFILE) {
			return r, 0, fmt.Sprintf("too many open files to spawn '%s'", spec.Name)
		}
		return r, 0, fmt.Sprintf("unknown error making dispatchers for '%s': %s", spec.Name, errnoName(err))
	}
	pid, err = e.Children.Start(&child.Spec{
		Path:         file,
		Argv:         argv,
		Env:          e.environ(job.Group, spec),
		Dir:          stringOf(spec.Directory),
		Umask:        spec.Umask,
		UID:          spec.UID,
		Files:        r.childFiles(files, spec.RedirectStderr),
		ProcessGroup: true,
	}, func(status syscall.WaitStatus) {
		at := time.Now()
		<-r.started
		r.drain()
		job.Ended(StatusOf(status), at)
	})
	if err != nil {
		if errors.Is(err, syscall.EAGAIN) {
			return r, 0, fmt.Sprintf("Too many processes in process table to spawn '%s'", spec.Name)
		}
		return r, 0, fmt.Sprintf("unknown error during fork for '%s': %s", spec.Name, errnoName(err))
	}
	return r, pid, ""
}

// errnoName is the name of the errno in err, such as ENOENT.
func errnoName(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
	}
	return err.Error()
}

func stringOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// takeSocket takes part in the socket of a FastCGI program's group.
func (e *Engine) takeSocket(r *running, job supervisor.SpawnJob) (err error) {
	if job.Socket == nil {
		return nil
	}
	if r.socket, err = e.sockets.acquire(job.Group, job.Socket); err == nil {
		r.release = func() { e.sockets.release(job.Group) }
	}
	return err
}

// open makes a process's pipes and opens its logs. files are the child's ends of
// stdin, stdout and stderr, to be closed in any case; the first is nil when stdin
// is a socket, the last when stderr goes to stdout.
func (e *Engine) open(r *running, job supervisor.SpawnJob) (files [3]*os.File, err error) {
	if r.socket == nil {
		var write *os.File
		if files[0], write, err = child.InputPipe(); err != nil {
			return files, err
		}
		r.stdin = newStdin(write)
	}
	if files[1], err = e.openStream(r, job, event.Stdout); err != nil || job.Spec.RedirectStderr {
		return files, err
	}
	files[2], err = e.openStream(r, job, event.Stderr)
	return files, err
}

func (e *Engine) openStream(r *running, job supervisor.SpawnJob, channel event.Channel) (*os.File, error) {
	read, childEnd, err := child.OutputPipe()
	if err != nil {
		return nil, err
	}
	log := logSpec(job.Spec, channel)
	cfg := logfile.StreamConfig{
		Name:            job.Spec.Name,
		MaxBytes:        log.MaxBytes,
		Backups:         log.Backups,
		Syslog:          log.Syslog,
		StripANSI:       e.StripANSI,
		CaptureMaxBytes: log.CaptureMaxBytes,
		Logged:          job.Logged[channel],
		OnData:          r.taps(job.Spec, channel),
		OnCapture:       e.onCapture(r, job, channel),
		Report:          e.report,
		Writers:         &e.writers,
	}
	if job.OnListener != nil && channel == event.Stdout {
		// The protocol's bytes are not for changing, and have no tokens.
		cfg.StripANSI, cfg.CaptureMaxBytes, cfg.Syslog = false, 0, false
	}
	if log.File.Kind == core.LogPath {
		cfg.Path = log.File.Path
	}
	if channel == event.Stderr {
		cfg.After = r.streams[event.Stdout]
	}
	stream, err := logfile.OpenStream(read, cfg)
	if err != nil {
		closeAll(read, childEnd)
		return nil, err
	}
	r.streams = append(r.streams, stream)
	return childEnd, nil
}

func (e *Engine) report(err error) { e.Logger.Log(rpcinterface.LevelErro, err.Error()) }
