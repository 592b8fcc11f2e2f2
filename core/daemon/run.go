package daemon

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/engine"
	"github.com/plugvisor/plugvisor/core/extension"
	"github.com/plugvisor/plugvisor/core/httpd"
	"github.com/plugvisor/plugvisor/core/logfile"
	"github.com/plugvisor/plugvisor/core/mainlog"
	"github.com/plugvisor/plugvisor/core/metrics"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/internal/resident"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// builtinFactory is the Python name of the supervisor namespace.
const builtinFactory = "supervisor.rpcinterface:make_main_rpcinterface"

// stopExtensions is how long all extensions together may take to stop.
const stopExtensions = 10 * time.Second

// run is one run of the daemon and the parts that it has built.
type run struct {
	daemon     *daemon
	env        *config.Environment
	settings   *settings
	log        *mainlog.Log
	engine     *engine.Engine
	supervisor *supervisor.Supervisor
	registry   *namespace.Registry
	metrics    *metrics.Metrics
	watcher    logfile.Watcher // of all tails
	extensions *extension.Manager
	listeners  []*httpd.Listener
	undo       []func() // what end takes down, the last first
	pidfile    string   // removed when all of that is down; "" for none
}

// run runs the daemon once. It answers whether a restart was asked for.
func (d *daemon) run(first bool) (again bool, err error) {
	r := &run{daemon: d, env: config.SystemEnvironment()}
	r.env.Users = users{d}
	if r.settings, err = d.settle(r.env); err != nil {
		return false, err
	}
	if first && !r.settings.NoDaemon && d.detached == nil {
		return false, d.detach()
	}
	catchSignals(d.signals)
	defer r.end()
	if err := r.build(first); err != nil {
		return false, err
	}
	if first && d.detached != nil {
		if err := r.background(); err != nil {
			return false, err
		}
	}
	r.supervisor.Settle()
	r.writePidfile()
	r.serve()
	r.supervisor.Begin()
	if first {
		reportStarted(d.detached)
	}
	stopSignals := r.handleSignals()
	defer resident.Keep()()
	<-r.supervisor.Done()
	stopSignals() // the last may have made a shutdown of a restart
	return r.supervisor.State() == rpcinterface.SupervisorRestarting, nil
}

// later has f done when the run ends.
func (r *run) later(f func()) { r.undo = append(r.undo, f) }

func (r *run) end() {
	for i := len(r.undo) - 1; i >= 0; i-- {
		r.undo[i]()
	}
	if r.pidfile != "" {
		os.Remove(r.pidfile)
	}
}

// build makes every part, in the order in which the reference does.
func (r *run) build(first bool) error {
	s := r.settings
	criticals, infos, err := s.dropPrivileges(users{r.daemon}.names())
	if err != nil {
		return err
	}
	r.env.UID = os.Getuid()
	if first {
		raised, err := s.raiseLimits()
		if err != nil {
			return err
		}
		infos = append(infos, raised...)
		child.IgnoreInherited()
		if r.daemon.children, err = child.New(r.daemon.orphan); err != nil {
			return err
		}
	}
	if err := r.openLog(criticals, infos); err != nil {
		return err
	}
	if !s.NoCleanup {
		r.cleanLogs()
	}
	r.engine = engine.New(engine.Config{
		Children:     r.daemon.children,
		Logger:       r.log,
		Environ:      r.env.Environ,
		ServerURL:    s.serverURL,
		ChildLogDir:  s.ChildLogDir,
		Identifier:   s.Identifier,
		StripANSI:    s.StripANSI,
		SplitCommand: config.SplitCommand,
		JudgeResult:  r.judgeResult,
	})
	r.later(r.engine.Close)
	for _, g := range s.config.Groups {
		if g.FastCGI == nil {
			continue
		}
		if err := r.engine.CheckSocket(g.FastCGI); err != nil {
			return err
		}
	}
	r.supervisor = supervisor.New(supervisor.Config{
		Identifier: s.Identifier,
		Groups:     s.config.Groups,
		Effects:    r.engine,
		Logger:     r.log,
		Serials:    r.daemon.serials,
	})
	// Extensions may add programs while they are configured. Where the start fails
	// the loop ends with the process.
	go r.supervisor.Run()
	r.registry = namespace.New(r.supervisor.State)
	r.metrics = metrics.New(r.supervisor, supervisorns.Version, r.registry.Has, r.log)
	r.registry.Observe(r.metrics.Observe)
	return r.openInterfaces()
}

