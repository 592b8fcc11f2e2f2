package engine

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// CheckCommand finds the executable of a command (supervisor.process,
// get_execv_args). Its error is a fault: NO_FILE when there is none, NOT_EXECUTABLE
// when it cannot be run or the command cannot be parsed.
func (e *Engine) CheckCommand(spec *core.ProcessSpec) error {
	if _, _, problem := e.resolve(spec); problem != nil {
		return rpcinterface.NewFault(problem.code, problem.text)
	}
	return nil
}

// problem is why a command cannot be run.
type problem struct {
	code int
	text string
}

func notExecutable(format string, args ...any) *problem {
	return &problem{rpcinterface.CodeNotExecutable, fmt.Sprintf(format, args...)}
}

// resolve gives the file to execute and its arguments.
func (e *Engine) resolve(spec *core.ProcessSpec) (file string, argv []string, p *problem) {
	argv, err := e.SplitCommand(spec.Command)
	if err != nil {
		return "", nil, notExecutable("can't parse command %s: %s", pytext.ReprString(spec.Command), err)
	}
	if len(argv) == 0 {
		return "", nil, notExecutable("command is empty")
	}
	file, info := e.search(spec, argv[0])
	switch {
	case info == nil:
		return "", nil, &problem{rpcinterface.CodeNoFile, "can't find command " + pytext.ReprString(file)}
	case info.IsDir():
		return "", nil, notExecutable("command at %s is a directory", pytext.ReprString(file))
	case info.Mode()&0o111 == 0:
		return "", nil, notExecutable("command at %s is not executable", pytext.ReprString(file))
	case unix.Access(file, unix.X_OK) != nil:
		return "", nil, notExecutable("no permission to run command %s", pytext.ReprString(file))
	}
	return file, argv, nil
}

// search looks for a program along the PATH of its environment, or the daemon's.
// The first file of the name counts, executable or not.
func (e *Engine) search(spec *core.ProcessSpec, program string) (string, os.FileInfo) {
	if strings.Contains(program, "/") {
		info, err := os.Stat(program)
		if err != nil {
			return program, nil
		}
		return program, info
	}
	for _, dir := range e.path(spec) {
		file := program
		if dir != "" {
			file = strings.TrimSuffix(dir, "/") + "/" + program
		}
		if info, err := os.Stat(file); err == nil {
			return file, info
		}
	}
	return program, nil
}

func (e *Engine) path(spec *core.ProcessSpec) []string {
	for i := len(spec.Environment) - 1; i >= 0; i-- {
		if v := spec.Environment[i]; v.Name == "PATH" {
			return strings.Split(v.Value, ":")
		}
	}
	for _, entry := range e.Environ {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok && value != "" {
			return strings.Split(value, ":")
		}
	}
	return []string{"/bin", "/usr/bin", "/usr/local/bin"}
}
