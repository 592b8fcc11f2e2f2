package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core/extension"
)

// deadline is ten times what the slowest wait of these tests needs.
const deadline = 60 * time.Second

// The test executable is the program when it is called by one of its names, and a
// subreaper that executes its arguments when it is called that.
func TestMain(m *testing.M) {
	switch name := filepath.Base(os.Args[0]); name {
	case "supervisord", "supervisorctl", "pidproxy", "echo_supervisord_conf", extension.BundledArg:
		main()
	case "subreaper":
		fmt.Fprintln(os.Stderr, executeAsSubreaper(os.Args[1:]))
		os.Exit(1)
	default:
		if strings.HasPrefix(name, "plugvisor-") { // children of core/child
			main()
		}
		os.Exit(m.Run())
	}
}

func executeAsSubreaper(argv []string) error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return err
	}
	return syscall.Exec(argv[0], argv, os.Environ())
}

// site is a directory that any user may work in, with the program under all its
// names.
type site struct {
	t   *testing.T
	dir string
}

func newSite(t *testing.T) site {
	t.Helper()
	dir, err := os.MkdirTemp("", "sd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"supervisord", "supervisorctl", "pidproxy", "echo_supervisord_conf", "subreaper"} {
		if err := os.Symlink(exe, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return site{t, dir}
}

// file writes a file, in which @D@ stands for the directory, and gives its path.
func (s site) file(name, text string, mode os.FileMode) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(text, "@D@", s.dir)), mode); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// read gives a file's content.
func (s site) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// configure writes the configuration, with more in [supervisord] and behind it.
func (s site) configure(supervisord, more string) {
	s.t.Helper()
	s.file("supervisord.conf", "[supervisord]\nlogfile=@D@/main.log\npidfile=@D@/pid\nchildlogdir=@D@\n"+
		supervisord+"\n"+more, 0o644)
}

// program is a section of a program that is run once, and writes to NAME.out.
func program(name, options, command string) string {
	return "[program:" + name + "]\nautorestart=false\nstartsecs=0\nstdout_logfile=@D@/" + name + ".out\nredirect_stderr=true\n" +
		options + "\ncommand=" + command + "\n"
}

// environ is that of the commands of a site.
func (s site) environ() []string {
	return append(os.Environ(), "PATH="+s.dir+":"+os.Getenv("PATH"), "TMPDIR="+s.dir, "GORACE=atexit_sleep_ms=0")
}

// run runs a command of the site to its end.
func (s site) run(argv ...string) (stdout, stderr string, code int) {
	s.t.Helper()
	var out, errs strings.Builder
	cmd := s.command(argv...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

func (s site) command(argv ...string) *exec.Cmd {
	s.t.Helper()
	argv[0] = strings.ReplaceAll(argv[0], "@D@", s.dir)
	cmd := exec.CommandContext(s.t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = s.dir, s.environ(), deadline
	return cmd
}

// foreground is a supervisord in the foreground.
type foreground struct {
	site
	cmd *exec.Cmd
	log *bufio.Reader
	all strings.Builder
}

// start starts supervisord in the foreground, below a command that executes it.
func (s site) start(below ...string) *foreground {
	s.t.Helper()
	d := &foreground{site: s, cmd: s.command(append(below, s.dir+"/supervisord", "-n", "-c", s.dir+"/supervisord.conf")...)}
	read, write, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := read.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		s.t.Fatal(err)
	}
	d.cmd.Stdout, d.cmd.Stderr = write, write
	d.log = bufio.NewReader(read)
	if err := d.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	write.Close()
	s.t.Cleanup(func() {
		read.Close()
		if d.cmd.ProcessState == nil {
			_ = d.cmd.Process.Kill()
			_ = d.cmd.Wait()
		}
	})
	return d
}

// await reads the log until a line with all of texts has come.
func (d *foreground) await(texts ...string) {
	d.t.Helper()
	for {
		line, err := d.log.ReadString('\n')
		d.all.WriteString(line)
		found := true
		for _, text := range texts {
			found = found && strings.Contains(line, text)
		}
		if found && line != "" {
			return
		}
		if err != nil {
			d.t.Fatalf("no line has %q: %v\n%s", texts, err, d.all.String())
		}
	}
}

// stop asks the daemon to end, and waits for it.
func (d *foreground) stop() {
	d.t.Helper()
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	d.await("received SIGTERM indicating exit request")
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("supervisord ended with %v\n%s", err, d.all.String())
	}
}

// fields gives the lines of a text of the form of /proc/PID/status.
func fields(text string) map[string]string {
	out := make(map[string]string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			out[name] = strings.Join(strings.Fields(value), " ")
		}
	}
	return out
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
}