// judgeResult has an extension's result handler judge what a listener answered. One
// that is down or late rejects the event, which sends it again; it never ends the
// listener's subscription.
func (r *run) judgeResult(handler string, e rpcinterface.Event, result []byte) process.Verdict {
	accepted, err := r.extensions.HandleResult(context.Background(), handler, e, result)
	if err != nil {
		r.log.Log(rpcinterface.LevelWarn, fmt.Sprintf("result handler %s: %v", handler, err))
	}
	if !accepted || err != nil {
		return process.Reject
	}
	return process.Accept
}

// openInterfaces opens the servers' sockets and starts the extensions. Without a
// server nobody could call one, and none is loaded, as in the reference; those whose
// result handlers listeners name always are.
func (r *run) openInterfaces() error {
	cfg := r.settings.config
	servers := cfg.Servers
	r.extensions = extension.New(extension.Config{
		Specs:        cfg.Extensions,
		Handlers:     resultHandlers(cfg),
		HandlersOnly: len(servers) == 0,
		Builtins:     map[string]rpcinterface.Namespace{builtinFactory: r.supervisorNamespace()},
		Reload:       r.reloadExtensions,
		Version:      Version,
		Bundled:      r.bundled(),
		PluginDirs:   pluginDirs(),
		RunDir:       runDir(r.env.UID),
		Engine: &host{
			Supervisor: r.supervisor, env: r.env,
			context: cfg.ProgramContext(), included: cfg.Included, log: r.log,
		},
		Registry: r.registry,
		Children: r.daemon.children,
		Logger:   r.log,
		HCLog:    r.log.HCLog,
	})
	r.metrics.Extensions(r.extensions.List)
	if err := r.extensions.Resolve(); err != nil {
		return err
	}
	for _, spec := range servers {
		l, err := httpd.Listen(spec)
		if err != nil {
			return err
		}
		r.later(l.Close)
		r.listeners = append(r.listeners, l)
	}
	r.later(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopExtensions)
		defer cancel()
		r.extensions.Stop(ctx)
	})
	if err := r.startExtensions(); err != nil {
		return err
	}
	for _, spec := range servers {
		if spec.Username == "" {
			r.log.Log(rpcinterface.LevelCrit, fmt.Sprintf("Server %s running without any HTTP authentication checking",
				pytext.ReprString(spec.Section)))
		}
	}
	return nil
}

// startExtensions starts the extensions. It may take as long as a plugin likes to
// be started, so a signal that asks for the daemon's end is answered at once.
func (r *run) startExtensions() error {
	ctx, stop := signal.NotifyContext(context.Background(), exitSignals()...)
	defer stop()
	err := r.extensions.Start(ctx)
	if ctx.Err() != nil {
		r.log.Log(rpcinterface.LevelWarn, "received an exit request while extensions were started")
		return exitError(0)
	}
	return err
}

// resultHandlers are those that the listeners' sections name.
func resultHandlers(cfg *config.Config) []extension.Handler {
	var list []extension.Handler
	for _, g := range cfg.Groups {
		if g.Listener != nil {
			list = append(list, extension.Handler{Section: "eventlistener:" + g.Name, Name: g.Listener.ResultHandler})
		}
	}
	return list
}

func (r *run) bundled() []string {
	names := make([]string, len(r.daemon.Plugins))
	for i, p := range r.daemon.Plugins {
		names[i] = p.Name
	}
	return names
}

// pluginDirs are where a factory that is a bare name is looked for.
func pluginDirs() []string {
	dirs := []string{"/usr/local/lib/supervisor/plugins", "/usr/lib/supervisor/plugins"}
	if exe, err := os.Executable(); err == nil {
		dirs = append([]string{filepath.Join(filepath.Dir(exe), "plugins")}, dirs...)
	}
	return dirs
}

// runDir is where plugins' sockets are made. Socket paths must be short.
func runDir(uid int) string {
	dir := os.TempDir()
	if uid == 0 && os.Getenv("TMPDIR") == "" {
		if info, err := os.Stat("/run"); err == nil && info.IsDir() {
			dir = "/run"
		}
	}
	return filepath.Join(dir, "plugvisor-"+strconv.Itoa(uid))
}

