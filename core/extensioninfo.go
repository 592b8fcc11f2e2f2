package core

import "time"

// ExtensionState is the state of an extension, with the codes that
// extension.getExtensionInfo shows. They are those of a process's states where
// there is such a state.
type ExtensionState int

// The states of an extension. A call to one that is starting waits, one to a
// running extension is sent, all others fail at once.
const (
	// ExtensionDisabled: not wanted to run.
	ExtensionDisabled ExtensionState = 0
	// ExtensionStarting: being launched, describing itself, or being configured.
	ExtensionStarting ExtensionState = 10
	// ExtensionRunning: answering calls.
	ExtensionRunning ExtensionState = 20
	// ExtensionBackoff: it failed, and is started again when its time has come.
	ExtensionBackoff ExtensionState = 30
	// ExtensionStopping: being ended as somebody wished.
	ExtensionStopping ExtensionState = 40
	// ExtensionFatal: it failed too often and is left alone.
	ExtensionFatal ExtensionState = 200
)

// ExtensionStates lists the states in the order of their codes.
func ExtensionStates() []ExtensionState {
	return []ExtensionState{
		ExtensionDisabled, ExtensionStarting, ExtensionRunning, ExtensionBackoff, ExtensionStopping, ExtensionFatal,
	}
}

func (s ExtensionState) String() string {
	switch s {
	case ExtensionDisabled:
		return "DISABLED"
	case ExtensionStarting:
		return "STARTING"
	case ExtensionRunning:
		return "RUNNING"
	case ExtensionBackoff:
		return "BACKOFF"
	case ExtensionStopping:
		return "STOPPING"
	case ExtensionFatal:
		return "FATAL"
	default:
		return "UNKNOWN"
	}
}

// ExtensionInfo is all that an operator is told of an extension. Times are in
// seconds since the epoch, 0 for never.
type ExtensionInfo struct {
	Name    string // the namespace's
	Section string // "rpcinterface:x"
	File    string // the section's
	// Factory is as written in the section, Resolved what it means: "bundled plugin
	// twiddler" or a path, "" while nothing of the kind was found.
	Factory, Resolved string

	State ExtensionState
	// Reason is why it is in BACKOFF, FATAL or DISABLED, else "".
	Reason string
	// Description is the state in words, "pid 123, uptime 0:01:02".
	Description string
	Start       int64 // when it entered RUNNING, 0 in other states
	Since       int64 // when it entered its state
	Now         int64

	PID      int    // 0 while there is no process
	Version  string // its own
	Protocol int    // version of the contract that it speaks, 0 before it has spoken
	Memory   int64  // resident, in KiB; 0 while there is no process

	Restarts uint64 // starts after the first
	Calls    uint64
	// Errors counts calls that failed because of the extension, Faults those that it
	// answered with a fault.
	Errors, Faults uint64
	LastError      string
	LastErrorTime  int64

	// Grants are those that it holds, Lacking those that it asks for besides.
	Grants, Lacking []string
	// Methods, Handlers and Commands are names.
	Methods, Handlers, Commands []string

	Required, Enabled, Exclusive bool

	User   string // plugin.user, "" for the daemon's own
	SHA256 string // plugin.sha256, "" for none

	CallTimeout time.Duration // plugin.call_timeout, or its default
	Limits      PluginLimits
}
