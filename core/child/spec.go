package child

import (
	"os"
	"os/signal"
	"syscall"
)

// Spec says what to start and how. Start does not keep it.
type Spec struct {
	// Path is the file to execute: no search is made.
	Path string
	// Argv are the arguments with the program's name first, Env the whole
	// environment ("NAME=value").
	Argv, Env []string
	// Dir is the working directory, "" for the daemon's own.
	Dir string
	// Umask is the file mode creation mask, nil for the daemon's own.
	Umask *int
	// UID is the user to run as, by the rules of
	// NameService.CredentialFor. What stands
	// against it is written to the child's standard error. Nil: see Credential.
	UID *int
	// Credential is taken as it is when UID is nil. Nil changes nothing.
	Credential *syscall.Credential
	// Files are the child's descriptors from 0 on, nil for closed. They should be
	// blocking ones (see OutputPipe); the caller still owns and closes them.
	Files []*os.File
	// ProcessGroup makes the child the leader of a new process group.
	ProcessGroup bool
	// DieWithParent has the kernel kill the child when the daemon ends.
	DieWithParent bool
	// KillGroup kills what is left of the child's process group when the child
	// ends, before its pid can be used again. It needs ProcessGroup.
	KillGroup bool
	// NoShim has Start return a failed setuid, chdir or exec as an error, where
	// otherwise the child reports it itself and exits with 127.
	NoShim bool
}

// IgnoreInherited makes the daemon, and so each child started afterwards, ignore
// SIGPIPE and SIGXFSZ: the state in which Python, and so the reference's children,
// have them.
func IgnoreInherited() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }
