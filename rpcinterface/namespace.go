package rpcinterface

import (
	"context"
	"time"
)

// Namespace is a table of RPC methods under one name. Built-in namespaces and
// plugins are the same to whoever calls them.
//
// Call may be used by many goroutines at once. It ends when ctx does. Its error
// is a *Fault, or becomes FAILED by AsFault.
type Namespace interface {
	// Methods lists what can be called, in the order to show. The slice does not
	// change during the namespace's life: another table is another Namespace.
	Methods() []Method
	// Call runs one method. An unknown one answers UNKNOWN_METHOD.
	Call(ctx context.Context, call *Call) (Value, error)
}

// Method describes one method of a namespace.
type Method struct {
	// Name is the bare name, without the namespace.
	Name string
	// Help is the documentation with its "@param type name text" and "@return
	// type text" lines, as system.methodHelp shows it.
	Help string
	// Signature is the type of the result and then of each parameter. Empty where
	// the documentation names no result.
	Signature []string
}

// Call is one call of a method.
type Call struct {
	// Method is the bare name, without the namespace.
	Method string
	Params []Value
	Caller Caller
	// State is the supervisor's state when the call came in.
	State SupervisorState
	// Token stands for the call when the plugin calls the host on the caller's
	// behalf. It is opaque and valid only while the call runs. "" for built-ins.
	Token string
}

// Caller tells who makes a call.
type Caller struct {
	// User is the authenticated user, "" when the server asks for none.
	User string
	// Peer is the client's address ("127.0.0.1:4711"), or "" on a unix socket.
	Peer string
	// Server is the configuration section of the server that took the call
	// ("inet_http_server", "unix_http_server"), or "plugin:NAME" for a call that
	// a plugin makes of its own accord.
	Server string
}

// Description is what a plugin says of itself before it is configured.
type Description struct {
	// Version is the plugin's own version, free text.
	Version string
	Methods []Method
	// Grants are those it asks for.
	Grants []Grant
	// ResultHandlers names the event listener result handlers it implements.
	ResultHandlers []string
	// Exclusive: two instances must not run at the same time, so a replacement
	// starts only after the old one has stopped.
	Exclusive bool
	// ExclusiveKeys are keys of the section that, where they are written, make the
	// plugin exclusive.
	ExclusiveKeys []string
	// Commands are those that it brings for supervisorctl.
	Commands []Command
}

// Config is a plugin's section of the configuration file.
type Config struct {
	// Name is the namespace: the section's name after "rpcinterface:".
	Name string
	// Options are the section's keys but for the factory and those that begin
	// with "plugin.", in the file's order.
	Options []Option
}

// Option is one key of a section.
type Option struct {
	Name, Value string
}

// Plugin is what a plugin process offers the host. The order is Describe,
// Configure, then calls from many goroutines, then Shutdown.
type Plugin interface {
	Describe(ctx context.Context) (Description, error)
	// Configure hands over the section and the host. Its error refuses the
	// configuration; an unknown key is an error.
	Configure(ctx context.Context, cfg Config, host Host) error
	Call(ctx context.Context, call *Call) (Value, error)
	// HandleResult judges a listener's result: true accepts the event, false
	// rejects it, which sends it again.
	HandleResult(ctx context.Context, handler string, event Event, result []byte) (bool, error)
	Shutdown(ctx context.Context) error
}

