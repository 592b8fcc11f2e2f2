package daemon

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core/child"
)

// dropPrivileges makes the daemon the user of its configuration. It gives the
// lines for the main log.
func (s *settings) dropPrivileges(names *child.NameService) (criticals, infos []string, err error) {
	if s.account == nil {
		if syscall.Getuid() == 0 {
			criticals = append(criticals, "Supervisor is running as root.  Privileges were not dropped because no user is "+
				"specified in the config file.  If you intend to run as root, you can set user=root in the config file "+
				"to avoid this message.")
		}
		return criticals, nil, nil
	}
	cred, refused := names.CredentialFor(s.account.UID)
	if refused != "" {
		return nil, nil, usageError{refused}
	}
	if cred != nil {
		groups := make([]int, len(cred.Groups))
		for i, g := range cred.Groups {
			groups[i] = int(g)
		}
		if syscall.Setgroups(groups) != nil {
			return nil, nil, usageError{"Could not set groups of effective user"}
		}
		if syscall.Setgid(int(cred.Gid)) != nil {
			return nil, nil, usageError{"Could not set group id of effective user"}
		}
		if err := syscall.Setuid(int(cred.Uid)); err != nil {
			return nil, nil, fmt.Errorf("cannot setuid to %d: %w", cred.Uid, err)
		}
	}
	return nil, []string{fmt.Sprintf("Set uid to user %d succeeded", s.account.UID)}, nil
}

// limit is a resource of which the daemon wants a minimum.
type limit struct {
	resource int
	name     string
	min      int64
	// refused says what is missing; it has the minimum and the hard limit.
	refused string
}

// raiseLimits makes sure that as many descriptors and processes can be had as the
// configuration asks for, by the daemon and by its children.
func (s *settings) raiseLimits() (infos []string, err error) {
	descriptors, err := child.DescriptorLimit()
	if err != nil {
		return nil, err
	}
	for _, l := range []limit{
		{unix.RLIMIT_NOFILE, "RLIMIT_NOFILE", s.MinFDs,
			`The minimum number of file descriptors required to run this process is %d as per the "minfds" ` +
				`command-line argument or config file setting. The current environment will only allow you to open %d ` +
				`file descriptors.  Either raise the number of usable file descriptors in your environment (see ` +
				`README.rst) or lower the minfds setting in the config file to allow the process to start.`},
		{unix.RLIMIT_NPROC, "RLIMIT_NPROC", s.MinProcs,
			`The minimum number of available processes required to run this program is %d as per the "minprocs" ` +
				`command-line argument or config file setting. The current environment will only allow you to open %d ` +
				`processes.  Either raise the number of usable processes in your environment (see README.rst) or lower ` +
				`the minprocs setting in the config file to allow the program to start.`},
	} {
		var have unix.Rlimit
		if err := unix.Getrlimit(l.resource, &have); err != nil {
			continue
		}
		if l.resource == unix.RLIMIT_NOFILE {
			have.Cur = descriptors
		}
		// RLIM_INFINITY is the largest number there is.
		if l.min <= 0 || have.Cur >= uint64(l.min) {
			continue
		}
		want := unix.Rlimit{Cur: uint64(l.min), Max: max(have.Max, uint64(l.min))}
		if err := unix.Setrlimit(l.resource, &want); err != nil {
			return nil, usagef(l.refused, l.min, want.Max)
		}
		infos = append(infos, fmt.Sprintf("Increased %s limit to %d", l.name, l.min))
	}
	return infos, nil
}
