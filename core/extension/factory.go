package extension

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/trust"
)

// selfExe is the running daemon's executable, whatever became of its file.
const selfExe = "/proc/self/exe"

// legacyName gives the bundled plugin that stands for a Python factory.
func legacyName(factory string) (string, bool) {
	switch factory {
	case "supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface":
		return "twiddler", true
	case "supervisor_cache.rpcinterface:make_cache_rpcinterface":
		return "cache", true
	}
	return "", false
}

// kind tells the sorts of factories apart.
type kind int

const (
	builtin  kind = iota // served by the daemon itself
	bundled              // the daemon's executable, run as a plugin
	external             // an executable of its own
)

// factory is a resolved supervisor.rpcinterface_factory.
type factory struct {
	kind kind
	name string // of the built-in or the bundled plugin
	path string
	argv []string
}

func (f factory) String() string {
	switch f.kind {
	case builtin:
		return "built-in"
	case bundled:
		return "bundled plugin " + f.name
	default:
		return f.path
	}
}

// sources are the places where factories come from.
type sources struct {
	builtin func(name string) bool
	bundled []string
	dirs    []string
}

// resolve finds what a factory's text means. The error begins as the reference's
// does (supervisor.options, get_plugins).
func (s sources) resolve(spec core.ExtensionSpec) (factory, error) {
	f, err := s.find(strings.TrimSpace(spec.Factory))
	if err == nil {
		err = fits(spec, f)
	}
	if err != nil {
		place := ""
		if spec.File != "" {
			place = " (file: '" + spec.File + "')"
		}
		return factory{}, fmt.Errorf("%s cannot be resolved within [%s]%s: %w", spec.Factory, spec.Section, place, err)
	}
	return f, nil
}

// fits refuses keys that mean nothing for a kind of factory.
func fits(spec core.ExtensionSpec, f factory) error {
	switch {
	case f.kind == builtin && (spec.SHA256 != "" || spec.User != "" || spec.Environment != nil || spec.Limits != core.PluginLimits{}):
		return errors.New("it is built in, has no process of its own, and so takes no plugin.sha256, plugin.user, " +
			"plugin.environment or plugin.max_…; remove these")
	case f.kind == bundled && spec.SHA256 != "":
		return fmt.Errorf("the bundled plugin %s has no file of its own: it is part of the running supervisord, whatever "+
			"becomes of its file; remove plugin.sha256", f.name)
	}
	return nil
}

func (s sources) find(text string) (factory, error) {
	if s.builtin(text) {
		return factory{kind: builtin, name: text}, nil
	}
	if name, ok := legacyName(text); ok {
		return s.findBundled(name, nil)
	}
	if module, ok := pythonFactory(text); ok {
		return factory{}, fmt.Errorf("it is of the Python module %s, and Python extensions cannot be loaded; "+
			"remove the section, or name a plugin: %s", module, s.offers())
	}
	words, err := splitWords(text)
	if err != nil {
		return factory{}, fmt.Errorf("%w; write a plugin's name, or a path with arguments as a shell takes them", err)
	}
	if len(words) == 0 {
		return factory{}, fmt.Errorf("it is empty; name a plugin: %s", s.offers())
	}
	name, args := words[0], words[1:]
	switch {
	case strings.Contains(name, "/"):
		return findPath(name, args)
	case slices.Contains(s.bundled, name):
		return s.findBundled(name, args)
	default:
		return s.findName(name, args)
	}
}

func (s sources) findBundled(name string, args []string) (factory, error) {
	if !slices.Contains(s.bundled, name) {
		return s.findName(name, args)
	}
	if len(args) > 0 {
		return factory{}, fmt.Errorf("the bundled plugin %s takes no arguments; write its options as keys of the section", name)
	}
	return factory{kind: bundled, name: name, path: selfExe, argv: []string{BundledArg, name}}, nil
}

func findPath(path string, args []string) (factory, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return factory{}, err
	}
	if err := checkExecutable(abs); err != nil {
		return factory{}, fmt.Errorf("%w; give the path of a plugin's executable", err)
	}
	if err := trust.CheckPath(abs, os.Geteuid()); err != nil {
		return factory{}, err
	}
	return factory{kind: external, path: abs, argv: append([]string{abs}, args...)}, nil
}

func (s sources) findName(name string, args []string) (factory, error) {
	var found error
	for _, dir := range s.dirs {
		path := filepath.Join(dir, name)
		err := checkExecutable(path)
		if err == nil {
			// Not another of the name, from a directory that comes later.
			if err := trust.CheckPath(path, os.Geteuid()); err != nil {
				return factory{}, err
			}
			return factory{kind: external, path: path, argv: append([]string{path}, args...)}, nil
		}
		if found == nil && !errors.Is(err, fs.ErrNotExist) {
			found = err
		}
	}
	if found != nil {
		return factory{}, fmt.Errorf("%w; make it an executable file", found)
	}
	return factory{}, fmt.Errorf("there is no plugin %s; name one of: %s", name, s.offers())
}

// offers lists what a factory may be.
func (s sources) offers() string {
	var list []string
	if len(s.bundled) > 0 {
		list = append(list, strings.Join(s.bundled, ", ")+" (bundled)")
	}
	if len(s.dirs) > 0 {
		list = append(list, "a file in "+strings.Join(s.dirs, " or "))
	}
	return strings.Join(append(list, "the path of an executable"), ", ")
}

func checkExecutable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noFile(path)
	case err != nil:
		return fmt.Errorf("cannot look at %s: %w", path, errors.Unwrap(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", path)
	}
	if err := unix.Access(path, unix.X_OK); err != nil {
		return fmt.Errorf("%s is not executable", path)
	}
	return nil
}

// noFile is the error for a path where there is nothing.
type noFile string

func (path noFile) Error() string   { return "there is no file " + string(path) }
func (noFile) Is(target error) bool { return target == fs.ErrNotExist }

// pythonFactory recognises the reference's form of a factory, "module:attribute",
// and gives the module.
func pythonFactory(text string) (module string, ok bool) {
	m := regexp.MustCompile(`^([A-Za-z_]\w*(?:\.\w+)*)\s*:\s*[A-Za-z_][\w.]*$`).FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	return m[1], true
}
