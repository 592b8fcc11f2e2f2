package daemon

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/logfile"
)

// settings is the configuration as it counts: the file, and the command line over
// it.
type settings struct {
	core.SupervisordSpec
	file    string // as it is to be read again
	config  *config.Config
	account *config.Account // to become, nil to stay who we are
	// serverURL is what children are told, "" when there is no server.
	serverURL string
}

// settle reads the command line and the configuration file.
func (p Program) settle(env *config.Environment) (*settings, error) {
	line, err := p.parse(env)
	if err != nil {
		return nil, err
	}
	file := ""
	if line.configuration != nil {
		file = *line.configuration
	} else if file, err = p.search(env); err != nil {
		return nil, err
	}
	cfg, err := config.Load(file, env)
	if err != nil {
		return nil, usageError{err.Error()}
	}
	s := &settings{SupervisordSpec: cfg.Supervisord, config: cfg, file: file}
	if !filepath.IsAbs(file) {
		s.file = filepath.Join(env.WorkingDir, file)
	}
	for _, apply := range line.apply {
		apply(s)
	}
	if s.User != nil {
		account, err := config.ParseUser(env, *s.User)
		if err != nil {
			return nil, usageError{err.Error()}
		}
		s.account = &account
	}
	// Nothing, as the value of a flag, leaves what the file says.
	if s.Logfile = cmp.Or(s.Logfile, cfg.Supervisord.Logfile); s.Logfile != logfile.SyslogPath {
		s.Logfile = config.NormalizePath(env, s.Logfile)
	}
	s.Pidfile = config.NormalizePath(env, cmp.Or(s.Pidfile, cfg.Supervisord.Pidfile))
	s.serverURL = serverURL(cfg.Servers)
	return s, nil
}

// search finds the configuration file in the places where the reference looks.
func (p Program) search(env *config.Environment) (string, error) {
	if env.UID == 0 {
		fmt.Fprintln(p.Stderr, "UserWarning: supervisord runs as root and looks for its configuration file in default "+
			"locations, its current directory among them; name the file with -c and an absolute path for improved security.")
	}
	paths := config.SearchPaths(p.Args[0])
	for _, path := range paths {
		if env.Files.Exists(path) {
			return path, nil
		}
	}
	return "", usagef("No config file found at default paths (%s); use the -c option to specify a config file at a different path",
		strings.Join(paths, ", "))
}

// serverURL prefers a unix socket, as the reference does.
func serverURL(servers []core.ServerSpec) string {
	for _, s := range servers {
		if s.Unix {
			return "unix://" + s.File
		}
	}
	if len(servers) == 0 {
		return ""
	}
	last := servers[len(servers)-1] // of several the last counts
	host := last.Host
	if host == "" {
		host = "localhost"
	}
	scheme := "http"
	if last.CertFile != "" {
		scheme = "https"
	}
	return fmt.Sprintf("%s://%s:%d", scheme, host, last.Port)
}
