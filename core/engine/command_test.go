package engine

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// The texts are those of Supervisor 4.4's get_execv_args and check_execv_args.
func TestCheckCommand(t *testing.T) {
	h := newHarness(t)
	for _, dir := range []string{"first", "second", "dir", "first/folder"} {
		if err := os.Mkdir(h.path(dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	h.write("first/plain", "", 0o644)
	h.write("second/plain", "", 0o755)
	h.write("second/tool", "", 0o755)
	h.write("second/folder", "", 0o755)
	h.write("plain", "", 0o644)
	h.write("tool", "", 0o755)
	h.write("group-only", "", 0o610)
	env := func(path string) func(*core.ProcessSpec) {
		path = strings.ReplaceAll(path, "$D", h.dir)
		return func(p *core.ProcessSpec) {
			p.Environment = append(p.Environment, core.EnvVar{Name: "PATH", Value: path})
		}
	}
	none := func(*core.ProcessSpec) {}
	for _, tc := range []struct {
		name, command string
		env           func(*core.ProcessSpec)
		want          string // file that is found, or the fault
	}{
		{"path", "$D/tool a b", none, "$D/tool"},
		{"blanks around", "  $D/tool\t\n", none, "$D/tool"},
		{"quoted", `"$D/tool" 'a b'`, none, "$D/tool"},
		{"execute for the group counts", "$D/group-only", none, "$D/group-only"},
		{"missing path", "$D/nope x", none, `20 NO_FILE: can't find command '$D/nope'`},
		{"missing name", "no-such-command x", none, `20 NO_FILE: can't find command 'no-such-command'`},
		{"repr of the name", `"it's"`, none, `20 NO_FILE: can't find command "it's"`},
		{"through a file", "$D/tool/x", none, `20 NO_FILE: can't find command '$D/tool/x'`},
		{"dangling", "$D/dangling", none, `20 NO_FILE: can't find command '$D/dangling'`},
		{"directory", "$D/dir", none, `21 NOT_EXECUTABLE: command at '$D/dir' is a directory`},
		{"no execute bit", "$D/plain", none, `21 NOT_EXECUTABLE: command at '$D/plain' is not executable`},
		{"empty", "", none, `21 NOT_EXECUTABLE: command is empty`},
		{"only blanks", " \t", none, `21 NOT_EXECUTABLE: command is empty`},
		{"empty word", "''", none, `21 NOT_EXECUTABLE: command at '/bin/' is a directory`},
		{"open quote", `/bin/echo "abc`, none, `21 NOT_EXECUTABLE: can't parse command '/bin/echo "abc': No closing quotation`},
		{"open escape", `/bin/echo \`, none, `21 NOT_EXECUTABLE: can't parse command '/bin/echo \\': No escaped character`},
		{"daemon's PATH", "sh -c x", none, "/bin/sh"},
		{"program's PATH", "tool", env("$D/first:$D/second"), "$D/second/tool"},
		{"program's PATH alone", "sh", env("$D/first"), `20 NO_FILE: can't find command 'sh'`},
		{"the last PATH counts", "tool", func(p *core.ProcessSpec) { env("$D/first")(p); env("$D/second")(p) }, "$D/second/tool"},
		{"the first file counts", "plain", env("$D/first:$D/second"), `21 NOT_EXECUTABLE: command at '$D/first/plain' is not executable`},
		{"a directory counts", "folder", env("$D/first:$D/second"), `21 NOT_EXECUTABLE: command at '$D/first/folder' is a directory`},
		{"slash at the end", "tool", env("$D/second/"), "$D/second/tool"},
		{"slashes at the end", "tool", env("$D/second//"), "$D/second//tool"},
		{"empty PATH of the program", "sh", env(""), `20 NO_FILE: can't find command 'sh'`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.name == "dangling" {
				if err := os.Symlink(h.path("nope"), h.path("dangling")); err != nil {
					t.Fatal(err)
				}
			}
			spec := h.program("x", strings.ReplaceAll(tc.command, "$D", h.dir), tc.env)
			want := strings.ReplaceAll(tc.want, "$D", h.dir)
			if got := h.found(spec); got != want {
				t.Errorf("%q: %s, want %s", spec.Command, got, want)
			}
		})
	}
}

// found gives the file that a command means, or the fault of CheckCommand.
func (h *harness) found(spec *core.ProcessSpec) string {
	if err := h.CheckCommand(spec); err != nil {
		var f *rpcinterface.Fault
		if !errors.As(err, &f) {
			return "no fault: " + err.Error()
		}
		return map[int]string{rpcinterface.CodeNoFile: "20 ", rpcinterface.CodeNotExecutable: "21 "}[f.Code] + f.Message
	}
	file, _, p := h.resolve(spec)
	if p != nil {
		return "a second look differs: " + p.text
	}
	return file
}

// An empty name on the PATH is the working directory, as a bare name is to stat.
func TestEmptyDirectoryOfPath(t *testing.T) {
	h := newHarness(t)
	h.write("here", "", 0o755)
	t.Chdir(h.dir)
	spec := h.program("x", "here", func(p *core.ProcessSpec) { p.Environment = []core.EnvVar{{Name: "PATH", Value: "/nope:"}} })
	if got := h.found(spec); got != "here" {
		t.Errorf("found %s, want here", got)
	}
}

func TestDefaultPath(t *testing.T) {
	for _, environ := range [][]string{nil, {"PATH="}, {"PATHS=/nope", "HOME=/"}} {
		h := newHarness(t, func(c *Config) { c.Environ = environ })
		if got := h.found(h.program("x", "sh")); got != "/bin/sh" {
			t.Errorf("environment %q: found %s, want /bin/sh", environ, got)
		}
	}
}

// Root may run whatever has an execute bit, so it becomes somebody else for the
// question. Access asks for the real user, which a thread has for itself.
func TestNoPermission(t *testing.T) {
	h := newHarness(t)
	path := h.write("mine", "", 0o010)
	got := make(chan string)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		if os.Getuid() == 0 {
			const nobody, keep = 65534, ^uintptr(0)
			if _, _, errno := unix.RawSyscall(unix.SYS_SETREUID, nobody, keep, 0); errno != 0 {
				got <- errno.Error()
				return
			}
		}
		got <- h.found(h.program("x", path))
	}()
	if got, want := receive(t, got), "21 NOT_EXECUTABLE: no permission to run command '"+path+"'"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The spawn itself says the same as CheckCommand.
func TestSpawnOfBadCommand(t *testing.T) {
	h := newHarness(t)
	if got := h.fails(h.program("x", "/no/such/file")); got != "can't find command '/no/such/file'" {
		t.Errorf("spawnerr %q", got)
	}
	if entries, err := os.ReadDir(h.dir); err != nil || len(entries) != 0 {
		t.Errorf("a command that is not there has made %v (%v)", entries, err)
	}
}
