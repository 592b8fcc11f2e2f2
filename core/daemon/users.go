package daemon

import (
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/config"
)

// users finds the users of configurations, those of name services among them.
type users struct{ daemon *daemon }

var _ config.Users = users{}

// names gives the name service that goes with the reaper, once there is one.
func (u users) names() *child.NameService {
	if c := u.daemon.children; c != nil {
		return c.NameService()
	}
	return u.daemon.early
}

func (u users) User(name string) (config.Account, bool) { return accountOf(u.names().User(name)) }

func (u users) UserID(uid int) (config.Account, bool) { return accountOf(u.names().UserID(uid)) }

func (u users) Group(name string) (int, bool) { return u.names().Group(name) }

func (u users) GroupID(gid int) bool { return u.names().GroupID(gid) }

func accountOf(a child.Account, ok bool) (config.Account, bool) {
	return config.Account{UID: a.UID, GID: a.GID, Home: a.Home}, ok
}
