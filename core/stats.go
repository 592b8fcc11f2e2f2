package core

import "github.com/plugvisor/plugvisor/rpcinterface"

// ProcessStats is one process as the metrics show it. Counts are since the process
// was added.
type ProcessStats struct {
	Group, Name string
	State       rpcinterface.ProcessState
	PID         int   // 0 when it does not run
	Start       int64 // of the last run, seconds since the epoch, 0 for never
	ExitStatus  int
	Counts      ProcessCounts
	// LogBytes is how much of its stdout and stderr went into its logs.
	LogBytes [2]uint64
}

// ProcessCounts counts what happened to one process.
type ProcessCounts struct {
	Starts   uint64 // there was a pid
	Restarts uint64 // of those: by the supervisor itself, after an exit or a failed start
	// Ends of runs: asked for, by themselves with one of exitcodes, and otherwise,
	// which includes exits before startsecs.
	Stops, ExpectedExits, UnexpectedExits uint64
}