func (r *run) supervisorNamespace() rpcinterface.Namespace {
	return supervisorns.New(supervisorns.Config{
		Supervisor: r.supervisor,
		MainLog:    r.log,
		PID:        os.Getpid(),
		Reload: func() ([]*core.GroupSpec, error) {
			cfg, err := config.Load(r.settings.file, r.env)
			if err != nil {
				return nil, err
			}
			persisted, err := r.supervisor.Restored(context.Background())
			if err != nil {
				return nil, err
			}
			return cfg.Groups, errors.Join(
				notIncluded(persisted, r.settings.file, cfg.Included),
				r.extensions.Check(cfg.Extensions, resultHandlers(cfg)))
		},
	})
}

// reloadExtensions reads the sections of extensions anew.
func (r *run) reloadExtensions() ([]core.ExtensionSpec, error) {
	cfg, err := config.Load(r.settings.file, r.env)
	if err != nil {
		return nil, err
	}
	return cfg.Extensions, nil
}

// serve has the servers answer requests.
func (r *run) serve() {
	pages := r.pages()
	for i, l := range r.listeners {
		l.Serve(r.backend(pages.Handler(!r.settings.config.Servers[i].RefuseGetActions)))
	}
}

func (r *run) backend(pages http.Handler) *httpd.Backend {
	return &httpd.Backend{
		Call:       r.registry.Call,
		MainLog:    r.log.Path,
		ProcessLog: r.processLog,
		Logger:     r.log,
		Follow:     r.watcher.Follow,
		Metrics:    r.metrics,
		Healthz:    metrics.Healthz(r.supervisor),
		Handler:    pages,
	}
}

// processLog is the log that /logtail follows.
func (r *run) processLog(name, channel string) (path string, ok bool) {
	spec, err := r.supervisor.Spec(name)
	if err != nil {
		return "", false
	}
	file := core.LogFile{Kind: core.LogNone}
	switch channel {
	case "stdout":
		file = spec.Stdout.File
	case "stderr":
		file = spec.Stderr.File
	}
	return file.Path, file.Kind == core.LogPath
}

// openLog opens the main log and writes what was found before there was one.
func (r *run) openLog(criticals, infos []string) error {
	s, cfg := r.settings, r.settings.config
	logConfig := mainlog.Config{
		Path: s.Logfile, Level: s.LogLevel, MaxBytes: s.LogfileMaxBytes, Backups: s.LogfileBackups,
		Clock:  core.SystemClock{},
		Report: func(err error) { fmt.Fprintln(r.daemon.Stderr, err) },
	}
	if s.NoDaemon && !s.Silent {
		logConfig.Stdout = r.daemon.Stdout
	}
	var err error
	if r.log, err = mainlog.Open(logConfig); err != nil {
		return err
	}
	r.daemon.useLog(r.log)
	for _, part := range []struct {
		level rpcinterface.LogLevel
		lines []string
	}{
		{rpcinterface.LevelCrit, append(cfg.Criticals, criticals...)},
		{rpcinterface.LevelWarn, cfg.Warnings},
		{rpcinterface.LevelInfo, append(cfg.Infos, infos...)},
	} {
		for _, line := range part.lines {
			r.log.Log(part.level, line)
		}
	}
	return nil
}

// cleanLogs removes the automatic logs that an earlier run left.
func (r *run) cleanLogs() {
	failed, err := logfile.CleanAuto(r.settings.ChildLogDir, r.settings.Identifier)
	if err != nil {
		r.log.Log(rpcinterface.LevelWarn, "Could not clear childlog dir")
	}
	for _, path := range failed {
		r.log.Log(rpcinterface.LevelWarn, "Failed to clean up "+pytext.ReprString(path))
	}
}

// writePidfile writes our pid. The file is removed last: who waits for that, to start
// us anew, finds addresses, sockets and plugins gone.
func (r *run) writePidfile() {
	pid, path := os.Getpid(), r.settings.Pidfile
	if err := os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"), 0o666); err != nil {
		r.log.Log(rpcinterface.LevelCrit, "could not write pidfile "+path)
		return
	}
	r.pidfile = path
	r.log.Log(rpcinterface.LevelDebg, fmt.Sprintf("plugvisor %s, in the place of Supervisor %s", Version, supervisorns.Version))
	r.log.Log(rpcinterface.LevelInfo, fmt.Sprintf("supervisord started with pid %d", pid))
}
