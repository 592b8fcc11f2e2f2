package config

import (
	"errors"
	"fmt"
	"slices"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Config is a configuration file once read.
type Config struct {
	// File is the name as given; Here is its directory, absolute.
	File, Here  string
	Supervisord core.SupervisordSpec
	// Servers are the inet servers and then the unix ones, each in the file's
	// order.
	Servers []core.ServerSpec
	// Groups are sorted by priority and name. Two may have one name.
	Groups []*core.GroupSpec
	// Extensions are in the file's order, the built-in one among them.
	Extensions []core.ExtensionSpec
	// Included are the files of [include] that were read, in this order.
	Included []string
	// Criticals, Warnings and Infos are for the main log, in this order.
	Criticals, Warnings, Infos []string
}

// ProgramContext gives what ParseProgram needs of the file.
func (c *Config) ProgramContext() ProgramContext {
	return ProgramContext{Here: c.Here, File: c.File, Environment: c.Supervisord.Environment}
}

// Load reads a configuration file and those that it includes. The error's text is
// what the reference shows behind "Error: ". Paths of [supervisord] are as
// written but for ~; NormalizePath makes them absolute.
func Load(file string, env *Environment) (*Config, error) {
	l := &loader{
		env: env,
		doc: newDocument(),
		cfg: &Config{File: file, Here: env.absPath(dirname(file))},
	}
	l.here = new(variables)
	l.here.set("here", rpcinterface.String(l.cfg.Here))
	for _, step := range []func() error{
		l.readMain, l.readIncludes, l.readSupervisord, l.readExtensions, l.readGroups, l.readServers,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	l.warnOfUnknown()
	return l.cfg, nil
}

// loader is a file while it is read.
type loader struct {
	env  *Environment
	doc  *document
	cfg  *Config
	here *variables // the expansion here
}

// get gives a key's value, expanded with the ENV_ variables and more; false when
// there is none.
func (l *loader) get(section *ini.Section, name string, more ...*variables) (string, bool, error) {
	s, ok := l.doc.get(section, name)
	if !ok {
		return "", false, nil
	}
	s, err := expand(s, append(layers{l.env.expansions()}, more...), section.Name()+"."+name)
	return s, true, err
}

// readFile reads the file that was named.
func readFile(env *Environment, file string) ([]byte, error) {
	if !env.Files.Exists(file) {
		return nil, fmt.Errorf("could not find config file %s", file)
	}
	text, err := env.Files.Read(file)
	if err != nil {
		return nil, fmt.Errorf("could not read config file %s", file)
	}
	return text, nil
}

func (l *loader) readMain() error {
	text, err := readFile(l.env, l.cfg.File)
	if err != nil {
		return err
	}
	return l.doc.merge(l.cfg.File, text, false)
}

// readIncludes reads the files of [include]. An [include] in one of them is not
// followed.
func (l *loader) readIncludes() error {
	if !l.doc.has("include") {
		return nil
	}
	if err := l.doc.expandHere(l.cfg.Here); err != nil {
		return err
	}
	patterns, ok := l.doc.get(l.doc.section("include"), "files")
	if !ok {
		return errors.New(".ini file has [include] section, but no files setting")
	}
	patterns, err := expand(patterns, layers{l.here, l.host(), l.env.expansions()}, "include.files")
	if err != nil {
		return err
	}
	base := dirname(l.env.absPath(l.cfg.File))
	for _, pattern := range pytext.Split(patterns) {
		pattern = joinPath(base, pattern)
		files := glob(l.env.Files, pattern)
		if len(files) == 0 {
			l.cfg.Warnings = append(l.cfg.Warnings, `No file matches via include "`+pattern+`"`)
			continue
		}
		slices.Sort(files)
		for _, file := range files {
			if err := l.include(file); err != nil {
				return err
			}
		}
	}
	return nil
}

// include reads one file. One that cannot be read is passed over.
func (l *loader) include(file string) error {
	l.cfg.Infos = append(l.cfg.Infos, `Included extra file "`+file+`" during parsing`)
	if text, err := l.env.Files.Read(file); err == nil {
		l.cfg.Included = append(l.cfg.Included, l.env.absPath(file))
		if err := l.doc.merge(file, text, true); err != nil {
			return err
		}
	}
	return l.doc.expandHere(l.env.absPath(dirname(file)))
}

// host is the expansion host_node_name.
func (l *loader) host() *variables {
	v := new(variables)
	v.set("host_node_name", rpcinterface.String(l.env.HostName))
	return v
}
