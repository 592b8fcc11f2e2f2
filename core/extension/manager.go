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

	// Reload reads the sections anew.
	Reload func() ([]core.ExtensionSpec, error)
	// Version is that of the daemon.
	Version string

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
	ProbeTimeout time.Duration // of the health check of one that did not answer; 5 s
	LeaveGrace   time.Duration // of a call whose client has left; 5 s
	EndGrace     time.Duration // of the reaper, after pipes or sockets have told of a process's end; 3 s, as on a busy machine
	SlowStart    time.Duration // after which the log says that a start is waited for; 5 s
}

const (
	defaultStartTimeout = 30 * time.Second
	defaultStopTimeout  = 2 * time.Second
	defaultProbeTimeout = 5 * time.Second
	defaultLeaveGrace   = 5 * time.Second
	defaultEndGrace     = 3 * time.Second
	defaultSlowStart    = 5 * time.Second
)

// Manager owns the extensions of one daemon, from Resolve over Start to Stop, in
// this order and by one goroutine; a second Stop does nothing. Its other methods may
// be used by many goroutines at once after Start, List after Resolve.
//
// A listener may name the result handler of a bundled plugin by its legacy name.
// Where no section runs the plugin, the manager runs it for that alone.
type Manager struct {
	cfg          Config
	restart      RestartPolicy
	startTimeout time.Duration
	stopTimeout  time.Duration
	probeTimeout time.Duration
	leaveGrace   time.Duration
	endGrace     time.Duration
	slowStart    time.Duration
	goPlugin     hclog.Logger

	life    context.Context // until Stop
	endLife context.CancelFunc
	changed broadcast
	cgroups cgroups

	mu        sync.Mutex
	sockets   *sockets
	directory string   // of the sockets
	members   []member // replaced whole
	standIns  []standIn
	stopped   bool

	publishing sync.Mutex
	published  bool // the registry has been filled

	applying sync.Mutex // one change of the sections at a time
}

// member is one section: a built-in namespace or an extension.
type member struct {
	spec    core.ExtensionSpec // as it was last taken from the file
	builtin rpcinterface.Namespace
	ext     *extension
	factory factory // as it was resolved then
}

// all gives the sections in their order. The slice does not change.
func (m *Manager) all() []member {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.members
}

// edit has f make other members of a copy of those there are.
func (m *Manager) edit(f func([]member) []member) {
	m.mu.Lock()
	m.members = f(slices.Clone(m.members))
	m.mu.Unlock()
	m.changed.tell()
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
		probeTimeout: cfg.ProbeTimeout,
		leaveGrace:   cfg.LeaveGrace,
		endGrace:     cfg.EndGrace,
		slowStart:    cfg.SlowStart,
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
	if m.probeTimeout == 0 {
		m.probeTimeout = defaultProbeTimeout
	}
	if m.leaveGrace == 0 {
		m.leaveGrace = defaultLeaveGrace
	}
	if m.endGrace == 0 {
		m.endGrace = defaultEndGrace
	}
	if m.slowStart == 0 {
		m.slowStart = defaultSlowStart
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
		m.members = append(m.members, member{spec: spec, ext: newExtension(m, spec), factory: f})
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
	for _, mb := range m.all() {
		if err := checkBuiltin(mb); err != nil {
			return err
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

// checkBuiltin refuses a section of a built-in namespace that has options.
func checkBuiltin(mb member) error {
	if mb.builtin == nil || len(mb.spec.Options) == 0 {
		return nil
	}
	return makeError(mb.spec, "built-in", fmt.Sprintf("it has no option '%s'", mb.spec.Options[0].Name))
}

// claim makes the directory of sockets, if there is none yet, or no longer: what
// cleans up in /tmp may have removed it.
func (m *Manager) claim() (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stopped {
		return errShutdown
	}
	if m.sockets != nil && m.sockets.gone() {
		m.sockets.release()
		m.sockets = nil
	}
	if m.sockets == nil {
		if m.sockets, err = claimSockets(m.cfg.RunDir); err == nil {
			m.directory = m.sockets.dir
		}
	}
	return err
}

// socketDir is where plugins' sockets are made, once claim has succeeded.
func (m *Manager) socketDir() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.directory
}

// attempt is the first start of an extension.
type attempt struct {
	ext    *extension
	order  *order
	refuse func(err error) error // nil where it may fail
}

func newAttempt(x *extension) attempt {
	spec := x.current.Load().spec
	a := attempt{ext: x, order: newOrder(spec)}
	a.order.once = spec.Required
	return a
}

func (m *Manager) attempts() []attempt {
	var list []attempt
	for _, mb := range m.all() {
		if mb.ext == nil || !mb.spec.Enabled {
			continue
		}
		a := newAttempt(mb.ext)
		if mb.spec.Required {
			a.refuse = func(err error) error { return makeError(mb.spec, mb.factory.String(), err.Error()) }
		}
		list = append(list, a)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.standIns {
		a := newAttempt(s.ext)
		a.refuse = func(err error) error {
			return unresolved(s.by, fmt.Errorf("%v: %w", factory{kind: bundled, name: s.plugin}, err))
		}
		list = append(list, a)
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
		a.ext.begin(a.order)
	}
	for _, a := range attempts {
		select {
		case err := <-a.order.outcome:
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
	m.published = true
	m.publishing.Unlock()
	m.publish()
	for _, mb := range m.all() {
		m.announce(mb)
	}
}

// announce logs what became of a section.
func (m *Manager) announce(mb member) {
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

// publish gives the registry the namespaces of this moment, if it is filled at all.
func (m *Manager) publish() {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	if !m.published {
		return
	}
	var entries []namespace.Entry
	for _, mb := range m.all() {
		e := namespace.Entry{Name: mb.spec.Name, Namespace: mb.builtin}
		if mb.ext != nil {
			e.Namespace = mb.ext.endpoint()
		}
		entries = append(entries, e)
	}
	m.cfg.Registry.Replace(append(entries, namespace.Entry{Name: "extension", Namespace: m.namespace()}))
}

// republish gives an extension whose methods are others now its new place in the
// registry, if it has one.
func (m *Manager) republish(x *extension) {
	m.publishing.Lock()
	defer m.publishing.Unlock()
	if m.published && slices.ContainsFunc(m.all(), func(mb member) bool { return mb.ext == x }) {
		m.cfg.Registry.Set(x.name, x.endpoint())
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
		x.end(errShutdown)
	}
	for _, x := range all {
		select {
		case <-x.ended():
		case <-ctx.Done():
			x.kill()
			<-x.ended()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sockets != nil {
		m.sockets.release()
		m.sockets = nil
	}
}

// extensions are those of the sections and then the stand-ins.
func (m *Manager) extensions() []*extension {
	var list []*extension
	for _, mb := range m.all() {
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

// quiet lets what go-plugin says through at DEBUG only, but for errors: what an
// operator should know is said by this package. It warns of plugins that have no
// service for their output, as they may, and of each that ends while it is started.
type quiet struct{ hclog.Logger }

func (q quiet) Info(msg string, args ...any) { q.Logger.Debug(msg, args...) }
func (q quiet) Warn(msg string, args ...any) { q.Logger.Debug(msg, args...) }

func (q quiet) Named(name string) hclog.Logger { return quiet{q.Logger.Named(name)} }
