package daemon

import (
	"fmt"
	"strings"

	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/internal/getopt"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// flag is one option of the command line.
type flag struct {
	short, long string
	arg         bool
	set         setter
}

// setter applies an option over the configuration. Its error is the reason that
// follows "invalid value for".
type setter = func(s *settings, env *config.Environment, value string) error

// on is the setter of an option without a value.
func on(field func(*settings) *bool) setter {
	return func(s *settings, _ *config.Environment, _ string) error {
		*field(s) = true
		return nil
	}
}

// parsed is the setter of an option whose value needs no look at the system.
func parsed[T any](field func(*settings) *T, parse func(string) (T, error)) setter {
	return func(s *settings, _ *config.Environment, value string) (err error) {
		*field(s), err = parse(value)
		return err
	}
}

// place is the setter of an option that names a file or directory.
func place(field func(*settings) *string, parse func(*config.Environment, string) (string, error)) setter {
	return func(s *settings, env *config.Environment, value string) (err error) {
		*field(s), err = parse(env, value)
		return err
	}
}

func asIs(value string) (string, error) { return value, nil }

func optional(value string) (*string, error) { return &value, nil }

// flags are all options (supervisord.py, ServerOptions.__init__).
func flags() []flag {
	return []flag{
		{"c", "configuration", true, nil},
		{"h", "help", false, nil},
		{"?", "", false, nil},
		{"v", "version", false, nil},
		{"n", "nodaemon", false, on(func(s *settings) *bool { return &s.NoDaemon })},
		{"s", "silent", false, on(func(s *settings) *bool { return &s.Silent })},
		{"k", "nocleanup", false, on(func(s *settings) *bool { return &s.NoCleanup })},
		{"t", "strip_ansi", false, on(func(s *settings) *bool { return &s.StripANSI })},
		{"u", "user", true, parsed(func(s *settings) **string { return &s.User }, optional)},
		{"i", "identifier", true, parsed(func(s *settings) *string { return &s.Identifier }, asIs)},
		{"m", "umask", true, parsed(func(s *settings) *int { return &s.Umask }, config.ParseOctal)},
		{"e", "loglevel", true, parsed(func(s *settings) *rpcinterface.LogLevel { return &s.LogLevel }, config.ParseLogLevel)},
		{"y", "logfile_maxbytes", true, parsed(func(s *settings) *int64 { return &s.LogfileMaxBytes }, config.ParseByteSize)},
		{"z", "logfile_backups", true, parsed(func(s *settings) *int64 { return &s.LogfileBackups }, config.ParseInteger)},
		{"a", "minfds", true, parsed(func(s *settings) *int64 { return &s.MinFDs }, config.ParseInteger)},
		{"", "minprocs", true, parsed(func(s *settings) *int64 { return &s.MinProcs }, config.ParseInteger)},
		{"l", "logfile", true, place(func(s *settings) *string { return &s.Logfile }, config.ParseExistingDirpath)},
		{"j", "pidfile", true, place(func(s *settings) *string { return &s.Pidfile }, config.ParseExistingDirpath)},
		{"q", "childlogdir", true, place(func(s *settings) *string { return &s.ChildLogDir }, config.ParseExistingDirectory)},
		{"d", "directory", true, func(s *settings, env *config.Environment, value string) error {
			dir, err := config.ParseExistingDirectory(env, value)
			s.Directory = &dir
			return err
		}},
		// The reference's profiler is Python's; its flag does no harm here.
		{"", "profile_options", true, func(*settings, *config.Environment, string) error { return nil }},
	}
}

// commandLine is a command line that was understood.
type commandLine struct {
	configuration *string
	apply         []func(*settings)
}

// parse reads the command line. -h and -v answer at once, with an exitError.
func (p Program) parse(env *config.Environment) (*commandLine, error) {
	table := flags()
	opts, rest, err := getopt.Parse(p.Args[1:], shortOptions(table), longOptions(table))
	if err != nil {
		return nil, usageError{err.Error()}
	}
	if len(rest) > 0 {
		quoted := make([]string, len(rest))
		for i, word := range rest {
			quoted[i] = pytext.ReprString(word)
		}
		return nil, usagef("positional arguments are not supported: [%s]", strings.Join(quoted, ", "))
	}
	line := &commandLine{}
	given := map[string]bool{}
	for _, opt := range opts {
		f := find(table, opt.Name)
		switch {
		case f.long == "help" || f.short == "?":
			fmt.Fprint(p.Stdout, usage(p.Args[0]))
			return nil, exitError(0)
		case f.long == "version":
			fmt.Fprintln(p.Stdout, supervisorns.Version)
			return nil, exitError(0)
		}
		if err := line.take(f, env, opt); err != nil {
			return nil, err
		}
		if given[f.long] {
			return nil, usagef("conflicting command line option %s", pytext.ReprString(opt.Name))
		}
		given[f.long] = true
	}
	return line, nil
}

// take checks an option's value and keeps it.
func (l *commandLine) take(f *flag, env *config.Environment, opt getopt.Opt) error {
	if f.long == "configuration" {
		l.configuration = &opt.Value
		return nil
	}
	if err := f.set(&settings{}, env, opt.Value); err != nil {
		return usagef("invalid value for %s %s: %s", opt.Name, pytext.ReprString(opt.Value), err)
	}
	l.apply = append(l.apply, func(s *settings) {
		// It was good just now; a directory that has gone since is found in use.
		_ = f.set(s, env, opt.Value)
	})
	return nil
}

func find(table []flag, name string) *flag {
	for i, f := range table {
		if name == "-"+f.short || name == "--"+f.long {
			return &table[i]
		}
	}
	return nil
}

func shortOptions(table []flag) string {
	var b strings.Builder
	for _, f := range table {
		b.WriteString(f.short)
		if f.arg && f.short != "" {
			b.WriteByte(':')
		}
	}
	return b.String()
}

func longOptions(table []flag) (out []string) {
	for _, f := range table {
		if f.long == "" {
			continue
		}
		name := f.long
		if f.arg {
			name += "="
		}
		out = append(out, name)
	}
	return out
}

func usage(program string) string {
	return `supervisord -- start programs, and keep them running.

Usage: ` + program + ` [options]

Options:
-c/--configuration FILENAME -- the configuration file (searched for if not given)
-n/--nodaemon -- stay in the foreground (as 'nodaemon=true' in the file)
-s/--silent -- write no log to stdout (as 'silent=true' in the file)
-h/--help -- show this text and exit
-v/--version -- show the version of Supervisor that this replaces and exit
-u/--user USER -- run as this user (or numeric uid)
-m/--umask UMASK -- umask of the daemonised process (default is 022)
-d/--directory DIRECTORY -- directory to change to when daemonised
-l/--logfile FILENAME -- the main log
-y/--logfile_maxbytes BYTES -- size at which the main log is rotated
-z/--logfile_backups NUM -- how many rotated main logs to keep
-e/--loglevel LEVEL -- blather, trace, debug, info, warn, error or critical
-j/--pidfile FILENAME -- file to write the process id to
-i/--identifier STR -- name of this instance
-q/--childlogdir DIRECTORY -- where automatic logs of programs are made
-k/--nocleanup -- keep the automatic logs of earlier runs
-a/--minfds NUM -- file descriptors that must be available
-t/--strip_ansi -- remove terminal escape sequences from programs' output
--minprocs NUM -- processes that must be available
--profile_options OPTIONS -- accepted, and without effect
`
}
