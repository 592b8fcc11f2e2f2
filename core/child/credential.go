package child

import (
	"fmt"
	"os"
	"slices"
	"syscall"
)

// CredentialFor gives the identity of a user for a child, or nil when the daemon
// already has that uid. The message is the reference's text (options.py,
// drop_privileges) for a user that the daemon cannot become, else "". The groups
// are the user's primary one and all that list the user.
func (n *NameService) CredentialFor(uid int) (cred *syscall.Credential, message string) {
	a, ok := n.UserID(uid)
	if !ok {
		return nil, fmt.Sprintf("Can't find uid %d", uid)
	}
	switch os.Getuid() {
	case uid:
		return nil, ""
	case 0:
	default:
		return nil, "Can't drop privilege as nonroot user"
	}
	cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(a.GID), Groups: []uint32{uint32(a.GID)}}
	groups, err := n.groupsOf(a)
	if err != nil {
		return nil, "Could not set groups of effective user"
	}
	for _, g := range groups {
		if !slices.Contains(cred.Groups, g) {
			cred.Groups = append(cred.Groups, g)
		}
	}
	return cred, ""
}
