package ctl_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal is a program on a terminal of its own, and who sits there.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	screen *os.File // the user's side
	device *os.File // the program's side
	mode   unix.Termios
	output chan []byte // closed at the end
	exited chan struct{}
	seen   string // what was shown since the last expectation, without escape sequences
}

// escapes are the sequences that move the cursor, colour text and the like.
var escapes = regexp.MustCompile(`\x1b(\[[0-9;?>=]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\)|[=>]|\([A-Z0-9])`)

// patience is how long a test waits for what should come at once.
const patience = 30 * time.Second

// onTerminal starts a program on a new terminal, with env added to the
// environment.
func onTerminal(t *testing.T, env []string, name string, args ...string) *terminal {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := screen.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	// Not by Fd, after which Close would not end a Read.
	if cerr := conn.Control(func(fd uintptr) {
		if number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); err != nil {
			return
		}
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err != nil {
			return
		}
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120})
	}); cerr != nil || err != nil {
		t.Fatal(cerr, err)
	}
	device, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{t: t, screen: screen, device: device, output: make(chan []byte, 16), exited: make(chan struct{})}
	term.mode = term.termios()
	ctx, cancel := context.WithCancel(context.Background())
	term.cmd = exec.CommandContext(ctx, name, args...)
	term.cmd.Env = append(os.Environ(), append([]string{"TERM=xterm", "NO_COLOR=", "LANG=C.UTF-8", "LC_ALL=C.UTF-8"}, env...)...)
	term.cmd.Stdin, term.cmd.Stdout, term.cmd.Stderr = device, device, device
	term.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := term.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(term.exited)
		term.cmd.Wait()
	}()
	go func() {
		defer close(term.output)
		for {
			b := make([]byte, 4096)
			n, err := screen.Read(b)
			if n > 0 {
				term.output <- b[:n]
			}
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-term.exited
		device.Close()
		screen.Close()
		for range term.output {
		}
	})
	return term
}

func (term *terminal) termios() unix.Termios {
	mode, err := unix.IoctlGetTermios(int(term.device.Fd()), unix.TCGETS)
	if err != nil {
		term.t.Fatal(err)
	}
	return *mode
}

// send types text.
func (term *terminal) send(text string) {
	term.t.Helper()
	if _, err := term.screen.WriteString(text); err != nil {
		term.t.Fatal(err)
	}
}

// expect waits for a text, and gives what was shown up to its end. Escape
// sequences are left out, unless the text has some.
func (term *terminal) expect(text string) string {
	term.t.Helper()
	deadline := time.After(patience)
	for {
		shown := term.seen
		if !strings.Contains(text, "\x1b") {
			shown = escapes.ReplaceAllString(shown, "")
		}
		if i := strings.Index(shown, text); i >= 0 {
			term.seen = shown[i+len(text):]
			return shown[:i+len(text)]
		}
		select {
		case b, ok := <-term.output:
			if !ok {
				term.t.Fatalf("no %q before the end in %q", text, term.seen)
			}
			term.seen += string(b)
		case <-deadline:
			term.t.Fatalf("no %q in %q", text, term.seen)
		}
	}
}

// end waits for the program, which must leave the terminal as it was, and gives
// its exit code, or minus the signal that ended it.
func (term *terminal) end() int {
	term.t.Helper()
	select {
	case <-term.exited:
	case <-time.After(patience):
		term.t.Fatalf("the program does not end; it showed %q", term.seen)
	}
	if mode := term.termios(); mode != term.mode {
		term.t.Errorf("the terminal's mode is %+v, was %+v", mode, term.mode)
	}
	status := term.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		return -int(status.Signal())
	}
	return status.ExitStatus()
}

// waitFor waits until something is so that the program's output does not tell.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// serveTable starts a server with a table, and gives its URL.
func serveTable(t *testing.T, table string) (*fakeServer, string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := newFakeServer(table)
	f.listen(t, l)
	return f, "http://" + l.Addr().String()
}