// Host is what the supervisor offers a plugin. Every verb keeps the supervisor's
// invariants: it is done whole or not at all. Errors are *Fault where the
// supervisor refuses (a missing grant is FAILED and names it), else transport
// errors.
//
// Processes are addressed as clients do it: "process", "group:process".
type Host interface {
	State(ctx context.Context) (SupervisorState, error)
	Identification(ctx context.Context) (string, error)

	// Groups lists the groups in the order in which they were added.
	Groups(ctx context.Context) ([]GroupInfo, error)
	// AddGroup adds an empty group. ALREADY_ADDED when there is one.
	AddGroup(ctx context.Context, group GroupInfo) error
	// RemoveGroup removes a group whose processes are all stopped.
	RemoveGroup(ctx context.Context, name string) error

	// AddProgram adds the processes of a program to a group, all or none. Options
	// are those of [program:x]; values that are not strings mean what their text
	// would mean in a file.
	AddProgram(ctx context.Context, group, program string, options Struct) error
	// RemoveProcess removes one stopped process from a group.
	RemoveProcess(ctx context.Context, group, process string) error

	// AddPersistedGroup is AddGroup for one that counts as configured.
	AddPersistedGroup(ctx context.Context, group GroupInfo) error
	// AddPrograms adds programs, all or none. The faults are AddProgram's, and
	// ALREADY_ADDED for a group of its own that exists.
	AddPrograms(ctx context.Context, programs []NewProgram) error
	// RemoveProgram removes a program with all of its processes, and with the group
	// that was made for it. BAD_NAME for the group ("group: NAME") or the program,
	// STILL_RUNNING with the process.
	RemoveProgram(ctx context.Context, group, program string) error
	// Program tells of a program. BAD_NAME as for RemoveProgram.
	Program(ctx context.Context, group, program string) (ProgramInfo, error)
	// UpdateProgram changes options of a program, those given, of which an empty or
	// nil one is put back to its default. It returns when all processes have what
	// the strategy gives them. A restart that fails is told by the process's
	// ProcessUpdate; with a fault nothing was done.
	UpdateProgram(ctx context.Context, group, program string, options Struct, strategy UpdateStrategy, dryRun bool) ([]ProcessUpdate, error)
	// SetNumProcs changes how many processes a program has, and gives the names of
	// those that were added or removed.
	SetNumProcs(ctx context.Context, group, program string, n int) (added, removed []string, err error)
	// RestorePrograms adds the groups and programs of sections that PersistedPrograms
	// gave, all or none. What is there already in the same way stays as it is. Path
	// is the file that they come from; where the configuration includes it too they
	// are refused. From then on RemoveGroup and RemoveProcess refuse, with FAILED, what
	// the configuration has: it would be there again after a restart.
	RestorePrograms(ctx context.Context, path, sections string) error
	// PersistedPrograms gives the groups and programs that are persisted, as
	// sections of a configuration file.
	PersistedPrograms(ctx context.Context) (string, error)

	// Processes lists all processes, sorted by group and name.
	Processes(ctx context.Context) ([]ProcessInfo, error)
	Process(ctx context.Context, name string) (ProcessInfo, error)
	// StartProcess starts one process; with wait it returns when it is RUNNING.
	StartProcess(ctx context.Context, name string, wait bool) error
	StopProcess(ctx context.Context, name string, wait bool) error
	// SignalProcess sends a signal, by name ("HUP", "SIGHUP") or number.
	SignalProcess(ctx context.Context, name, signal string) error

	// ReadLog reads a process's log ("stdout" or "stderr"), or the main log where
	// name is "". Offsets are bytes; a negative offset with length 0 reads from
	// the end, as supervisor.readProcessStdoutLog does.
	ReadLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, error)
	// TailLog is supervisor.tailProcessStdoutLog: bytes, next offset, overflow.
	TailLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error)
	// WriteStdin writes to a process's standard input.
	WriteStdin(ctx context.Context, name string, data []byte) error

	// Log writes a line to the supervisor's main log.
	Log(ctx context.Context, level LogLevel, message string) error

	// Subscribe begins to read events of the types and of those that come from
	// them; names are in any case, and an unknown one is BAD_NAME. From is the
	// sequence number to begin with, 0 for the next event that there will be. Where
	// events from there on are not kept any more, the first one read tells how many
	// were dropped. The stream ends with ctx.
	Subscribe(ctx context.Context, types []string, from uint64) (EventStream, error)
	// Publish sends a REMOTE_COMMUNICATION event to all who listen, as
	// supervisor.sendRemoteCommEvent does. It does not wait for them.
	Publish(ctx context.Context, typ, data string) error

	// Call calls a method of another namespace ("supervisor.getPID"). With the
	// token of a call that is running it is made on that caller's behalf.
	Call(ctx context.Context, token, method string, params []Value) (Value, error)
}

// LogLevel is a level of the main log (supervisor.loggers.LevelsByName).
type LogLevel int

// The seven levels.
const (
	LevelBlat LogLevel = 3
	LevelTrac LogLevel = 5
	LevelDebg LogLevel = 10
	LevelInfo LogLevel = 20
	LevelWarn LogLevel = 30
	LevelErro LogLevel = 40
	LevelCrit LogLevel = 50
)

// String gives the four letters that the main log shows, "" for no level.
func (l LogLevel) String() string {
	switch l {
	case LevelBlat:
		return "BLAT"
	case LevelTrac:
		return "TRAC"
	case LevelDebg:
		return "DEBG"
	case LevelInfo:
		return "INFO"
	case LevelWarn:
		return "WARN"
	case LevelErro:
		return "ERRO"
	case LevelCrit:
		return "CRIT"
	}
	return ""
}

// Limits of the contract.
const (
	// MaxMessage is the size, in bytes, that one message between host and plugin
	// may have.
	MaxMessage = 16 << 20
	// MaxCallDepth is how many plugin-to-plugin calls may be nested.
	MaxCallDepth = 8
	// DefaultCallTimeout ends a call of a plugin whose section says nothing.
	DefaultCallTimeout = 60 * time.Second
)
