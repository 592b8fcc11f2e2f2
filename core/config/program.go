package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Option is one option of a program. Names count in lower case, and the last one
// of a name wins.
type Option struct {
	Name  string
	Value rpcinterface.Value
}

// ProgramContext is what a program's options need of the file that was loaded
// last.
type ProgramContext struct {
	// Here is the expansion here, the file's directory.
	Here string
	// File is the file's name for messages.
	File string
	// Environment is environment= of [supervisord], which programs of the file have.
	Environment []core.EnvVar
}

const sigTERM = 15

// maxProcesses limits numprocs. The reference would try any number.
const maxProcesses = 1 << 20

// ParseProgram makes the processes of a program that is added to a group at run
// time, sorted by priority and name. Unknown options are ignored.
//
// The error is INCORRECT_PARAMETERS as a *rpcinterface.Fault where a value has a
// type that the reference answers so, without a text; else its text is the detail
// of that fault, with the place at the end ("… in section 'program:x' (file:
// '…')").
//
// The variables of [supervisord] environment= are not in the environment of these
// processes; as ENV_ expansions they are there for the options that are read once
// for each process (command, process_name, environment, directory, the logs' names
// and sizes), as is every ENV_ variable. Other options know here, program_name,
// host_node_name and group_name.
func ParseProgram(env *Environment, ctx ProgramContext, group, program string, options []Option) ([]*core.ProcessSpec, error) {
	source := &core.ProgramSource{Dynamic: true}
	places := map[string]int{}
	for _, o := range options {
		m := rpcinterface.Member{Name: strings.ToLower(o.Name), Value: o.Value}
		if i, again := places[m.Name]; again {
			source.Options[i] = m
			continue
		}
		places[m.Name] = len(source.Options)
		source.Options = append(source.Options, m)
	}
	return ParseSource(env, ctx, group, program, source)
}

// ParseSource makes the processes of a program of the file, or of one that was added
// at run time, whose configuration is source. Errors are those of ParseProgram.
func ParseSource(env *Environment, ctx ProgramContext, group, program string, source *core.ProgramSource) ([]*core.ProcessSpec, error) {
	p := newProgram(env, ctx.Here, "program:"+program, group, source)
	if !source.Dynamic {
		p.global = env.expansions()
	}
	specs, err := p.parse()
	if !source.Dynamic {
		inherit(specs, ctx.Environment)
	}
	return specs, placed(err, p.section, ctx.File)
}

// inherit puts the variables of [supervisord] before a program's own.
func inherit(specs []*core.ProcessSpec, environment []core.EnvVar) {
	for _, proc := range specs {
		env := slices.Clone(environment)
		for _, v := range proc.Environment {
			env = setEnv(env, v.Name, v.Value)
		}
		proc.Environment = env
	}
}

// placed adds the place to an error that is no fault.
func placed(err error, section, file string) error {
	var fault *rpcinterface.Fault
	if err == nil || errors.As(err, &fault) {
		return err
	}
	return inPlace(err, section, file)
}

// program is one section of program options while it is read.
type program struct {
	env     *Environment
	section string
	group   string
	here    string
	source  *core.ProgramSource
	options map[string]rpcinterface.Value // the source's
	// global are the expansions of every option: the ENV_ variables, in a file.
	global *variables
	// common are those of the program, and of the process while one is read.
	common layers
	warn   func(string)
}

func newProgram(env *Environment, here, section, group string, source *core.ProgramSource) *program {
	p := &program{
		env: env, section: section, group: group, here: here, source: source,
		options: make(map[string]rpcinterface.Value, len(source.Options)),
		global:  new(variables),
		warn:    func(string) {},
	}
	for _, o := range source.Options {
		p.options[o.Name] = o.Value
	}
	return p
}

// get gives an option, expanded where it is text, or its default.
func (p *program) get(name string, missing rpcinterface.Value) (rpcinterface.Value, error) {
	v, ok := p.options[name]
	if !ok {
		return missing, nil
	}
	s, ok := v.(rpcinterface.String)
	if !ok {
		return v, nil
	}
	out, err := expand(string(s), append(layers{p.global}, p.common...), p.section+"."+name)
	return rpcinterface.String(out), err
}

// reader reads options one after the other and keeps the first error.
type reader struct {
	p   *program
	err error
}

