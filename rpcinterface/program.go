package rpcinterface

// PersistedGroupKey is the option of a [program:x] section of a persisted program
// that names its group.
const PersistedGroupKey = "plugvisor.group"

// NewProgram is a program to add.
type NewProgram struct {
	// Group is the group, "" for one of its own that has the program's name.
	Group, Program string
	// Options are those of [program:x]; values that are not strings mean what their
	// text would mean in a file.
	Options Struct
	// Persisted: it counts as configured, and is one of Host.PersistedPrograms.
	Persisted bool
}

// ProgramInfo is a program of a group as it stands.
type ProgramInfo struct {
	Group, Name string
	// Options are those that are set, as a file would have them, in their order.
	Options []Option
	// Processes are the names of its processes in the order of their numbers.
	Processes []string
	// Dynamic: it was added at run time.
	Dynamic, Persisted bool
	// OwnGroup: the group was made for it, and goes with it.
	OwnGroup bool
}

// UpdateStrategy says how processes get what a live one cannot take.
type UpdateStrategy string

// The strategies.
const (
	// UpdateNow starts them anew, all at once.
	UpdateNow UpdateStrategy = "now"
	// UpdateRolling starts them anew one after the other, each when the one before
	// is RUNNING. It ends at the first that fails; those that were not reached keep
	// their configuration.
	UpdateRolling UpdateStrategy = "rolling"
	// UpdateNext leaves it to the next start of each.
	UpdateNext UpdateStrategy = "next"
)

// ProcessUpdate is what became of one process of a program that was updated.
type ProcessUpdate struct {
	Name string
	// Changed are the options that are others now, sorted.
	Changed []string
	How     UpdateResult
	// Reason is why it failed.
	Reason string
}

// UpdateResult is how a process got its new configuration.
type UpdateResult string

// The results.
const (
	UpdatedNone      UpdateResult = "none"      // nothing changed for it
	UpdatedLive      UpdateResult = "live"      // without a restart
	UpdatedRestarted UpdateResult = "restarted" // by one
	UpdatedNext      UpdateResult = "next"      // at its next start, also of one that does not run
	UpdatedFailed    UpdateResult = "failed"    // it was not RUNNING after the restart
	UpdatedKept      UpdateResult = "kept"      // it was not reached, and has what it had
)
