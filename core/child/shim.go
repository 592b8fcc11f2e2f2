package child

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// shimName is the name by which our own executable is called as the shim.
const shimName = "plugvisor-exec-shim"

// shimExit is the reference's exit code of a child that was not spawned.
const shimExit = 127

// ShimMain is the main function of the child that stands in for a program which
// could not be executed. It answers false at once unless args are those of the
// shim; else it executes the program after all, or says on standard error why it
// cannot and exits with 127. A main function calls it first of all with os.Args.
func ShimMain(args []string) (handled bool) {
	if len(args) != 2 || args[0] != shimName {
		return false
	}
	// What dies with its parent says so for one thread, which must be the one that
	// executes the program.
	runtime.LockOSThread()
	IgnoreInherited() // Go's start-up has taken SIGPIPE and SIGXFSZ back
	r, err := readShimRequest(args[1])
	if err == nil {
		err = r.run()
	}
	if r.Prepared {
		fmt.Fprintln(os.Stderr, err)
	} else {
		fmt.Fprintf(os.Stderr, "supervisor: %v\nsupervisor: child process was not spawned\n", err)
	}
	os.Exit(shimExit)
	return true
}

func shimArgv(fd int) []string { return []string{shimName, strconv.Itoa(fd)} }

// shimRequest is a Spec as it goes to the shim. It travels in a file of its own,
// for arguments and environment may be what is too long.
type shimRequest struct {
	Path          string
	Argv, Env     []string
	Dir           string
	SetUmask      bool
	Umask         int
	SetCredential bool
	Credential    syscall.Credential
	UID           int
	Refused       string // why the daemon cannot become UID
	DieWithParent bool
	Prepared      bool // see Spec
	Image         int  // its descriptor, or 0
	Limits        []Limit
	Cgroup        string
}

func newShimRequest(spec *Spec, cred *syscall.Credential, refused string) *shimRequest {
	r := &shimRequest{
		Path: spec.Path, Argv: spec.Argv, Env: spec.Env, Dir: spec.Dir,
		Refused: refused, DieWithParent: spec.DieWithParent,
		Prepared: spec.prepared(), Limits: spec.Limits, Cgroup: spec.Cgroup,
	}
	if spec.Umask != nil {
		r.SetUmask, r.Umask = true, *spec.Umask
	}
	if cred != nil {
		r.SetCredential, r.Credential, r.UID = true, *cred, int(cred.Uid)
	}
	if spec.UID != nil {
		r.UID = *spec.UID
	}
	return r
}

// file puts the request into an anonymous file, ready to be read.
func (r *shimRequest) file() (*os.File, error) {
	fd, err := unix.MemfdCreate(shimName, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make file for %s: %w", r.Path, err)
	}
	f := os.NewFile(uintptr(fd), shimName)
	err = gob.NewEncoder(f).Encode(r)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("cannot write file for %s: %w", r.Path, err)
	}
	return f, nil
}

func readShimRequest(number string) (*shimRequest, error) {
	r := &shimRequest{}
	fd, err := strconv.Atoi(number)
	if err != nil {
		return r, fmt.Errorf("cannot read descriptor %q: %w", number, err)
	}
	f := os.NewFile(uintptr(fd), shimName)
	defer f.Close()
	if err := gob.NewDecoder(f).Decode(r); err != nil {
		return r, fmt.Errorf("cannot read what to execute: %w", err)
	}
	return r, nil
}

// run takes the steps in the reference's order (process.py, _spawn_as_child) and
// returns only when one fails, with the reference's text. What the reference does
// not have comes before and after.
func (r *shimRequest) run() error {
	if r.Cgroup != "" {
		// Only the daemon's user may write there.
		if err := os.WriteFile(filepath.Join(r.Cgroup, "cgroup.procs"), []byte("0"), 0); err != nil {
			return fmt.Errorf("couldn't enter the cgroup %s: %s", r.Cgroup, errnoName(err))
		}
	}
	if message := r.setUser(); message != "" {
		return fmt.Errorf("couldn't setuid to %d: %s", r.UID, message)
	}
	if r.DieWithParent {
		// The kernel drops this with a change of user.
		if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
			return fmt.Errorf("couldn't set parent death signal: %s", errnoName(err))
		}
	}
	if r.Dir != "" {
		if err := syscall.Chdir(r.Dir); err != nil {
			return fmt.Errorf("couldn't chdir to %s: %s", r.Dir, errnoName(err))
		}
	}
	if r.SetUmask {
		syscall.Umask(r.Umask)
	}
	path := r.Path
	if r.Image != 0 {
		unix.CloseOnExec(r.Image)
		path = fmt.Sprintf("/proc/self/fd/%d", r.Image)
	}
	for _, l := range r.Limits {
		if err := l.set(); err != nil {
			return fmt.Errorf("couldn't limit resource %d: %s", l.Resource, errnoName(err))
		}
	}
	err := syscall.Exec(path, r.Argv, r.Env)
	return fmt.Errorf("couldn't exec %s: %s", r.name(), errnoName(err))
}

// set sets the limit for this process. It is syscall's business, which otherwise
// gives what it executes the limit of descriptors that the process had at its start.
func (l Limit) set() error {
	var own syscall.Rlimit
	if err := syscall.Getrlimit(l.Resource, &own); err != nil {
		return err
	}
	return syscall.Setrlimit(l.Resource, &syscall.Rlimit{Cur: min(l.Soft, own.Max), Max: min(l.Hard, own.Max)})
}

// setUser gives the text for a user that the child cannot become.
func (r *shimRequest) setUser() string {
	if r.Refused != "" || !r.SetCredential {
		return r.Refused
	}
	groups := make([]int, len(r.Credential.Groups))
	for i, g := range r.Credential.Groups {
		groups[i] = int(g)
	}
	if !r.Credential.NoSetGroups && syscall.Setgroups(groups) != nil {
		return "Could not set groups of effective user"
	}
	if syscall.Setgid(int(r.Credential.Gid)) != nil {
		return "Could not set group id of effective user"
	}
	if err := syscall.Setuid(int(r.Credential.Uid)); err != nil {
		return errnoName(err)
	}
	return ""
}

func (r *shimRequest) name() string {
	if len(r.Argv) > 0 {
		return r.Argv[0]
	}
	return r.Path
}

// errnoName is the symbol of an errno, such as ENOENT.
func errnoName(err error) string {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		if name := unix.ErrnoName(errno); name != "" {
			return name
		}
		return strconv.Itoa(int(errno))
	}
	return err.Error()
}