const twoProcesses = `
supervisor.getAllProcessInfo() -> [{"name":"cat","group":"cat","state":20,"statename":"RUNNING","description":"pid 12"},{"name":"long","group":"g","state":200,"statename":"FATAL","description":"gone"}]
system.listMethods() -> ["demo.add","demo.sub"]
supervisor.stopProcess("cat") -> true
supervisor.stopProcess("g:long") -> true
supervisor.getPID() -> 4711
`

// The shell edits lines, recalls and completes them, and leaves the terminal and
// the history behind.
func TestShellOnTerminal(t *testing.T) {
	f, url := serveTable(t, twoProcesses)
	history := filepath.Join(t.TempDir(), "history")
	if err := os.WriteFile(history, []byte("status g:*\npid zz\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	term := onTerminal(t, nil, "supervisorctl", "-s", url, "-r", history)
	term.expect("cat                              \x1b[32mRUNNING\x1b[0m   pid 12\r\n")
	term.expect("\x1b[31mFATAL\x1b[0m     gone\r\n")
	term.expect("supervisor> ")

	// Keys are typed once the prompt is there: before it the terminal itself edits.
	for _, step := range []struct{ keys, want string }{
		{"versio\t", "version "},
		{"\x15ver\x01x\x04\x7f\x05s\t\x17pid\r", "\r\n4711\r\nsupervisor> "}, // with moves and deletions
		{"stop c\t\r", "cat: stopped\r\nsupervisor> "},
		{"stop g:l\t\r", "g:long: stopped\r\nsupervisor> "},
		{"call demo.\t\t", "demo.add  demo.sub"},
		{"zz\x15\x12g:*", "status g:*"}, // search
		{"\r", "g:long                           FATAL     gone\r\nsupervisor> "},
		{"\x1b[A\x1b[A\r", "g:long: stopped\r\nsupervisor> "},
		{"  \r", "\r\nsupervisor> "},
	} {
		term.send(step.keys)
		term.expect(step.want)
	}
	term.send("\x04")
	if code := term.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got, err := os.ReadFile(history)
	if want := "status g:*\npid zz\npid\nstop cat\nstop g:long\nstatus g:*\nstop g:long\n"; err != nil || string(got) != want {
		t.Errorf("history %q, %v; want %q", got, err, want)
	}
	if calls := f.log(); !strings.Contains(calls, `supervisor.stopProcess("g:long")`) {
		t.Errorf("calls:\n%s", calls)
	}
}

// An interrupt leaves the shell, at the prompt as within a command, but for the
// commands that it is the end of.
func TestShellInterrupted(t *testing.T) {
	table := twoProcesses + `
supervisor.startProcess("cat") -> WAIT
supervisor.getProcessInfo("cat") -> {"name":"cat","group":"cat","state":20}
supervisor.sendProcessStdin("cat", "hello\n") -> true
supervisor.sendProcessStdin("cat", "nobody\n") !! 30 FAILED
GET /logtail/cat/stdout -> "from stdout, follow\n"
GET /logtail/cat/stderr -> "from stderr, follow\n"
GET /mainlogtail -> "follow\n"
`
	for _, test := range []struct {
		name  string
		steps []string // what is typed, what is expected, and so on
	}{
		{"prompt", nil},
		{"half a line", []string{"stat", "stat"}},
		{"command", []string{"start cat\r", "\n"}},
		{"tail", []string{"tail -f cat\r", "from stdout, follow\r\n", "\x03", "^C\r\nsupervisor> "}},
		{"maintail", []string{"maintail -f\r", "follow\r\n", "\x03", "^C\r\nsupervisor> ", "pid\r", "4711\r\n", "", "supervisor> "}},
		{"fg", []string{"fg cat\r", "from std", "", "follow\r\n", "", "follow\r\n", "hello\r", "hello\r\n", "nobody\r", "ERROR: <Fault 30: 'FAILED'>\r\nExiting foreground\r\nsupervisor> ", "fg cat\r", "follow", "half\x03", "Exiting foreground\r\nsupervisor> "}},
		{"end of fg", []string{"fg cat\r", "follow\r\n", "", "follow\r\n", "\x04", "Exiting foreground\r\nsupervisor> "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f, url := serveTable(t, table)
			term := onTerminal(t, nil, "supervisorctl", "-s", url)
			term.expect("supervisor> ")
			for i := 0; i < len(test.steps); i += 2 {
				term.send(test.steps[i])
				term.expect(test.steps[i+1])
			}
			if test.name == "command" {
				waitFor(t, "the call", func() bool { return strings.Contains(f.log(), "startProcess") })
			}
			term.send("\x03")
			if code := term.end(); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// The shell completes what extensions bring, and shows none of their control
// characters.
func TestExtensionsOnTerminal(t *testing.T) {
	_, url := serveTable(t, twoProcesses+`
extension.getAllExtensionInfo() -> [{"name":"hello","state":20,"statename":"RUNNING","description":"pid 7","commands":["greet","list"]},{"name":"bare","state":200,"statename":"FATAL","description":"a\u009b2Jb","commands":[]}]
extension.getCommands("hello") -> [{"name":"greet","help":"","method":"greet","template":"\u009b{}","arguments":[{"name":"name","type":"string","optional":false}]}]
extension.restartExtension("bare") -> true
hello.greet("Jo Doe") -> "Hello, \u009b31mJo"
`)
	term := onTerminal(t, nil, "supervisorctl", "-s", url)
	term.expect("supervisor> ")
	for _, step := range []struct{ keys, want string }{
		{"hel\t\t", "hello  help"},
		{"lo gr\t\"Jo Doe\"\r", `\u009bHello, \u009b31mJo` + "\r\nsupervisor> "},
		{"ext\tres\tba\t\r", "bare: restarted\r\nsupervisor> "},
		{"extension li\t\r", "\x1b[31mFATAL\x1b[0m     a\\u009b2Jb\r\n"},
		{"zz top\r", "*** Unknown syntax: zz top\r\nsupervisor> "},
		{"help hello g\t\r", "hello greet <name>\r\n"},
	} {
		term.send(step.keys)
		if got := term.expect(step.want); strings.Contains(got, "\u009b") {
			t.Errorf("%q shows %q", step.keys, got)
		}
	}
	term.expect("supervisor> ")
	term.send("\x04")
	if code := term.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A signal that ends the program leaves the terminal and the history in order.
func TestShellTerminated(t *testing.T) {
	_, url := serveTable(t, twoProcesses)
	history := filepath.Join(t.TempDir(), "history")
	term := onTerminal(t, nil, "supervisorctl", "-s", url, "-r", history)
	term.expect("supervisor> ")
	term.send("pid\r")
	term.expect("4711\r\nsupervisor> ")
	if err := term.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := term.end(); code != -int(syscall.SIGTERM) {
		t.Errorf("exit code %d", code)
	}
	if got, err := os.ReadFile(history); string(got) != "pid\n" {
		t.Errorf("history %q, %v", got, err)
	}
}

// A password is asked for and not shown, in the shell and without.
func TestPasswordOnTerminal(t *testing.T) {
	for _, test := range []struct {
		name string
		args []string
	}{
		{"shell", nil},
		{"command", []string{"-i", "status"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, url := serveTable(t, "AUTH user:secret\n"+twoProcesses)
			term := onTerminal(t, nil, "supervisorctl", append([]string{"-s", url}, test.args...)...)
			for _, password := range []string{"wrong", "secret"} {
				term.expect("Server requires authentication\r\nUsername:")
				term.send("user\r")
				term.expect("Password:")
				waitFor(t, "typing is hidden", func() bool { return term.termios().Lflag&unix.ECHO == 0 })
				term.send(password + "\r")
			}
			shown := term.expect("pid 12\r\n")
			if strings.Contains(shown, "secret") {
				t.Errorf("the password is shown: %q", shown)
			}
			if test.args == nil {
				term.expect("supervisor> ")
				term.send("exit\r")
			}
			if code := term.end(); (code == 0) != (test.args == nil) {
				t.Errorf("exit code %d", code) // 3, for the status of a stopped process
			}
		})
	}
}

// An interrupt while a password is typed shows typing again.
func TestPasswordInterrupted(t *testing.T) {
	_, url := serveTable(t, "AUTH user:secret\n")
	term := onTerminal(t, nil, "supervisorctl", "-s", url, "-i", "pid")
	term.expect("Username:")
	term.send("user\r")
	term.expect("Password:")
	waitFor(t, "typing is hidden", func() bool { return term.termios().Lflag&unix.ECHO == 0 })
	term.send("sec\x03")
	if code := term.end(); code != 128+int(syscall.SIGINT) {
		t.Errorf("exit code %d", code)
	}
}

// Colour is for terminals that have it and users who want it; a terminal that
// cannot be edited on still has a shell.
func TestPlainTerminal(t *testing.T) {
	_, url := serveTable(t, twoProcesses)
	for _, env := range []string{"NO_COLOR=1", "TERM=dumb"} {
		term := onTerminal(t, []string{env}, "supervisorctl", "-s", url)
		term.expect("cat                              RUNNING   pid 12\r\n")
		term.expect("supervisor> ")
		if strings.Contains(term.seen, "\x1b[3") {
			t.Errorf("%s: %q", env, term.seen)
		}
		term.send("pid\r")
		term.expect("4711\r\nsupervisor> ")
		term.send("\x03")
		if code := term.end(); code != 0 {
			t.Errorf("%s: exit code %d", env, code)
		}
	}
}

// The completion scripts, in the shells that they are for: what a key completes
// is what the program is then called with.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []struct {
		path  string
		args  []string
		setup string
	}{
		{"/usr/bin/bash", []string{"--norc", "--noprofile", "-i"}, "source <(supervisorctl completion bash); PS1='re''ady '\r"},
		{"/usr/bin/zsh", []string{"-f", "-i"}, "autoload compinit; compinit -u -D; source <(supervisorctl completion zsh); PS1='re''ady '\r"},
		{"/usr/bin/fish", []string{"--no-config", "-i"}, "supervisorctl completion fish | source; function fish_prompt; echo 're''ady '; end\r"},
	} {
		t.Run(filepath.Base(shell.path), func(t *testing.T) {
			t.Parallel()
			need(t, shell.path)
			f, url := serveTable(t, twoProcesses)
			home := t.TempDir()
			if err := os.WriteFile(filepath.Join(home, "client.conf"), []byte("[supervisorctl]\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			term := onTerminal(t, []string{"HOME=" + home, "ZDOTDIR=" + home, "HISTFILE="}, shell.path, shell.args...)
			term.send(shell.setup)
			term.expect("ready ")
			term.send("cd " + home + "\r")
			term.expect("ready ")
			for _, step := range []struct{ keys, want string }{
				{"supervisorctl -s " + url + " stop c\t\r", "cat: stopped"},
				{"supervisorctl -s " + url + " stop g:l\t\r", "g:long: stopped"},
				{"supervisorctl -c cli\t -s " + url + " stop ca\t\r", "cat: stopped"},
				{"supervisorctl -s " + url + " versio\t; echo co''mpleted\r", "completed"},
			} {
				term.send(step.keys)
				term.expect(step.want)
				term.expect("ready ")
			}
			if got, want := f.log(), `supervisor.stopProcess("cat")`; strings.Count(got, want) != 2 {
				t.Errorf("calls:\n%s", got)
			}
			term.send("exit\r")
			term.end()
		})
	}
}
