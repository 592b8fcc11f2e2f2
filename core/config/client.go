package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Client is the [supervisorctl] section.
type Client struct {
	ServerURL   string
	Prompt      string
	Username    string
	Password    string
	HistoryFile string // "" for none
	// HasUsername and HasPassword tell an empty one from none.
	HasUsername, HasPassword bool
}

// DefaultClient is what a client goes by that has no configuration file.
func DefaultClient() *Client {
	return &Client{ServerURL: "http://localhost:9001", Prompt: "supervisor"}
}

// ctlFactoryKey names the Python plugin of a [ctlplugin:x] section.
const ctlFactoryKey = "supervisor.ctl_factory"

// LoadClient reads the client's section of a configuration file. Includes are not
// followed, and a [ctlplugin:x] is refused.
func LoadClient(file string, env *Environment) (*Client, error) {
	l := &loader{env: env, doc: newDocument(), cfg: &Config{File: file}}
	if err := l.readMain(); err != nil {
		return nil, err
	}
	if !l.doc.has("supervisorctl") {
		return nil, errors.New(".ini file does not include supervisorctl section")
	}
	here := new(variables)
	here.set("here", rpcinterface.String(dirname(NormalizePath(env, file))))
	section := l.doc.section("supervisorctl")
	var err error
	read := func(name string, into *string, more ...*variables) (given bool) {
		if err != nil {
			return false
		}
		var text string
		if text, given, err = l.get(section, name, more...); given {
			*into = text
		}
		return given
	}
	c := DefaultClient()
	read("serverurl", &c.ServerURL, here)
	read("prompt", &c.Prompt)
	c.HasUsername = read("username", &c.Username)
	c.HasPassword = read("password", &c.Password)
	read("history_file", &c.HistoryFile, here)
	if err == nil {
		err = l.refuseCtlPlugins()
	}
	if err != nil {
		return nil, err
	}
	if path, ok := strings.CutPrefix(c.ServerURL, "unix://"); ok {
		c.ServerURL = "unix://" + NormalizePath(env, path)
	}
	if c.HistoryFile != "" {
		c.HistoryFile = NormalizePath(env, c.HistoryFile)
	}
	return c, nil
}

// refuseCtlPlugins refuses what would add commands to the reference's client.
func (l *loader) refuseCtlPlugins() error {
	sections := l.doc.prefixed("ctlplugin:")
	if len(sections) == 0 {
		return nil
	}
	section := sections[0]
	factory, ok, err := l.get(section, ctlFactoryKey)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("section [%s] does not specify a %s", section.Name(), ctlFactoryKey)
	}
	return fmt.Errorf("%s cannot be resolved within [%s]: Python plugins of supervisorctl cannot be loaded; "+
		`remove the section: "supervisorctl call NAMESPACE.METHOD" reaches every method of every extension`, factory, section.Name())
}
