package engine

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// spawn starts one process and tells the loop what became of it.
func (e *Engine) spawn(job supervisor.SpawnJob) {
	running, pid, ended, why := e.start(job)
	if why != "" {
		job.Started(nil, 0, why)
		return
	}
	job.Started(running, pid, "")
	go func() {
		status := <-ended
		running.drain()
		job.Ended(StatusOf(status))
	}()
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
func (e *Engine) start(job supervisor.SpawnJob) (r *running, pid int, ended <-chan syscall.WaitStatus, why string) {
	spec := job.Spec
	file, argv, problem := e.resolve(spec)
	if problem != nil {
		return nil, 0, nil, problem.text
	}
	r, files, err := e.open(spec)
	if err != nil {
		if errors.Is(err, syscall.EMFILE) {
			return nil, 0, nil, fmt.Sprintf("too many open files to spawn '%s'", spec.Name)
		}
		return nil, 0, nil, fmt.Sprintf("unknown error making dispatchers for '%s': %s", spec.Name, errnoName(err))
	}
	defer closeAll(files[:]...)
	exits := make(chan syscall.WaitStatus, 1)
	pid, err = e.Children.Start(&child.Spec{
		Path:         file,
		Argv:         argv,
		Env:          e.environ(job.Group, spec),
		Dir:          stringOf(spec.Directory),
		Umask:        spec.Umask,
		UID:          spec.UID,
		Files:        childFiles(files, spec.RedirectStderr),
		ProcessGroup: true,
	}, func(status syscall.WaitStatus) { exits <- status })
	if err != nil {
		r.drain()
		if errors.Is(err, syscall.EAGAIN) {
			return nil, 0, nil, fmt.Sprintf("Too many processes in process table to spawn '%s'", spec.Name)
		}
		return nil, 0, nil, fmt.Sprintf("unknown error during fork for '%s': %s", spec.Name, errnoName(err))
	}
	return r, pid, exits, ""
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

// open makes a process's pipes and opens its logs. files are the child's ends of
// stdin, stdout and stderr; the last is nil when stderr goes to stdout.
func (e *Engine) open(spec *core.ProcessSpec) (r *running, files [3]*os.File, err error) {
	r = &running{report: e.report}
	defer func() {
		if err != nil {
			r.drain()
			closeAll(files[:]...)
		}
	}()
	var write *os.File
	if files[0], write, err = child.InputPipe(); err != nil {
		return r, files, err
	}
	r.stdin = newStdin(write)
	if files[1], err = e.openStream(r, spec, spec.Stdout, "stdout"); err != nil || spec.RedirectStderr {
		return r, files, err
	}
	files[2], err = e.openStream(r, spec, spec.Stderr, "stderr")
	return r, files, err
}

func (e *Engine) openStream(r *running, spec *core.ProcessSpec, log core.LogSpec, channel string) (*os.File, error) {
	read, childEnd, err := child.OutputPipe()
	if err != nil {
		return nil, err
	}
	cfg := logfile.StreamConfig{
		Name:            spec.Name,
		MaxBytes:        log.MaxBytes,
		Backups:         log.Backups,
		Syslog:          log.Syslog,
		StripANSI:       e.StripANSI,
		CaptureMaxBytes: log.CaptureMaxBytes,
		OnData:          e.onData(spec.Name, channel),
		Report:          e.report,
	}
	if log.File.Kind == core.LogPath {
		cfg.Path = log.File.Path
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

// onData copies output to the main log when its level is debug.
func (e *Engine) onData(name, channel string) func([]byte) {
	if !e.Logger.Enabled(rpcinterface.LevelDebg) {
		return nil
	}
	return func(data []byte) {
		text := string(data)
		if !utf8.Valid(data) {
			text = "Undecodable: " + pytext.ReprBytes(data)
		}
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s output:\n%s", pytext.ReprString(name), channel, text)
		e.Logger.Log(rpcinterface.LevelDebg, b.String())
	}
}

func childFiles(files [3]*os.File, redirectStderr bool) []*os.File {
	if redirectStderr {
		files[2] = files[1]
	}
	return files[:]
}
