package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// readFastCGI reads [fcgi-program:x], processes that share a socket.
func (l *loader) readFastCGI(section *ini.Section) (*core.GroupSpec, error) {
	name, err := groupName(section)
	if err != nil {
		return nil, err
	}
	group := &core.GroupSpec{Name: name}
	if group.Priority, err = l.priority(section, 999); err != nil {
		return nil, err
	}
	s := socketReader{l: l, section: section, spec: core.SocketSpec{OwnerUID: -1, OwnerGID: -1}}
	for _, step := range []func() error{s.readUser, s.readBacklog, s.readOwner, s.readMode} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	program := new(variables)
	program.set("program_name", rpcinterface.String(name))
	address, _, err := l.get(section, "socket", program, l.here)
	if err != nil {
		return nil, err
	}
	if address == "" {
		return nil, fmt.Errorf(`[%s] section requires a "socket" line`, section.Name())
	}
	if err := s.readAddress(address); err != nil {
		return nil, fmt.Errorf("%w in [%s] socket", err, section.Name())
	}
	group.FastCGI = &s.spec
	group.Processes, err = l.readProgram(section, name)
	return ofKind(core.FastCGIProgram, group), err
}

// socketReader reads the options of a FastCGI program's socket.
type socketReader struct {
	l       *loader
	section *ini.Section
	spec    core.SocketSpec
	// user is who the processes are, nil for the supervisor's user.
	user *Account
	// hasOwner and hasMode say that the options are given.
	hasOwner, hasMode bool
}

func (s *socketReader) readUser() error {
	text, ok, err := s.l.get(s.section, "user", s.l.here)
	if err != nil || !ok {
		return err
	}
	user, err := ParseUser(s.l.env, text)
	s.user = &user
	return err
}

func (s *socketReader) readBacklog() error {
	text, ok, err := s.l.get(s.section, "socket_backlog", s.l.here)
	if err != nil || !ok {
		return err
	}
	if s.spec.Backlog, err = ParseInteger(text); err != nil {
		return err
	}
	if n := s.spec.Backlog; n < 1 || n > 65535 {
		return fmt.Errorf("Invalid socket_backlog value %d", n) //nolint:staticcheck // the reference's text
	}
	return nil
}

func (s *socketReader) readOwner() error {
	text, ok, err := s.l.get(s.section, "socket_owner", s.l.here)
	if err != nil || !ok {
		return err
	}
	if s.spec.OwnerUID, s.spec.OwnerGID, s.hasOwner = parseOwner(s.l.env, text); !s.hasOwner {
		return fmt.Errorf("Invalid socket_owner value %s", text) //nolint:staticcheck // the reference's text
	}
	return nil
}

func (s *socketReader) readMode() error {
	text, ok, err := s.l.get(s.section, "socket_mode", s.l.here)
	if err != nil || !ok {
		return err
	}
	mode, err := ParseOctal(text)
	if err != nil {
		return fmt.Errorf("Invalid socket_mode value %s", text) //nolint:staticcheck // the reference's text
	}
	s.spec.Mode, s.hasMode = os.FileMode(mode), true
	return nil
}

// readAddress reads unix:///PATH or tcp://HOST:PORT. A unix socket is its owner's
// alone, and that of the processes' user unless it is said whose.
func (s *socketReader) readAddress(address string) error {
	if path, ok := strings.CutPrefix(address, "unix://"); ok {
		if !strings.HasPrefix(path, "/") {
			return withArgument("Unix socket path %s is not an absolute path", path)
		}
		s.spec.Path = NormalizePath(s.l.env, path)
		s.spec.URL = "unix://" + s.spec.Path
		if !s.hasOwner && s.user != nil && s.user.UID != s.l.env.UID {
			s.spec.OwnerUID, s.spec.OwnerGID = s.user.UID, s.user.GID
		}
		if !s.hasMode {
			s.spec.Mode = 0o700
		}
		return nil
	}
	if s.hasOwner || s.hasMode {
		return errors.New("socket_owner and socket_mode params should only be used with a Unix domain socket")
	}
	host, number, ok := cutTCP(address)
	if !ok {
		return withArgument("Bad socket format %s", address)
	}
	port, err := parsePort(number)
	s.spec.Host, s.spec.Port = strings.ToLower(host), port
	s.spec.URL = fmt.Sprintf("tcp://%s:%d", s.spec.Host, port)
	return err
}

// cutTCP takes tcp://HOST:PORT apart; PORT is digits.
func cutTCP(address string) (host, port string, ok bool) {
	rest, ok := strings.CutPrefix(address, "tcp://")
	host, port, both := strings.Cut(strings.TrimSuffix(rest, "\n"), ":")
	notDigit := func(r rune) bool { return !unicode.IsDigit(r) }
	ok = ok && both && host != "" && port != "" &&
		strings.IndexFunc(host, pytext.IsSpace) < 0 && strings.IndexFunc(port, notDigit) < 0
	return host, port, ok
}

// withArgument is the text of a Python error that was given a format and left it
// alone: both, as a tuple.
func withArgument(format, argument string) error {
	return fmt.Errorf("(%s, %s)", pytext.ReprString(format), pytext.ReprString(argument))
}
