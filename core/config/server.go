package config

import (
	"errors"
	"fmt"
	"os"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
)

// readServers reads the sections whose names begin with inet_http_server and
// unix_http_server.
func (l *loader) readServers() error {
	for _, section := range l.doc.prefixed("inet_http_server") {
		spec, err := l.inetServer(section)
		if err != nil {
			return err
		}
		l.cfg.Servers = append(l.cfg.Servers, spec)
	}
	for _, section := range l.doc.prefixed("unix_http_server") {
		spec, err := l.unixServer(section)
		if err != nil {
			return err
		}
		l.cfg.Servers = append(l.cfg.Servers, spec)
	}
	return nil
}

func (l *loader) inetServer(section *ini.Section) (core.ServerSpec, error) {
	spec := core.ServerSpec{Section: section.Name(), ChownUID: -1, ChownGID: -1}
	if err := l.readCredentials(section, &spec); err != nil {
		return spec, err
	}
	port, ok, err := l.get(section, "port")
	if err != nil {
		return spec, err
	}
	if !ok {
		return spec, fmt.Errorf("section [%s] has no port value", section.Name())
	}
	if spec.Host, spec.Port, err = parseInetAddress(port); err != nil {
		return spec, err
	}
	return spec, l.readCertificate(section, &spec)
}

// readCertificate reads the keys that make an inet server speak TLS. An empty one is
// an error: it would leave the server without, unseen.
func (l *loader) readCertificate(section *ini.Section, spec *core.ServerSpec) error {
	for _, key := range []struct {
		name string
		into *string
	}{{"certfile", &spec.CertFile}, {"keyfile", &spec.KeyFile}} {
		file, ok, err := l.get(section, key.name, l.here)
		switch {
		case err != nil:
			return err
		case !ok:
			continue
		case file == "":
			return inPlace(fmt.Errorf("%s names no file", key.name), section.Name(), l.doc.fileOf(section.Name(), l.cfg.File))
		}
		*key.into = NormalizePath(l.env, file)
	}
	switch {
	case spec.CertFile == "" && spec.KeyFile != "":
		return inPlace(errors.New("keyfile is given without certfile"), section.Name(), l.doc.fileOf(section.Name(), l.cfg.File))
	case spec.KeyFile == "":
		spec.KeyFile = spec.CertFile
	}
	return nil
}

func (l *loader) unixServer(section *ini.Section) (core.ServerSpec, error) {
	spec := core.ServerSpec{Section: section.Name(), Unix: true, Mode: 0o700, ChownUID: -1, ChownGID: -1}
	file, ok, err := l.get(section, "file", l.here)
	if err != nil {
		return spec, err
	}
	if !ok {
		return spec, fmt.Errorf("section [%s] has no file value", section.Name())
	}
	spec.File = NormalizePath(l.env, pytext.Strip(file))
	if err := l.readCredentials(section, &spec); err != nil {
		return spec, err
	}
	owner, ok, err := l.get(section, "chown")
	if err != nil {
		return spec, err
	}
	if ok {
		if spec.ChownUID, spec.ChownGID, ok = parseOwner(l.env, owner); !ok {
			return spec, fmt.Errorf("Invalid sockchown value %s", owner) //nolint:staticcheck // the reference's text
		}
	}
	mode, ok, err := l.get(section, "chmod")
	if err != nil {
		return spec, err
	}
	if ok {
		n, err := ParseOctal(mode)
		if err != nil {
			return spec, fmt.Errorf("Invalid chmod value %s", mode) //nolint:staticcheck // the reference's text
		}
		spec.Mode = os.FileMode(n)
	}
	return spec, nil
}

func (l *loader) readCredentials(section *ini.Section, spec *core.ServerSpec) error {
	username, hasUsername, err := l.get(section, "username")
	if err != nil {
		return err
	}
	password, hasPassword, err := l.get(section, "password")
	if err != nil {
		return err
	}
	if hasUsername != hasPassword {
		return fmt.Errorf("Section [%s] contains incomplete authentication: If a username or a password is specified, "+ //nolint:staticcheck // the reference's text
			"both the username and password must be specified", section.Name())
	}
	spec.Username, spec.Password = username, password
	return l.readSwitches(section, spec)
}

// readSwitches reads the keys that say which paths are served without a login, and
// whether pages may act by GET.
func (l *loader) readSwitches(section *ini.Section, spec *core.ServerSpec) error {
	spec.RefuseGetActions = l.cfg.Supervisord.RefuseGetActions
	for _, key := range []struct {
		name string
		into *bool // set by false
	}{
		{"metrics_auth", &spec.OpenMetrics}, {"healthz_auth", &spec.OpenHealthz},
		{"web_get_actions", &spec.RefuseGetActions},
	} {
		text, ok, err := l.get(section, key.name)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		on, err := ParseBoolean(text)
		if err != nil {
			return inPlace(fmt.Errorf("%s: %w", key.name, err), section.Name(), l.doc.fileOf(section.Name(), l.cfg.File))
		}
		*key.into = !on
	}
	return nil
}