// read reads one option with a function of datatypes.
func read[T any](r *reader, name string, missing rpcinterface.Value, parse func(rpcinterface.Value) (T, error)) T {
	var out T
	if r.err != nil {
		return out
	}
	v, err := r.p.get(name, missing)
	if err == nil {
		out, err = parse(v)
	}
	r.err = err
	return out
}

// optional is parse for an option that may be absent or nil.
func optional[T any](parse func(rpcinterface.Value) (T, error)) func(rpcinterface.Value) (*T, error) {
	return func(v rpcinterface.Value) (*T, error) {
		if isNil(v) {
			return nil, nil
		}
		out, err := parse(v)
		return &out, err
	}
}

func anyText(v rpcinterface.Value) (string, error) { return textOf(v), nil }

// parse reads all options, in the reference's order, which decides what error is
// seen first.
func (p *program) parse() ([]*core.ProcessSpec, error) {
	name, err := parseName(rpcinterface.String(strings.TrimPrefix(p.section[strings.Index(p.section, ":"):], ":")))
	if err != nil {
		return nil, err
	}
	common := new(variables)
	common.set("here", rpcinterface.String(p.here))
	common.set("program_name", rpcinterface.String(name))
	common.set("host_node_name", rpcinterface.String(p.env.HostName))
	common.set("group_name", rpcinterface.String(p.group))
	p.common = layers{common}

	r := &reader{p: p}
	spec := core.ProcessSpec{Program: name, Source: p.source}
	spec.Priority = read(r, "priority", rpcinterface.Int(999), integer)
	spec.Autostart = read(r, "autostart", rpcinterface.Bool(true), boolean)
	spec.Autorestart = read(r, "autorestart", rpcinterface.String("unexpected"), autorestart)
	spec.StartSecs = read(r, "startsecs", rpcinterface.Int(1), integer)
	spec.StartRetries = read(r, "startretries", rpcinterface.Int(3), integer)
	spec.StopSignal = read(r, "stopsignal", rpcinterface.Int(sigTERM), ParseSignal)
	spec.StopWaitSecs = read(r, "stopwaitsecs", rpcinterface.Int(10), integer)
	spec.StopAsGroup = read(r, "stopasgroup", rpcinterface.Bool(false), boolean)
	spec.KillAsGroup = read(r, "killasgroup", rpcinterface.Bool(spec.StopAsGroup), boolean)
	spec.ExitCodes = read(r, "exitcodes", rpcinterface.String("0"), exitCodes)
	spec.RedirectStderr = read(r, "redirect_stderr", rpcinterface.Bool(false), boolean)
	numprocs := read(r, "numprocs", rpcinterface.Int(1), integer)
	start := read(r, "numprocs_start", rpcinterface.Int(0), integer)
	spec.Stdout.CaptureMaxBytes = read(r, "stdout_capture_maxbytes", rpcinterface.String("0"), byteSize)
	spec.Stdout.EventsEnabled = read(r, "stdout_events_enabled", rpcinterface.Bool(false), boolean)
	spec.Stderr.CaptureMaxBytes = read(r, "stderr_capture_maxbytes", rpcinterface.String("0"), byteSize)
	spec.Stderr.EventsEnabled = read(r, "stderr_events_enabled", rpcinterface.Bool(false), boolean)
	if url := read(r, "serverurl", nil, optional(anyText)); url != nil && strings.ToUpper(pytext.Strip(*url)) != "AUTO" {
		spec.ServerURL = url
	}
	spec.UID = read(r, "user", nil, optional(func(v rpcinterface.Value) (int, error) { return userID(p.env, v) }))
	spec.Umask = read(r, "umask", nil, optional(octal))
	if r.err != nil {
		return nil, r.err
	}
	processName := "%(program_name)s"
	if v, ok := p.options["process_name"]; ok {
		if processName, err = parseName(v); err != nil {
			return nil, err
		}
	}
	switch {
	case numprocs > 1 && !strings.Contains(processName, "%(process_num)"):
		return nil, errors.New("%(process_num) must be present within process_name when numprocs > 1")
	case spec.StopAsGroup && !spec.KillAsGroup:
		return nil, errors.New("Cannot set stopasgroup=true and killasgroup=false") //nolint:staticcheck // the reference's text
	case numprocs > maxProcesses:
		return nil, fmt.Errorf("%d is above upper bound (%d) of numprocs", numprocs, maxProcesses)
	}
	return p.processes(spec, processName, start, numprocs)
}

