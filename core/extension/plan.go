package extension

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/trust"
)

// plan is how one process of an extension is to be started: as whom, with what
// environment, below which limits, and from what.
type plan struct {
	path string
	argv []string
	env  environment
	// image is executed in the place of path where there is a hash.
	image *os.File
	// credential is nil where the plugin has the daemon's user.
	credential *syscall.Credential
	bounds     bounds
}

// prepare makes the plan for the next process of a section. Each start asks anew, so
// that a file, a user or a cgroup counts as it is then. Who gets the plan closes it.
func (m *Manager) prepare(spec core.ExtensionSpec, f factory) (*plan, error) {
	p := &plan{path: f.path, argv: f.argv, env: inherited(m.cfg.Environ)}
	if spec.User != "" {
		account, cred, err := identify(m.cfg.Children.NameService(), os.Getuid(), spec.User)
		if err != nil {
			return nil, err
		}
		p.env.become(account)
		if p.credential = cred; cred != nil && f.kind == external && spec.SHA256 == "" {
			if path, ok := trust.Reachable(f.path, cred); !ok {
				return nil, fmt.Errorf("user %s, which plugin.user names, cannot execute %s: %s is closed to it", spec.User, f.path, path)
			}
		}
	}
	for _, v := range spec.Environment {
		p.env.set(v.Name, v.Value)
	}
	p.env.set(lifelineEnv, "1")
	if spec.SHA256 != "" {
		image, err := trust.SealedCopy(f.path, spec.SHA256)
		if err != nil {
			return nil, err
		}
		p.image = image
	}
	p.bounds = m.bound(spec)
	return p, nil
}

// close gives back what only a start needs.
func (p *plan) close() {
	if p.image != nil {
		p.image.Close()
	}
}

// identify finds a user that plugin.user names. The credential is nil where that is
// the daemon's own, whose uid is own.
func identify(names *child.NameService, own int, name string) (child.Account, *syscall.Credential, error) {
	account, found := names.User(name)
	if uid, err := strconv.Atoi(name); err == nil {
		account, found = names.UserID(uid)
	}
	if !found {
		return account, nil, fmt.Errorf("there is no user %s, which plugin.user names", name)
	}
	if own != 0 && account.UID != own {
		return account, nil, fmt.Errorf("plugin.user = %s needs a supervisord that is root, and this one has uid %d; "+
			"remove plugin.user, or start supervisord as root, without user in [supervisord]", name, own)
	}
	cred, refused := names.CredentialFor(account.UID)
	if refused != "" {
		return account, nil, fmt.Errorf("cannot become user %s, which plugin.user names: %s", name, refused)
	}
	return account, cred, nil
}

// environment is a list of "NAME=value" with each name once.
type environment []string

// inherited picks what a plugin inherits of the daemon's environment: what finds
// files and sets the language and the time zone. The rest is the daemon's own, such
// as passwords for %(ENV_x)s in the configuration file.
func inherited(environ []string) environment {
	var env environment
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		switch name {
		case "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE":
		default:
			if !strings.HasPrefix(name, "LC_") {
				continue
			}
		}
		env.set(name, value)
	}
	return env
}

func (env *environment) set(name, value string) {
	for i, v := range *env {
		if strings.HasPrefix(v, name+"=") {
			(*env)[i] = name + "=" + value
			return
		}
	}
	*env = append(*env, name+"="+value)
}

// become sets what a login sets.
func (env *environment) become(a child.Account) {
	env.set("HOME", a.Home)
	env.set("USER", a.Name)
	env.set("LOGNAME", a.Name)
	env.set("SHELL", a.Shell())
}
