package engine

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Config is what an Engine works with.
type Config struct {
	Children *child.Children
	Logger   core.Logger
	// Environ is the environment that children get, before what is theirs.
	Environ []string
	// ServerURL is where children find the daemon, "" when it has no server.
	ServerURL string
	// ChildLogDir is where automatic log files are made, Identifier is in their
	// names.
	ChildLogDir, Identifier string
	// StripANSI removes escape sequences from what children write.
	StripANSI bool
	// SplitCommand takes a command line apart, with the reference's errors.
	SplitCommand func(command string) ([]string, error)
	// JudgeResult is what a result handler that is not the default one says.
	JudgeResult func(handler string, e rpcinterface.Event, result []byte) process.Verdict
}

// Engine is the supervisor.Effects that really happen.
type Engine struct {
	Config
	spawns  *queue
	files   *queue
	sockets *sockets
	writers logfile.Writers // of all logs of processes
}

var _ supervisor.Effects = (*Engine)(nil)

// New makes an engine. Close ends it.
func New(cfg Config) *Engine {
	return &Engine{Config: cfg, spawns: newQueue(), files: newQueue(), sockets: newSockets(cfg.Logger)}
}

// Close ends the engine's goroutines once they have done what was asked of them.
func (e *Engine) Close() {
	e.spawns.close()
	e.files.close()
}

// Spawn starts a process when those before it were started.
func (e *Engine) Spawn(job supervisor.SpawnJob) {
	e.spawns.add(func() { e.spawn(job) })
}

// Signal sends a signal at once.
func (e *Engine) Signal(pid, signal int, group bool) error {
	return e.Children.Signal(pid, syscall.Signal(signal), group)
}

// HandleResult has a listener's result judged.
func (e *Engine) HandleResult(handler string, ev rpcinterface.Event, result []byte, done func(process.Verdict)) {
	go func() { done(e.JudgeResult(handler, ev, result)) }()
}

// ClearLogs empties the log files of a process that is not running.
func (e *Engine) ClearLogs(spec *core.ProcessSpec) error {
	var errs []error
	for _, log := range [...]core.LogSpec{spec.Stdout, spec.Stderr} {
		if log.File.Kind == core.LogPath {
			errs = append(errs, logfile.Empty(log.File.Path))
		}
	}
	return errors.Join(errs...)
}

// PrepareLogs makes automatic log files. One that cannot be made is left out, with
// a line in the main log.
func (e *Engine) PrepareLogs(specs []*core.ProcessSpec, done func([]*core.ProcessSpec)) {
	e.files.add(func() {
		out := make([]*core.ProcessSpec, len(specs))
		for i, spec := range specs {
			made := *spec
			e.makeAuto(&made.Stdout, spec.Name, "stdout")
			e.makeAuto(&made.Stderr, spec.Name, "stderr")
			out[i] = &made
		}
		done(out)
	})
}

func (e *Engine) makeAuto(log *core.LogSpec, name, channel string) {
	if log.File.Kind != core.LogAuto {
		return
	}
	path, err := logfile.CreateAuto(e.ChildLogDir, name, channel, e.Identifier)
	if err != nil {
		e.Logger.Log(rpcinterface.LevelErro, fmt.Sprintf("cannot make the %s log of %s, it is not kept: %v", channel, name, err))
		log.File = core.LogFile{Kind: core.LogNone}
		return
	}
	log.File = core.LogFile{Kind: core.LogPath, Path: path}
}

// environ is the environment of a process.
func (e *Engine) environ(group string, spec *core.ProcessSpec) []string {
	own := make([]core.EnvVar, 0, 4+len(spec.Environment))
	own = append(own, core.EnvVar{Name: "SUPERVISOR_ENABLED", Value: "1"})
	url := e.ServerURL
	if spec.ServerURL != nil {
		url = *spec.ServerURL
	}
	if url != "" {
		own = append(own, core.EnvVar{Name: "SUPERVISOR_SERVER_URL", Value: url})
	}
	own = append(own,
		core.EnvVar{Name: "SUPERVISOR_PROCESS_NAME", Value: spec.Name},
		core.EnvVar{Name: "SUPERVISOR_GROUP_NAME", Value: group})
	return merge(e.Environ, append(own, spec.Environment...))
}

// merge puts variables over an environment; the last of a name counts.
func merge(base []string, over []core.EnvVar) []string {
	last := make(map[string]int, len(over))
	for i, v := range over {
		last[v.Name] = i
	}
	out := make([]string, 0, len(base)+len(over))
	for _, entry := range base {
		if _, replaced := last[nameOf(entry)]; !replaced {
			out = append(out, entry)
		}
	}
	for i, v := range over {
		if last[v.Name] == i {
			out = append(out, v.Name+"="+v.Value)
		}
	}
	return out
}

func nameOf(entry string) string {
	for i := range len(entry) {
		if entry[i] == '=' {
			return entry[:i]
		}
	}
	return entry
}

// closeAll closes files that are not nil.
func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
