package child

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// CredentialFor gives the identity of a user for a child, or nil when the daemon
// already has that uid. The message is the reference's text (options.py,
// drop_privileges) for a user that the daemon cannot become, else "". The groups
// are the user's primary one and all that list the user.
func CredentialFor(uid int) (cred *syscall.Credential, message string) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return nil, fmt.Sprintf("Can't find uid %d", uid)
	}
	switch os.Getuid() {
	case uid:
		return nil, ""
	case 0:
	default:
		return nil, "Can't drop privilege as nonroot user"
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, "Could not set group id of effective user"
	}
	cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: []uint32{uint32(gid)}}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, "Could not set groups of effective user"
	}
	for _, id := range ids {
		if g, err := strconv.ParseUint(id, 10, 32); err == nil && !slices.Contains(cred.Groups, uint32(g)) {
			cred.Groups = append(cred.Groups, uint32(g))
		}
	}
	return cred, ""
}
