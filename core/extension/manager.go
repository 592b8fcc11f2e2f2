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
	// Handlers are what the listeners' sections name as their result handlers.
	Handlers []Handler
	// HandlersOnly: there is no server. Of the sections only those whose result
	// handlers are named are loaded, and the registry stays empty.
	HandlersOnly bool
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
//
// A listener may name the result handler of a bundled plugin by its legacy name.
// Where no section runs the plugin, the manager runs it for that alone.
type Manager struct {
	cfg          Config
	restart      RestartPolicy
	startTimeout time.Duration
	stopTimeout  time.Duration
	goPlugin     hclog.Logger

	members []member
	sockets *sockets
	life    context.Context // until Stop
	endLife context.CancelFunc

	mu       sync.Mutex
	standIns []standIn
	stopped  bool

	publishing sync.Mutex
	published  bool // the registry has been filled
}

// member is one section: a built-in namespace or an extension.
type member struct {
	spec    core.ExtensionSpec
	builtin rpcinterface.Namespace
	ext     *extension
	factory factory // as it was resolved at the beginning
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
	m.life, m.endLife = context.WithCancel(context.Background())
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

// Resolve finds what every factory means, and who has the result handlers. The
// error is that of the first section whose factory or handler is nothing that there
// is, in the words "… cannot be resolved within [rpcinterface:x]: …"; an extension
// that is not required is let pass, and looked for again when it is started.
func (m *Manager) Resolve() error {
	for _, spec := range m.cfg.Specs {
		f, err := m.sources().resolve(spec)
		if err != nil && (spec.Required && spec.Enabled) {
			return err
		}
		if m.cfg.HandlersOnly && !m.names(spec.Name) {
			continue
		}
		if err == nil && f.kind == builtin {
			m.members = append(m.members, member{spec: spec, builtin: m.cfg.Builtins[f.name]})
			continue
		}
		x := newExtension(m, spec)
		x.resolved, x.known = f, err == nil
		m.members = append(m.members, member{spec: spec, ext: x, factory: f})
	}
	for _, h := range m.cfg.Handlers {
		j, err := m.judgeOf(h.Name)
		if err != nil {
			return unresolved(h, err)
		}
		if j.ext == nil && j.plugin != "" {
			m.addStandIn(j.plugin, h)
		}
	}
	return nil
}

// Start launches all extensions at the same time and fills the registry in the
// sections' order when each has accepted its configuration. The error is that of
// the first section, in their order, that is required and failed; it begins with
// "Could not make x rpc interface: ". Then come those of result handlers, in
// CheckHandlers' words. Nothing is left running after an error.
func (m *Manager) Start(ctx context.Context) error {
	for _, mb := range m.members {
		if mb.builtin != nil && len(mb.spec.Options) > 0 {
			return makeError(mb.spec, "built-in", fmt.Sprintf("it has no option '%s'", mb.spec.Options[0].Name))
		}
	}
	err := m.launchAll(ctx)
	if err == nil {
		err = m.CheckHandlers(m.cfg.Handlers)
	}
	if err != nil {
		m.Stop(context.WithoutCancel(ctx))
		return err
	}
	if !m.cfg.HandlersOnly {
		m.register()
	}
	return nil
}

// claim makes the directory of sockets, if there is none yet.
func (m *Manager) claim() (err error) {
	if m.sockets == nil {
		m.sockets, err = claimSockets(m.cfg.RunDir)
	}
	return err
}

// launch begins the life of an extension.
func (m *Manager) launch(ctx context.Context, x *extension, first chan<- error) {
	ctx, x.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go x.lead(ctx, first)
}

// attempt is the first start of an extension.
type attempt struct {
	ext     *extension
	outcome chan error
	refuse  func(err error) error // nil where it may fail
}

func (m *Manager) attempts() []attempt {
	var list []attempt
	for _, mb := range m.members {
		if mb.ext == nil || !mb.spec.Enabled {
			continue
		}
		a := attempt{ext: mb.ext, outcome: make(chan error, 1)}
		if mb.spec.Required {
			a.refuse = func(err error) error { return makeError(mb.spec, mb.ext.resolved.String(), err.Error()) }
		}
		list = append(list, a)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.standIns {
		list = append(list, attempt{ext: s.ext, outcome: make(chan error, 1), refuse: func(err error) error {
			return unresolved(s.by, fmt.Errorf("%v: %w", s.ext.resolved, err))
		}})
	}
	return list
}

func (m *Manager) launchAll(ctx context.Context) error {
	attempts := m.attempts()
	if len(attempts) == 0 {
		return nil
	}
	if err := m.claim(); err != nil {
		return err
	}
	for _, a := range attempts {
		m.launch(ctx, a.ext, a.outcome)
	}
	for _, a := range attempts {
		select {
		case err := <-a.outcome:
			if err != nil && a.refuse != nil {
				return a.refuse(err)
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
// registry, if it has one. Before the registry is filled there is nothing to do.
func (m *Manager) republish(x *extension) {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	if m.published && slices.ContainsFunc(m.members, func(mb member) bool { return mb.ext == x }) {
		m.cfg.Registry.Set(x.spec.Name, x.endpoint())
	}
}

// Stop ends all extensions at the same time: each is asked to shut down, for as
// long as StopTimeout, and then killed. When ctx ends first, they are killed at
// once. The registry is left as it is.
func (m *Manager) Stop(ctx context.Context) {
	m.endLife()
	m.mu.Lock()
	m.stopped = true
	m.mu.Unlock()
	all := m.extensions()
	for _, x := range all {
		if x.cancel != nil {
			x.cancel()
		}
	}
	for _, x := range all {
		if x.cancel == nil {
			continue
		}
		select {
		case <-x.done:
		case <-ctx.Done():
			x.kill()
			<-x.done
		}
	}
	if m.sockets != nil {
		m.sockets.release()
		m.sockets = nil
	}
}

// extensions are those of the sections and then the stand-ins.
func (m *Manager) extensions() []*extension {
	var list []*extension
	for _, mb := range m.members {
		if mb.ext != nil {
			list = append(list, mb.ext)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.standIns {
		list = append(list, s.ext)
	}
	return list
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

// List tells of all extensions in the sections' order, and then of those that run
// for result handlers alone; built-in namespaces are not among them.
func (m *Manager) List() []Info {
	var list []Info
	for _, x := range m.extensions() {
		list = append(list, x.info())
	}
	return list
}

// quiet lets go-plugin's good news through at DEBUG only: what an operator should
// know is said by this package.
type quiet struct{ hclog.Logger }

func (q quiet) Info(msg string, args ...any) { q.Logger.Debug(msg, args...) }

func (q quiet) Named(name string) hclog.Logger { return quiet{q.Logger.Named(name)} }
