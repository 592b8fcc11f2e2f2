package e2e

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// console is a terminal with a program on it.
type console struct {
	t      *testing.T
	screen *os.File // its other end
	output *bufio.Reader
	ended  chan int // the exit code
}

func (s *site) onConsole(program string, args ...string) *console {
	s.t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NONBLOCK, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { screen.Close() })
	conn, err := screen.SyscallConn()
	if err != nil {
		s.t.Fatal(err)
	}
	var number int
	if cerr := conn.Control(func(fd uintptr) {
		if number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN); err == nil {
			err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		}
		if err == nil {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})
		}
	}); cerr != nil || err != nil {
		s.t.Fatal(cerr, err)
	}
	device, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	defer device.Close()
	if err := screen.SetReadDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	c := &console{s.t, screen, bufio.NewReader(screen), make(chan int, 1)}
	cmd := s.command(program, args...)
	cmd.Env = append(cmd.Env, "TERM=xterm")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = device, device, device
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		cmd.Wait()
		c.ended <- cmd.ProcessState.ExitCode()
	}()
	return c
}

// enter waits for the prompt and types a line.
func (c *console) enter(keys string) {
	c.t.Helper()
	c.expect("supervisor> ")
	if _, err := c.screen.WriteString(keys); err != nil {
		c.t.Fatal(err)
	}
}

// expect reads until the text has come.
func (c *console) expect(text string) {
	c.t.Helper()
	var all strings.Builder
	for !strings.HasSuffix(all.String(), text) {
		b, err := c.output.ReadByte()
		if err != nil {
			c.t.Fatalf("the terminal shows %q (%v), and not %q", all.String(), err, text)
		}
		all.WriteByte(b)
	}
}

// TestHistoryFile has a shell of supervisorctl keep its lines in the file that its
// section names, and the next one find them there.
func TestHistoryFile(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "[supervisorctl]\nhistory_file=%(here)s/history\n")
	for _, c := range []struct {
		name, keys, shows, history string
	}{
		{"new", "version\r", "\r\n4.4.0\r\n", "version\nquit\n"},
		// Two lines up. Of an arrow key's sequence the end may come too late to be its.
		{"kept", "\x10\x10\r", "\r\n4.4.0\r\n", "version\nquit\nversion\nquit\n"},
	} {
		shell := d.onConsole(d.supervisorctl(), "-c", d.conf)
		shell.enter(c.keys)
		shell.expect(c.shows)
		shell.enter("quit\r")
		select {
		case code := <-shell.ended:
			if code != 0 {
				t.Errorf("%s: exit code %d", c.name, code)
			}
		case <-time.After(patience):
			t.Fatalf("%s: the shell does not end", c.name)
		}
		if got := d.read("history"); got != c.history {
			t.Errorf("%s: the file has %q, want %q", c.name, got, c.history)
		}
	}
}
