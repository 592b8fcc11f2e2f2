package extension

import (
	"context"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Engine is what the Host service needs from the supervisor. It may be used by
// many goroutines at once; none of its methods waits for a plugin, so a plugin may
// call the host while the host is calling it. Methods with a context end when it
// does.
//
// A refusal is a *rpcinterface.Fault, in the words that clients see: AddProgram
// answers "BAD_NAME: group: NAME" for an unknown group and "BAD_NAME: NAME" for a
// process that exists, RemoveProcess the same and "STILL_RUNNING: NAME".
type Engine interface {
	State() rpcinterface.SupervisorState
	Identification() string

	// Groups lists the groups in the order in which they were added.
	Groups() []rpcinterface.GroupInfo
	AddGroup(ctx context.Context, group rpcinterface.GroupInfo, persisted bool) error
	// RemoveGroup and RemoveProcess, with lasting, refuse to remove what would be
	// there again after a restart, since the configuration file has it.
	RemoveGroup(ctx context.Context, name string, lasting bool) error

	// These are those of rpcinterface.Host.
	AddPrograms(ctx context.Context, programs []rpcinterface.NewProgram) error
	RemoveProgram(ctx context.Context, group, program string) error
	Program(ctx context.Context, group, program string) (rpcinterface.ProgramInfo, error)
	UpdateProgram(ctx context.Context, group, program string, options rpcinterface.Struct,
		strategy rpcinterface.UpdateStrategy, dryRun bool) ([]rpcinterface.ProcessUpdate, error)
	SetNumProcs(ctx context.Context, group, program string, n int) (added, removed []string, err error)
	// RestorePrograms is also told which extension asks.
	RestorePrograms(ctx context.Context, extension, path, sections string) error
	PersistedPrograms(ctx context.Context) (string, error)
	// DynamicProcesses lists those of programs that were added at run time, as
	// clients address them.
	DynamicProcesses() []string

	// AddProgram adds the processes of a program to a group, all or none.
	AddProgram(ctx context.Context, group, program string, options rpcinterface.Struct) error
	RemoveProcess(ctx context.Context, group, process string, lasting bool) error

	// Processes lists all processes, sorted by group and name.
	Processes() []rpcinterface.ProcessInfo
	// Process finds one by "process" or "group:process".
	Process(name string) (rpcinterface.ProcessInfo, error)
	StartProcess(ctx context.Context, name string, wait bool) error
	StopProcess(ctx context.Context, name string, wait bool) error
	SignalProcess(ctx context.Context, name, signal string) error

	// ReadLog and TailLog are those of rpcinterface.Host: the name "" is the main
	// log, offsets are bytes.
	ReadLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, error)
	TailLog(ctx context.Context, name, channel string, offset, length int64) ([]byte, int64, bool, error)
	WriteStdin(ctx context.Context, name string, data []byte) error

	// Subscribe begins to read events of the kinds, and of those that come from
	// them, with the sequence number from, or where that is 0 with the next one.
	Subscribe(kinds []core.EventKind, from uint64) rpcinterface.EventStream
	// SendRemoteComm sends a REMOTE_COMMUNICATION event, in every state.
	SendRemoteComm(typ, data string)
}
