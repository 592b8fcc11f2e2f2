package child

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Start starts a child and gives its pid. OnExit is called once, on a goroutine of
// its own, when the child has ended and was reaped; that may be before Start
// returns. It may take its time: the reaper does not wait for it.
//
// When setuid, chdir or exec fail in the child, there is a pid all the same (but
// see NoShim): the child then is our own executable, which says on standard error
// what failed, as the reference does, and exits with 127. An error of Start means
// that no process could be made; it wraps the errno (EAGAIN, ENOMEM, EMFILE …) or
// is ErrClosed.
func (c *Children) Start(spec *Spec, onExit func(status syscall.WaitStatus)) (pid int, err error) {
	defer runtime.KeepAlive(spec) // its Files must not be finalized before the fork
	o := owner{onExit: onExit, killGroup: spec.KillGroup && spec.ProcessGroup, usage: spec.Usage}
	cred, refused := spec.Credential, ""
	if spec.UID != nil {
		cred, refused = c.names.CredentialFor(*spec.UID)
	}
	if refused != "" && spec.NoShim {
		return 0, fmt.Errorf("cannot setuid to %d: %s", *spec.UID, refused)
	}
	files, err := descriptors(spec.Files)
	if err != nil {
		return 0, fmt.Errorf("cannot start %s: %w", spec.Path, err)
	}
	// Where the umask cannot be set on a thread, the shim sets it.
	umasked := spec.Umask == nil || c.umasks.ready() == nil
	if refused == "" && umasked && !spec.prepared() {
		attr := &syscall.ProcAttr{Dir: spec.Dir, Env: spec.Env, Files: files, Sys: spec.attributes()}
		attr.Sys.Credential = cred
		pid, err = c.fork(spec, spec.Umask, spec.Path, spec.Argv, attr, o)
		if err == nil || errors.Is(err, ErrClosed) {
			return pid, err
		}
		if spec.NoShim {
			return 0, fmt.Errorf("cannot start %s: %w", spec.Path, err)
		}
	}
	// ForkExec does not tell a failed fork from a failed step in the child. The
	// shim does: if it cannot be forked either, the fork it was.
	return c.forkShim(spec, cred, refused, files, o)
}

func (s *Spec) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: s.ProcessGroup}
	if s.DieWithParent {
		attr.Pdeathsig = syscall.SIGKILL
	}
	return attr
}

// fork forks and executes on the thread that the spec needs, and registers the pid.
// The umask is nil where the child sets it itself.
func (c *Children) fork(spec *Spec, umask *int, path string, argv []string, attr *syscall.ProcAttr, o owner) (pid int, err error) {
	spawn, err := c.begin()
	if err != nil {
		return 0, err
	}
	run := func(files []uintptr) {
		with := *attr
		with.Files = files
		pid, err = syscall.ForkExec(path, argv, &with)
	}
	var refused error
	switch {
	case umask != nil:
		refused = c.umasks.run(attr.Files, func(files []uintptr) {
			unix.Umask(*umask)
			run(files)
		})
	case spec.DieWithParent:
		_ = c.plugins.ready() // it has no setup that could fail
		refused = c.plugins.run(attr.Files, run)
	case spec.ordinary || !c.many(attr.Files) || c.programs.ready() != nil:
		run(attr.Files)
	default:
		refused = c.programs.run(attr.Files, run)
		if errors.Is(refused, errNotPassed) {
			refused = nil
			run(attr.Files)
		}
	}
	if refused != nil {
		err = refused
	}
	if err != nil {
		c.failed(spawn)
		return 0, err
	}
	c.registered(spawn, pid, o)
	return pid, nil
}

// fewDescriptors are copied and closed again in less time than it takes to have
// another thread fork.
const fewDescriptors = 2048

// many says whether the process has more than a few descriptors open: new ones get
// the lowest numbers that are free.
func (c *Children) many(files []uintptr) bool {
	for _, fd := range files {
		if n := int(fd); n >= c.few {
			return true
		}
	}
	return false
}

// forkShim forks our own executable to take the steps of the spec by itself.
func (c *Children) forkShim(spec *Spec, cred *syscall.Credential, refused string, files []uintptr, o owner) (int, error) {
	r := newShimRequest(spec, cred, refused)
	number := len(files)
	files = files[:number:number]
	if spec.Image != nil {
		image, err := descriptors([]*os.File{spec.Image})
		if err != nil {
			return 0, fmt.Errorf("cannot start %s: %w", spec.Path, err)
		}
		r.Image = number + 1
		files = append(files, 0, image[0])
	} else {
		files = append(files, 0)
	}
	request, err := r.file()
	if err != nil {
		return 0, err
	}
	defer request.Close()
	files[number] = request.Fd()
	attr := &syscall.ProcAttr{Files: files, Sys: spec.attributes()}
	pid, err := c.fork(spec, nil, "/proc/self/exe", shimArgv(number), attr, o)
	if err == nil || errors.Is(err, ErrClosed) {
		return pid, err
	}
	return 0, fmt.Errorf("cannot fork for %s: %w", spec.Path, err)
}

// descriptors gives the numbers of files without changing their blocking mode.
func descriptors(files []*os.File) ([]uintptr, error) {
	fds := make([]uintptr, len(files), len(files)+1)
	for i, f := range files {
		if f == nil {
			fds[i] = ^uintptr(0)
			continue
		}
		conn, err := f.SyscallConn()
		if err == nil {
			err = conn.Control(func(fd uintptr) { fds[i] = fd })
		}
		if err != nil {
			return nil, err
		}
	}
	return fds, nil
}

// closeOnExec keeps what the process inherited from its children. All that Go
// opens is closed on exec already.
func closeOnExec() error {
	const first = 3
	err := unix.CloseRange(first, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// A kernel before 5.11.
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		return err
	}
	for _, name := range names {
		var fd int
		if _, err := fmt.Sscanf(filepath.Base(name), "%d", &fd); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
