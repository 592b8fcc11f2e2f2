package core

import (
	"os"
	"slices"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Autorestart says when a process that exited by itself is started again.
type Autorestart int

// The policies of autorestart=.
const (
	RestartNever Autorestart = iota
	RestartUnexpected
	RestartAlways
)

// LogKind says what kind of log file a stream has.
type LogKind int

// The kinds of log files.
const (
	LogAuto LogKind = iota // a name is made up when the group is added
	LogNone
	LogPath
)

// LogFile is the value of stdout_logfile= or stderr_logfile=.
type LogFile struct {
	Kind LogKind
	Path string // for LogPath
}

// LogSpec is how one output stream of a process is kept.
type LogSpec struct {
	File            LogFile
	MaxBytes        int64 // rotate at this size; 0 never
	Backups         int64
	CaptureMaxBytes int64 // 0: no capture mode
	EventsEnabled   bool
	Syslog          bool
}

// EnvVar is one variable of an environment.
type EnvVar struct {
	Name, Value string
}

// ProgramKind says what section a process comes from, and so what its standard
// streams are for.
type ProgramKind int

// The kinds of programs.
const (
	PlainProgram ProgramKind = iota
	// EventListener speaks the event listener protocol on stdin and stdout.
	EventListener
	// FastCGIProgram has its group's socket as stdin.
	FastCGIProgram
)

// ProcessSpec is the configuration of one process ([program:x] makes numprocs of
// them).
type ProcessSpec struct {
	Name    string
	Program string // name of the program that it is a process of
	Number  int64  // process_num
	// Source is the program's configuration as it was written; all of its processes
	// share it. Nil where nobody wrote one.
	Source       *ProgramSource
	Kind         ProgramKind
	Command      string
	Directory    *string // nil: the supervisor's own
	UID          *int    // nil: the supervisor's own
	Umask        *int
	Priority     int64
	Autostart    bool
	Autorestart  Autorestart
	StartSecs    int64
	StartRetries int64
	StopSignal   int
	StopWaitSecs int64
	StopAsGroup  bool
	KillAsGroup  bool
	ExitCodes    []int
	// RedirectStderr sends stderr to stdout's pipe; Stderr then has no file.
	RedirectStderr bool
	Stdout, Stderr LogSpec
	// Environment is in the order in which variables were first set.
	Environment []EnvVar
	// ServerURL is serverurl=; nil (AUTO) means the daemon's own, "" that the
	// process is told of no server.
	ServerURL *string
}

// ProgramSource is the configuration of a program as it was written, or given to
// whoever added it. It does not change: what changes has another one.
type ProgramSource struct {
	// Options are those that are set, by names in lower case, in their order. What
	// comes from a file is text.
	Options rpcinterface.Struct
	// Dynamic: it was added at run time. Its environment lacks the variables of
	// [supervisord], as in the reference's extension.
	Dynamic bool
	// Persisted: it was added at run time and counts as configured.
	Persisted bool
	// OwnGroup: its group was made for it, and goes with it.
	OwnGroup bool
}

// With is the source with some options set to others, or absent where they are nil
// or empty.
func (s *ProgramSource) With(options rpcinterface.Struct) *ProgramSource {
	out := *s
	out.Options = slices.Clone(s.Options)
	for _, m := range options {
		m.Name = strings.ToLower(m.Name)
		i := slices.IndexFunc(out.Options, func(old rpcinterface.Member) bool { return old.Name == m.Name })
		absent := rpcinterface.KindOf(m.Value) == rpcinterface.KindNil || m.Value == rpcinterface.Value(rpcinterface.String(""))
		switch {
		case absent && i >= 0:
			out.Options = slices.Delete(out.Options, i, i+1)
		case absent:
		case i >= 0:
			out.Options[i].Value = m.Value
		default:
			out.Options = append(out.Options, m)
		}
	}
	return &out
}

// Equal compares as supervisor.reloadConfig does to find changed groups: a log
// file that is AUTO on either side is equal to any other.
func (p *ProcessSpec) Equal(q *ProcessSpec) bool {
	return p.Name == q.Name && p.Command == q.Command &&
		equalPtr(p.Directory, q.Directory) && equalPtr(p.UID, q.UID) && equalPtr(p.Umask, q.Umask) &&
		p.Priority == q.Priority && p.Autostart == q.Autostart && p.Autorestart == q.Autorestart &&
		p.StartSecs == q.StartSecs && p.StartRetries == q.StartRetries &&
		p.StopSignal == q.StopSignal && p.StopWaitSecs == q.StopWaitSecs &&
		p.StopAsGroup == q.StopAsGroup && p.KillAsGroup == q.KillAsGroup &&
		slices.Equal(p.ExitCodes, q.ExitCodes) && p.RedirectStderr == q.RedirectStderr &&
		p.Stdout.equal(q.Stdout) && p.Stderr.equal(q.Stderr) &&
		equalEnv(p.Environment, q.Environment) && equalPtr(p.ServerURL, q.ServerURL)
}

func (l LogSpec) equal(m LogSpec) bool {
	if l.File.Kind == LogAuto || m.File.Kind == LogAuto {
		l.File, m.File = LogFile{}, LogFile{}
	}
	return l == m
}

func equalPtr[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// equalEnv ignores the order, as the reference compares dictionaries.
func equalEnv(a, b []EnvVar) bool {
	if len(a) != len(b) {
		return false
	}
	for _, v := range a {
		if !slices.Contains(b, v) {
			return false
		}
	}
	return true
}

// GroupSpec is the configuration of a process group: a [group:x] section, or a
// program, event listener or FastCGI program that stands alone.
type GroupSpec struct {
	Name      string
	Priority  int64
	Processes []*ProcessSpec
	Listener  *ListenerSpec // not nil for an event listener pool
	FastCGI   *SocketSpec   // not nil for a FastCGI program
	// Dynamic: it was added at run time. Persisted: and counts as configured.
	Dynamic, Persisted bool
}

// Equal compares as supervisor.reloadConfig does.
func (g *GroupSpec) Equal(h *GroupSpec) bool {
	return g.Name == h.Name && g.Priority == h.Priority &&
		slices.EqualFunc(g.Processes, h.Processes, (*ProcessSpec).Equal) &&
		g.Listener.equal(h.Listener) && g.FastCGI.equal(h.FastCGI)
}

// ListenerSpec is what makes a group a pool of event listeners.
type ListenerSpec struct {
	BufferSize int64       // events that may wait, at least 1
	Events     []EventKind // subscriptions, each once, in the order of EventKind
	// ResultHandler is result_handler as written; DefaultResultHandler where the
	// option is absent.
	ResultHandler string
}

// DefaultResultHandler accepts an event whose result is OK and nothing else.
const DefaultResultHandler = "supervisor.dispatchers:default_handler"

func (l *ListenerSpec) equal(m *ListenerSpec) bool {
	if l == nil || m == nil {
		return l == m
	}
	return l.BufferSize == m.BufferSize && l.ResultHandler == m.ResultHandler && slices.Equal(l.Events, m.Events)
}

// SocketSpec is the socket that the processes of a FastCGI program share as their
// standard input.
type SocketSpec struct {
	URL  string // "unix:///path" or "tcp://host:port": what log lines show
	Path string // for a unix socket, else ""
	Host string // for TCP, in lower case
	Port int
	// Mode and the owner are a unix socket's; an owner of -1 is left alone.
	Mode     os.FileMode
	OwnerUID int
	OwnerGID int
	Backlog  int64 // 0: the system's maximum
}

// equal compares the URL alone, as the reference does.
func (s *SocketSpec) equal(t *SocketSpec) bool {
	if s == nil || t == nil {
		return s == t
	}
	return s.URL == t.URL
}

// ServerSpec is the configuration of one HTTP server.
type ServerSpec struct {
	Section  string // "inet_http_server", "unix_http_server", or with ":name"
	Unix     bool
	Host     string // "" means all addresses
	Port     int
	File     string // the socket's path, for Unix
	Mode     os.FileMode
	ChownUID int // -1: leave
	ChownGID int
	Username string // "": no authentication
	Password string // plain, or {SHA} and the hex digest
	// CertFile and KeyFile are the PEM files of a server that speaks TLS; both are ""
	// for one that does not, and they may be one file.
	CertFile, KeyFile string
	// OpenMetrics and OpenHealthz say that /metrics and /healthz ask for no login.
	OpenMetrics, OpenHealthz bool
	// RefuseGetActions says that the web interface takes actions by POST alone.
	RefuseGetActions bool
}

// ExtensionSpec is the configuration of one [rpcinterface:x] section.
type ExtensionSpec struct {
	Name    string // the namespace
	Section string // "rpcinterface:NAME"
	File    string // the file that the section stands in
	Factory string // supervisor.rpcinterface_factory, as written
	// Options are the keys that go to the plugin, in the file's order.
	Options []rpcinterface.Option
	// Grants is plugin.grants; nil where the key is absent.
	Grants *rpcinterface.Grants
	// Required is plugin.required: a failure to start ends the daemon's start-up.
	Required bool
	// Enabled is plugin.enabled.
	Enabled bool
	// CallTimeout is plugin.call_timeout.
	CallTimeout time.Duration
	// SHA256 is plugin.sha256 in lower case, "" where the key is absent.
	SHA256 string
	// User is plugin.user, a name or a number, "" for the daemon's own.
	User string
	// Environment is plugin.environment.
	Environment []EnvVar
	Limits      PluginLimits
}

// PluginLimits are what a plugin may use; 0 means no limit.
type PluginLimits struct {
	Memory int64         // plugin.max_memory, in bytes
	CPU    time.Duration // plugin.max_cpu, processor time in whole seconds
	Files  int64         // plugin.max_files, descriptors
}

// SupervisordSpec is the [supervisord] section.
type SupervisordSpec struct {
	MinFDs          int64
	MinProcs        int64
	Directory       *string
	User            *string
	Umask           int
	Logfile         string
	LogfileMaxBytes int64
	LogfileBackups  int64
	LogLevel        rpcinterface.LogLevel
	Pidfile         string
	Identifier      string
	NoDaemon        bool
	Silent          bool
	ChildLogDir     string
	NoCleanup       bool
	StripANSI       bool
	Environment     []EnvVar
	// RefuseGetActions holds for the servers that do not say otherwise.
	RefuseGetActions bool
}
