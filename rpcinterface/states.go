package rpcinterface

// ProcessState is the state of one process, with the codes that
// supervisor.getProcessInfo shows (Supervisor manual, "Process States").
type ProcessState int

// The states of a process.
const (
	ProcessStopped  ProcessState = 0
	ProcessStarting ProcessState = 10
	ProcessRunning  ProcessState = 20
	ProcessBackoff  ProcessState = 30
	ProcessStopping ProcessState = 40
	ProcessExited   ProcessState = 100
	ProcessFatal    ProcessState = 200
	ProcessUnknown  ProcessState = 1000
)

func (s ProcessState) String() string {
	switch s {
	case ProcessStopped:
		return "STOPPED"
	case ProcessStarting:
		return "STARTING"
	case ProcessRunning:
		return "RUNNING"
	case ProcessBackoff:
		return "BACKOFF"
	case ProcessStopping:
		return "STOPPING"
	case ProcessExited:
		return "EXITED"
	case ProcessFatal:
		return "FATAL"
	default:
		return "UNKNOWN"
	}
}

// Stopped says whether the state counts as stopped: a process in it may be
// removed, and shutdown does not wait for it.
func (s ProcessState) Stopped() bool {
	switch s {
	case ProcessStopped, ProcessExited, ProcessFatal, ProcessUnknown:
		return true
	}
	return false
}

// Running says whether the state counts as running: such a process can be
// stopped and not started.
func (s ProcessState) Running() bool {
	switch s {
	case ProcessRunning, ProcessBackoff, ProcessStarting:
		return true
	}
	return false
}

// Signallable says whether a process in the state takes signals.
func (s ProcessState) Signallable() bool {
	switch s {
	case ProcessRunning, ProcessStarting, ProcessStopping:
		return true
	}
	return false
}

// SupervisorState is the state of the supervisor itself
// (Supervisor manual, "getState").
type SupervisorState int

// The states of the supervisor.
const (
	SupervisorFatal      SupervisorState = 2
	SupervisorRunning    SupervisorState = 1
	SupervisorRestarting SupervisorState = 0
	SupervisorShutdown   SupervisorState = -1
)

func (s SupervisorState) String() string {
	switch s {
	case SupervisorFatal:
		return "FATAL"
	case SupervisorRunning:
		return "RUNNING"
	case SupervisorRestarting:
		return "RESTARTING"
	case SupervisorShutdown:
		return "SHUTDOWN"
	default:
		return "UNKNOWN"
	}
}
