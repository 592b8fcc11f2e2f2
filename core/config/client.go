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
	c := DefaultClient()
	for _, o := range []struct {
		name  string
		value *string
		given *bool
		more  layers
	}{
		{"serverurl", &c.ServerURL, new(bool), layers{here}},
		{"prompt", &c.Prompt, new(bool), nil},
		{"username", &c.Username, &c.HasUsername, nil},
		{"password", &c.Password, &c.HasPassword, nil},
		{"history_file", &c.HistoryFile, new(bool), layers{here}},
	} {
		text, ok, err := l.get(l.doc.section("supervisorctl"), o.name, o.more...)
		if err != nil {
			return nil, err
		}
		if ok {
			*o.value, *o.given = text, true
		}
		if path, ok := strings.CutPrefix(c.ServerURL, "unix://"); o.name == "serverurl" && ok {
			c.ServerURL = "unix://" + NormalizePath(env, path)
		}
	}
	if c.HistoryFile != "" {
		c.HistoryFile = NormalizePath(env, c.HistoryFile)
	}
	return c, nil
}
