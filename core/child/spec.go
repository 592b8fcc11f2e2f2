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
	// UID is the user to run as, by the rules of NameService.CredentialFor. What
	// stands against it is written to the child's standard error. Nil: see Credential.
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

	// With one of the next three, the steps are taken by our own executable, which
	// then executes the program. A step that fails is seen as one line on the
	// child's standard error and exit code 127, with NoShim too; and standard
	// descriptors that Files closes are /dev/null.

	// Image is executed in the place of the file Path, where it is not nil: a binary,
	// not a script, which the child does not inherit. The caller still owns it.
	Image *os.File
	// Limits are set in their order, last of all.
	Limits []Limit
	// Cgroup is the directory of the cgroup (version 2) that the child enters first
	// of all, "" for the daemon's own.
	Cgroup string

	// Usage, where not nil, has what the child used, and those that it waited for,
	// by the time that its end is reported.
	Usage *syscall.Rusage

	// ordinary children are forked from the process's own descriptor table: what is
	// started before the daemon has given up its standard descriptors.
	ordinary bool
}

// Limit is a resource limit of setrlimit(2). Where the daemon's own hard limit is
// below Hard or Soft, that counts instead.
type Limit struct {
	Resource   int // RLIMIT_…
	Soft, Hard uint64
}

// prepared says that the program is to be executed by our own executable.
func (s *Spec) prepared() bool {
	return s.Image != nil || len(s.Limits) > 0 || s.Cgroup != ""
}

// IgnoreInherited makes the daemon, and so each child started afterwards, ignore
// SIGPIPE and SIGXFSZ: the state in which Python, and so the reference's children,
// have them.
func IgnoreInherited() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }
