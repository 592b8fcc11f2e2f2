package extension

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Config is what a Manager works with. Only the fields that say so may be left out.
type Config struct {
	// Specs are the [rpcinterface:x] sections in the file's order.
	Specs []core.ExtensionSpec
	// Builtins are the namespaces that the daemon serves itself, by factory.
	Builtins map[string]rpcinterface.Namespace
	// Bundled names the plugins that the daemon's executable holds.
	Bundled []string
	// PluginDirs are where the file of a bare factory name is looked for.
	PluginDirs []string
	// RunDir is where the directory of the plugins' sockets is made. Its path must
	// be short.
	RunDir string
	// Environ is the daemon's environment, of which plugins inherit a part; nil
	// means os.Environ.
	Environ []string

	Engine   Engine
	Registry *namespace.Registry
	Children *child.Children
	Logger   core.Logger
	// HCLog makes the logger of an extension's own output.
	HCLog func(name string) hclog.Logger
	Clock core.Clock // nil means the machine's

	// Zero values of these mean the defaults.
	Restart      RestartPolicy
	StartTimeout time.Duration // of launch, Describe and Configure together; 30 s
	StopTimeout  time.Duration // of Shutdown; 2 s
}

const (
	defaultStartTimeout = 30 * time.Second
	defaultStopTimeout  = 2 * time.Second
)

// Manager owns the extensions of one daemon, from Resolve over Start to Stop, in
// this order and by one goroutine; a second Stop does nothing. List may be used by
// many goroutines at once after Resolve.
type Manager struct {
	cfg          Config
	restart      RestartPolicy
	startTimeout time.Duration
	stopTimeout  time.Duration
	goPlugin     hclog.Logger

	members []member
	sockets *sockets

	publishing sync.Mutex
	published  bool // the registry has been filled
}

// member is one section: a built-in namespace or an extension.
type member struct {
	spec    core.ExtensionSpec
	builtin rpcinterface.Namespace
	ext     *extension
}

// New makes a manager and starts nothing.
func New(cfg Config) *Manager {
	if cfg.Clock == nil {
		cfg.Clock = core.SystemClock{}
	}
	if cfg.Environ == nil {
		cfg.Environ = os.Environ()
	}
	m := &Manager{
		cfg:          cfg,
		restart:      cfg.Restart,
		startTimeout: cfg.StartTimeout,
		stopTimeout:  cfg.StopTimeout,
		goPlugin:     quiet{cfg.HCLog("go-plugin")},
	}
	if m.restart == (RestartPolicy{}) {
		m.restart = DefaultRestartPolicy()
	}
	if m.startTimeout == 0 {
		m.startTimeout = defaultStartTimeout
	}
	if m.stopTimeout == 0 {
		m.stopTimeout = defaultStopTimeout
	}
	return m
}

func (m *Manager) sources() sources {
	return sources{
		builtin: func(name string) bool { _, ok := m.cfg.Builtins[name]; return ok },
		bundled: m.cfg.Bundled,
		dirs:    m.cfg.PluginDirs,
	}
}

// Resolve finds what every factory means. The error is that of the first section
// whose factory is nothing that can be run, in the words "… cannot be resolved
// within [rpcinterface:x]: …"; an extension that is not required is let pass, and
// looked for again when it is started.
func (m *Manager) Resolve() error {
	for _, spec := range m.cfg.Specs {
		f, err := m.sources().resolve(spec)
		if err != nil && (spec.Required && spec.Enabled) {
			return err
		}
		if err == nil && f.kind == builtin {
			m.members = append(m.members, member{spec: spec, builtin: m.cfg.Builtins[f.name]})
			continue
		}
		x := newExtension(m, spec)
		x.resolved, x.known = f, err == nil
		m.members = append(m.members, member{spec: spec, ext: x})
	}
	return nil
}

// Start launches all extensions at the same time and fills the registry in the
// sections' order when each has accepted its configuration. The error is that of
// the first section, in their order, that is required and failed; it begins with
// "Could not make x rpc interface: ", and nothing is left running then.
func (m *Manager) Start(ctx context.Context) error {
	for _, mb := range m.members {
		if mb.builtin != nil && len(mb.spec.Options) > 0 {
			return makeError(mb.spec, "built-in", fmt.Sprintf("it has no option '%s'", mb.spec.Options[0].Name))
		}
	}
	if slices.ContainsFunc(m.members, func(mb member) bool { return mb.ext != nil && mb.spec.Enabled }) {
		s, err := claimSockets(m.cfg.RunDir)
		if err != nil {
			return err
		}
		m.sockets = s
	}
	if err := m.launchAll(ctx); err != nil {
		m.Stop(context.WithoutCancel(ctx))
		return err
	}
	m.register()
	return nil
}

