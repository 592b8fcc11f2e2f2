package config

import (
	"errors"
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

// LoadClient reads the client's section of a configuration file. Includes are not
// followed, and [ctlplugin:x] is ignored.
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
