package pidproxy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// deadline is ten times what the slowest wait of these tests needs.
const deadline = 60 * time.Second

// modeVariable has the test executable be pidproxy, or the program that it runs.
const modeVariable = "PIDPROXY_TEST_MODE"

func TestMain(m *testing.M) {
	switch os.Getenv(modeVariable) {
	case "":
		os.Exit(m.Run())
	case "pidproxy":
		os.Setenv(modeVariable, "program")
		os.Exit(Main(os.Args, os.Stdout, os.Stderr))
	case "program":
		os.Exit(program(os.Args[1]))
	}
}

// program writes its pid to a file, says so, prints each signal that it gets, and
// ends with code 7 when its standard input does.
func program(pidfile string) int {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals)
	go func() {
		for s := range signals {
			if s != syscall.SIGURG { // Go's own
				fmt.Printf("signal %d\n", s)
			}
		}
	}()
	if pidfile != "" {
		if err := os.WriteFile(pidfile, fmt.Appendln(nil, os.Getpid()), 0o644); err != nil {
			return 1
		}
	}
	fmt.Println("ready", os.Args[0])
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 7
}

// implementations are ours and, where it is installed, the reference's.
func implementations(t *testing.T, test func(t *testing.T, argv []string)) {
	t.Run("ours", func(t *testing.T) {
		t.Parallel()
		test(t, []string{executable(t)})
	})
	t.Run("reference", func(t *testing.T) {
		t.Parallel()
		const path = "/usr/bin/pidproxy"
		if _, err := os.Stat(path); err != nil {
			if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
				t.Fatalf("cannot find the reference: %v", err)
			}
			t.Skipf("cannot find the reference: %v", err)
		}
		test(t, []string{"/usr/bin/python3", "-u", "-W", "ignore", path})
	})
}

func executable(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exe
}

// run is a pidproxy at work.
type run struct {
	t      *testing.T
	cmd    *exec.Cmd
	input  io.Closer // of the program
	output *bufio.Reader
	errors bytes.Buffer
}

// startProxy runs pidproxy with a program that writes its pid to written, and waits
// until it has.
func startProxy(t *testing.T, argv []string, pidfile, written string) *run {
	t.Helper()
	argv = append(argv, pidfile, executable(t), written)
	r := &run{t: t, cmd: exec.Command(argv[0], argv[1:]...)}
	mode := "program"
	if argv[0] == executable(t) {
		mode = "pidproxy"
	}
	r.cmd.Env = append(os.Environ(), modeVariable+"="+mode, "GORACE=atexit_sleep_ms=0")
	r.cmd.Stderr = &r.errors
	r.cmd.WaitDelay = deadline
	input, err := r.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	if err := read.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	r.cmd.Stdout = write
	r.input, r.output = input, bufio.NewReader(read)
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	t.Cleanup(func() { input.Close() })
	r.expect("ready " + executable(t))
	return r
}

func (r *run) send(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// expect reads the next line of output.
func (r *run) expect(want string) {
	r.t.Helper()
	line, err := r.output.ReadString('\n')
	if err != nil || line != want+"\n" {
		r.t.Fatalf("output %q, %v; want %q (stderr %q)", line, err, want, r.errors.String())
	}
}

// ends waits for pidproxy's end.
func (r *run) ends(code int) {
	r.t.Helper()
	timer := time.AfterFunc(deadline, func() { _ = r.cmd.Process.Kill() })
	defer timer.Stop()
	state, err := r.cmd.Process.Wait()
	if err != nil || state.ExitCode() != code {
		r.t.Errorf("ended with %v, %v; want code %d (stderr %q)", state, err, code, r.errors.String())
	}
}

func TestSignalsArePassedOn(t *testing.T) {
	for _, last := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT} {
		t.Run(last.String(), func(t *testing.T) {
			implementations(t, func(t *testing.T, argv []string) {
				pidfile := filepath.Join(t.TempDir(), "pid")
				r := startProxy(t, argv, pidfile, pidfile)
				for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP, last} {
					r.send(s)
					r.expect(fmt.Sprintf("signal %d", s))
				}
				r.ends(0)
			})
		})
	}
}

// Without a pidfile it goes on, whatever the signal; and ends with the program,
// whatever its exit code.
func TestEndsWithTheProgram(t *testing.T) {
	implementations(t, func(t *testing.T, argv []string) {
		pidfile := filepath.Join(t.TempDir(), "pid")
		r := startProxy(t, argv, pidfile, "")
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP} {
			r.send(s)
			r.expect("Can't read child pidfile " + pidfile + "!")
		}
		r.input.Close()
		r.ends(0)
	})
}

func TestUnusablePidfiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"empty": "", "word": "x\n", "own group": "0", "everybody": "-1\n", "huge": "99999999999"} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if pid, err := readPid(file); err == nil {
			t.Errorf("%s: read as %d", name, pid)
		}
	}
	for text, want := range map[string]int{" 12 \n": 12, "-12": -12} {
		file := filepath.Join(dir, "good")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if pid, err := readPid(file); err != nil || pid != want {
			t.Errorf("%q: read as %d, %v", text, pid, err)
		}
	}
}

// A pidfile of a process that is gone: the program is not left alone for it.
func TestStalePidfile(t *testing.T) {
	gone := exec.Command("/bin/true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	pidfile := filepath.Join(dir, "pid")
	if err := os.WriteFile(pidfile, []byte(strconv.Itoa(gone.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs strings.Builder
	p := &proxy{pidfile: pidfile, stdout: &out, stderr: &errs}
	if _, leave := p.pass(syscall.SIGHUP); leave {
		t.Error("it leaves at a SIGHUP")
	}
	if code, leave := p.pass(syscall.SIGTERM); !leave || code != 1 {
		t.Errorf("at a SIGTERM: code %d, leaves: %v", code, leave)
	}
	want := fmt.Sprintf("cannot send signal 1 to pid %d of %s: no such process\n", gone.Process.Pid, pidfile)
	if !strings.HasPrefix(errs.String(), want) || out.String() != "" {
		t.Errorf("stdout %q, stderr %q; want %q first", out.String(), errs.String(), want)
	}
}

func TestProgramThatCannotBeExecuted(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	var out, errs strings.Builder
	if code := Main([]string{"pidproxy", "pid", "none", "x"}, &out, &errs); code != 127 || out.String() != "" ||
		errs.String() != "cannot run none: no such file or directory\n" {
		t.Errorf("code %d, stdout %q, stderr %q", code, out.String(), errs.String())
	}
	if _, err := os.Stat("pid"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pidfile: %v", err)
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"/x/pidproxy"}, {"/x/pidproxy", "pid"}} {
		var out, errs strings.Builder
		if code := Main(args, &out, &errs); code != 1 || errs.String() != "" ||
			!strings.Contains(out.String(), "\nUsage: /x/pidproxy <pidfile name> <command> [<cmdarg1> ...]\n\n") {
			t.Errorf("%q: code %d, stdout %q, stderr %q", args, code, out.String(), errs.String())
		}
	}
}