func (m *Manager) launchAll(ctx context.Context) error {
	outcomes := make([]chan error, len(m.members))
	for i, mb := range m.members {
		outcomes[i] = make(chan error, 1)
		if mb.ext == nil || !mb.spec.Enabled {
			outcomes[i] <- nil
			continue
		}
		var life context.Context
		life, mb.ext.cancel = context.WithCancel(context.WithoutCancel(ctx))
		go mb.ext.lead(life, outcomes[i])
	}
	for i, mb := range m.members {
		select {
		case err := <-outcomes[i]:
			if err != nil && mb.spec.Required {
				return makeError(mb.spec, mb.ext.resolved.String(), err.Error())
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

func makeError(spec core.ExtensionSpec, factory, reason string) error {
	place := "[" + spec.Section + "] ("
	if spec.File != "" {
		place += "file: '" + spec.File + "', "
	}
	place += "factory: " + factory + ")"
	remedy := "correct the section"
	if factory != "built-in" {
		remedy += ", or set plugin.required=false to start without it"
	}
	return fmt.Errorf("Could not make %s rpc interface: %s: %s; %s", spec.Name, place, reason, remedy)
}

// register fills the registry.
func (m *Manager) register() {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	for _, mb := range m.members {
		if mb.builtin != nil {
			m.cfg.Registry.Set(mb.spec.Name, mb.builtin)
		} else {
			m.cfg.Registry.Set(mb.spec.Name, mb.ext.endpoint())
		}
		state := Running
		if mb.ext != nil {
			state = mb.ext.current.Load().life.state
		}
		switch state {
		case Running:
			m.cfg.Logger.Log(rpcinterface.LevelInfo, fmt.Sprintf("RPC interface '%s' initialized", mb.spec.Name))
		case Disabled:
			m.cfg.Logger.Log(rpcinterface.LevelInfo, fmt.Sprintf("RPC interface '%s' is disabled", mb.spec.Name))
		}
	}
	m.published = true
}

// republish gives an extension whose methods are others now its new place in the
// registry. Before the registry is filled there is nothing to do.
func (m *Manager) republish(x *extension) {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	if m.published {
		m.cfg.Registry.Set(x.spec.Name, x.endpoint())
	}
}

// Stop ends all extensions at the same time: each is asked to shut down, for as
// long as StopTimeout, and then killed. When ctx ends first, they are killed at
// once. The registry is left as it is.
func (m *Manager) Stop(ctx context.Context) {
	for _, mb := range m.members {
		if mb.ext != nil && mb.ext.cancel != nil {
			mb.ext.cancel()
		}
	}
	for _, mb := range m.members {
		if mb.ext == nil || mb.ext.cancel == nil {
			continue
		}
		select {
		case <-mb.ext.done:
		case <-ctx.Done():
			mb.ext.kill()
			<-mb.ext.done
		}
	}
	if m.sockets != nil {
		m.sockets.release()
		m.sockets = nil
	}
}

// Info is what an operator is told of an extension.
type Info struct {
	Name    string
	Factory string // as written
	State   State
	// Reason is why it is in BACKOFF, FATAL or DISABLED.
	Reason string
	// Since is when it entered the state.
	Since time.Time
	// PID is that of its process, 0 while there is none.
	PID     int
	Version string
	Methods []rpcinterface.Method
	// Grants are those that it holds, Lacking those that it asks for besides.
	Grants, Lacking []rpcinterface.Grant
}

// List tells of all extensions in the sections' order; built-in namespaces are not
// among them.
func (m *Manager) List() []Info {
	var list []Info
	for _, mb := range m.members {
		if mb.ext != nil {
			list = append(list, mb.ext.info())
		}
	}
	return list
}

// quiet lets go-plugin's good news through at DEBUG only: what an operator should
// know is said by this package.
type quiet struct{ hclog.Logger }

func (q quiet) Info(msg string, args ...any) { q.Logger.Debug(msg, args...) }

func (q quiet) Named(name string) hclog.Logger { return quiet{q.Logger.Named(name)} }
