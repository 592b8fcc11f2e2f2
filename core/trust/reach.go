package trust

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reachable says whether a user may enter the directories on the way to path, and
// execute or enter path itself; where not, it gives the first that is closed. Access
// control lists are not read: what has one counts as open, and the kernel decides.
func Reachable(path string, cred *syscall.Credential) (closed string, ok bool) {
	path, err := filepath.EvalSymlinks(path)
	if err != nil || cred.Uid == 0 {
		return "", true
	}
	steps := []string{path}
	for path != "/" {
		path = filepath.Dir(path)
		steps = append(steps, path)
	}
	for _, step := range slices.Backward(steps) {
		info, err := os.Stat(step)
		if err != nil {
			return "", true
		}
		st, isUnix := info.Sys().(*syscall.Stat_t)
		if _, err := unix.Getxattr(step, "system.posix_acl_access", nil); err == nil || !isUnix {
			continue
		}
		bit := os.FileMode(0o001)
		switch {
		case st.Uid == cred.Uid:
			bit = 0o100
		case st.Gid == cred.Gid || slices.Contains(cred.Groups, st.Gid):
			bit = 0o010
		}
		if info.Mode()&bit == 0 {
			return step, false
		}
	}
	return "", true
}
