package config

import (
	"errors"

	"gopkg.in/ini.v1"
)

// section reads the options of one section one after the other and keeps the
// first error.
type section struct {
	l   *loader
	ini *ini.Section
	err error
}

// value reads one option of a section that has the expansion here.
func value[T any](s *section, name, missing string, parse func(string) (T, error)) T {
	var out T
	if s.err != nil {
		return out
	}
	text, ok, err := s.l.get(s.ini, name, s.l.here)
	if !ok {
		text = missing
	}
	if err == nil {
		out, err = parse(text)
	}
	s.err = err
	return out
}

// maybe reads one option that may be absent.
func maybe[T any](s *section, name string, parse func(string) (T, error)) *T {
	if _, ok := s.l.doc.get(s.ini, name); !ok {
		return nil
	}
	out := value(s, name, "", parse)
	return &out
}

func plain(text string) (string, error) { return text, nil }

func (l *loader) readSupervisord() error {
	if !l.doc.has("supervisord") {
		return errors.New(".ini file does not include supervisord section")
	}
	directory := func(text string) (string, error) { return ParseExistingDirectory(l.env, text) }
	dirpath := func(text string) (string, error) { return ParseExistingDirpath(l.env, text) }

	s := &section{l: l, ini: l.doc.section("supervisord")}
	spec := &l.cfg.Supervisord
	spec.MinFDs = value(s, "minfds", "1024", ParseInteger)
	spec.MinProcs = value(s, "minprocs", "200", ParseInteger)
	spec.Directory = maybe(s, "directory", directory)
	spec.User = maybe(s, "user", plain)
	spec.Umask = value(s, "umask", "022", ParseOctal)
	spec.Logfile = value(s, "logfile", "supervisord.log", dirpath)
	spec.LogfileMaxBytes = value(s, "logfile_maxbytes", "50MB", ParseByteSize)
	spec.LogfileBackups = value(s, "logfile_backups", "10", ParseInteger)
	spec.LogLevel = value(s, "loglevel", "info", ParseLogLevel)
	spec.Pidfile = value(s, "pidfile", "supervisord.pid", dirpath)
	spec.Identifier = value(s, "identifier", "supervisor", plain)
	spec.NoDaemon = value(s, "nodaemon", "false", ParseBoolean)
	spec.Silent = value(s, "silent", "false", ParseBoolean)
	spec.ChildLogDir = value(s, "childlogdir", l.env.TempDir, directory)
	spec.NoCleanup = value(s, "nocleanup", "false", ParseBoolean)
	spec.StripANSI = value(s, "strip_ansi", "false", ParseBoolean)
	spec.RefuseGetActions = !value(s, "web_get_actions", "true", ParseBoolean)
	if s.err != nil {
		return s.err
	}
	text, _ := l.doc.get(s.ini, "environment")
	text, err := expand(text, layers{l.here, l.host(), l.env.expansions()}, "environment")
	if err != nil {
		return err
	}
	if spec.Environment, err = parseEnvironment(text); err != nil {
		return err
	}
	l.env.extend(spec.Environment)
	return nil
}