// processes makes the numprocs processes, numbered from start, of which spec has
// what they have in common. A variable of the program's environment is known to
// the processes that come after, unless it is one of the supervisor's.
func (p *program) processes(spec core.ProcessSpec, processName string, start, numprocs int64) ([]*core.ProcessSpec, error) {
	number, own, global := new(variables), new(variables), p.env.expansions()
	p.common = append(p.common, number, global, own)
	var out []*core.ProcessSpec
	for n := range max(numprocs, 0) {
		proc := spec
		proc.Number = start + n
		number.set("process_num", rpcinterface.Int(proc.Number))
		number.set("numprocs", rpcinterface.Int(numprocs))
		own.remove(global)
		var err error
		if proc.Environment, err = p.environment(); err != nil {
			return nil, err
		}
		for _, v := range proc.Environment {
			own.set(envPrefix+v.Name, rpcinterface.String(v.Value))
		}
		r := &reader{p: p}
		proc.Directory = read(r, "directory", nil, optional(anyText))
		p.readLog(r, "stdout", &proc.Stdout)
		p.readLog(r, "stderr", &proc.Stderr)
		if proc.RedirectStderr && r.err == nil {
			if proc.Stderr.File.Kind == core.LogPath {
				p.warn(fmt.Sprintf("For [%s], redirect_stderr=true but stderr_logfile has also been set to a filename, the filename has been ignored", p.section))
			}
			proc.Stderr.File = core.LogFile{Kind: core.LogNone}
		}
		command := read(r, "command", nil, optional(anyText))
		switch {
		case r.err != nil:
			return nil, r.err
		case command == nil:
			return nil, fmt.Errorf("program section %s does not specify a command", p.section)
		}
		proc.Command = *command
		if proc.Name, err = expand(processName, p.common, "process_name"); err != nil {
			return nil, err
		}
		out = append(out, &proc)
	}
	slices.SortStableFunc(out, compareProcesses)
	return out, nil
}

// environment reads environment=, whose expansion sees the process's number.
func (p *program) environment() ([]core.EnvVar, error) {
	v, ok := p.options["environment"]
	if !ok {
		return nil, nil
	}
	s, ok := v.(rpcinterface.String)
	if !ok {
		return nil, badlyFormatted(pytext.Repr(v), "environment",
			fmt.Sprintf("unsupported operand type(s) for %%: '%s' and 'dict'", pytext.TypeName(v)))
	}
	text, err := expand(string(s), p.common, "environment")
	if err != nil {
		return nil, err
	}
	return parseEnvironment(text)
}

// readLog reads the options of one output stream. The name of the file is expanded
// twice, as in the reference: %% must be written %%%%.
func (p *program) readLog(r *reader, stream string, log *core.LogSpec) {
	option := stream + "_logfile"
	rewritten := false
	log.File = read(r, option, rpcinterface.String("auto"), func(v rpcinterface.Value) (core.LogFile, error) {
		if s, ok := v.(rpcinterface.String); ok {
			text, err := expand(string(s), p.common, option)
			if err != nil {
				return core.LogFile{}, err
			}
			v = rpcinterface.String(text)
		}
		file, syslog, err := logFile(p.env, v)
		rewritten = syslog
		return file, err
	})
	log.Backups = read(r, option+"_backups", rpcinterface.Int(10), integer)
	log.MaxBytes = read(r, option+"_maxbytes", rpcinterface.String("50MB"), byteSize)
	log.Syslog = read(r, stream+"_syslog", rpcinterface.Bool(false), boolean)
	if r.err != nil {
		return
	}
	if rewritten {
		p.warn(fmt.Sprintf("For [%s], %s=syslog but this is deprecated and will be removed.  Use %s_syslog=true to enable syslog instead.", p.section, option, stream))
		log.Syslog = true
	}
	if log.File.Kind == core.LogAuto && log.MaxBytes == 0 {
		p.warn(fmt.Sprintf("For [%s], AUTO logging used for %s without rollover, set maxbytes > 0 to avoid filling up filesystem unintentionally", p.section, option))
	}
}
