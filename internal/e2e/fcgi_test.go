package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// fcgiArg makes the test binary a FastCGI application.
const fcgiArg = "serve-fastcgi"

// serveFastCGI answers the requests that come by descriptor 0 with the name of the
// process.
func serveFastCGI() {
	err := fcgi.Serve(nil, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, os.Getenv("SUPERVISOR_PROCESS_NAME"), " ", r.FormValue("say"))
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// The records of FastCGI that a web server and a responder exchange.
const (
	fcgiBegin  = 1
	fcgiEnd    = 3
	fcgiParams = 4
	fcgiStdin  = 5
	fcgiStdout = 6
)

// askFastCGI makes one request, as a web server does, and gives the answer's body.
func askFastCGI(address net.Addr, query string) (string, error) {
	conn, err := net.DialTimeout(address.Network(), address.String(), patience)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	var request bytes.Buffer
	record := func(kind byte, content string) {
		request.Write([]byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), 0, 0})
		request.WriteString(content)
	}
	param := func(name, value string) string {
		return string([]byte{byte(len(name)), byte(len(value))}) + name + value
	}
	record(fcgiBegin, "\x00\x01\x00\x00\x00\x00\x00\x00") // a responder; the connection is not kept
	record(fcgiParams, param("REQUEST_METHOD", "GET")+param("SERVER_PROTOCOL", "HTTP/1.1")+
		param("REQUEST_URI", "/?"+query)+param("QUERY_STRING", query))
	record(fcgiParams, "")
	record(fcgiStdin, "")
	if _, err := conn.Write(request.Bytes()); err != nil {
		return "", err
	}
	var answer strings.Builder
	for header := make([]byte, 8); ; {
		if _, err := io.ReadFull(conn, header); err != nil {
			return "", err
		}
		content := make([]byte, int(binary.BigEndian.Uint16(header[4:]))+int(header[6]))
		if _, err := io.ReadFull(conn, content); err != nil {
			return "", err
		}
		switch header[1] {
		case fcgiStdout:
			answer.Write(content[:len(content)-int(header[6])])
		case fcgiEnd:
			_, body, _ := strings.Cut(answer.String(), "\r\n\r\n")
			return body, nil
		}
	}
}

// TestFastCGI has two processes answer at one socket, which is opened with the
// first start and closed with the last stop.
func TestFastCGI(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, "")
			var address net.Addr = &net.UnixAddr{Name: s.path("f.sock"), Net: "unix"}
			if network == "tcp" {
				tcp, err := net.ResolveTCPAddr("tcp4", freeAddress(t))
				if err != nil {
					t.Fatal(err)
				}
				address = tcp
			}
			url := network + "://" + address.String()
			s.write(s.read("supervisord.conf") + fmt.Sprintf("[fcgi-program:f]\nsocket=%s\ncommand=%s %s\nnumprocs=2\n"+
				"process_name=%%(process_num)d\nautostart=false\nstartsecs=0\n", url, self(t), fcgiArg))
			d := s.start()
			asks := func(want string) {
				t.Helper()
				if got, err := askFastCGI(address, "say=hello"); got != want+" hello" || err != nil {
					t.Errorf("%q answers (%v), want %q", got, err, want+" hello")
				}
			}
			refused := func(when string) {
				t.Helper()
				// A socket is closed a moment after the log tells of it.
				poll(t, when+" clients are refused", func() bool {
					_, err := askFastCGI(address, "")
					return errors.Is(err, syscall.ECONNREFUSED)
				})
			}
			var told []string
			tells := func(when string, want ...string) {
				t.Helper()
				told = append(told, want...)
				var lines []string
				poll(t, fmt.Sprintf("%s the log has %q", when, told), func() bool {
					lines = nil
					for line := range strings.Lines(d.read("supervisord.log")) {
						if _, text, ok := strings.Cut(line, " INFO "); ok && strings.HasSuffix(text, " socket "+url+"\n") {
							lines = append(lines, strings.Fields(text)[0])
						}
					}
					return len(lines) >= len(told)
				})
				if !slices.Equal(lines, told) {
					t.Errorf("%s the log has %q, want %q", when, lines, told)
				}
			}
			inode := func(name string) string {
				t.Helper()
				to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/0", d.pids()["f:"+name]))
				if err != nil || !strings.HasPrefix(to, "socket:") {
					t.Errorf("descriptor 0 of %s is %s (%v), want a socket", name, to, err)
				}
				return to
			}

			// At the start it is tried, and not kept.
			tells("after the start", "Creating", "Closing")
			refused("before the first start")

			expect(s, "true", "supervisor.startProcess", "f:0")
			tells("after the first start", "Creating")
			asks("0")
			first := inode("0")
			expect(s, "true", "supervisor.startProcess", "f:1")
			tells("after the second start")
			if both := inode("1"); both != first {
				t.Errorf("the processes have %s and %s, want one socket", first, both)
			}
			expect(s, "true", "supervisor.stopProcess", "f:0")
			tells("after the first stop")
			asks("1")
			expect(s, "true", "supervisor.startProcess", "f:0")
			expect(s, "true", "supervisor.stopProcess", "f:1")
			asks("0")
			if still := inode("0"); still != first {
				t.Errorf("it was %s and is %s, and was never closed", first, still)
			}

			// The same when the last is killed.
			if err := syscall.Kill(d.pids()["f:0"], syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			from := d.waitFrom(0, "exited: 0 (terminated by SIGKILL; not expected)")
			tells("after the last one's end", "Closing")
			d.waitFrom(from, "success: 0 entered RUNNING state")
			tells("after its restart", "Creating")
			asks("0")

			// Standard input is the socket, and nobody else's.
			expect(s, "20 NO_FILE: f:0", "supervisor.sendProcessStdin", "f:0", "x")
			expect(s, "true", "supervisor.stopProcess", "f:0")
			tells("after the last stop", "Closing")
			refused("after the last stop")
			if network == "unix" && !exists(address.String()) {
				t.Error("the socket's file is gone; the reference leaves it")
			}
		})
	}
}

// TestFastCGISocketFile looks at a unix socket's owner and mode.
func TestFastCGISocketFile(t *testing.T) {
	t.Parallel()
	root := os.Getuid() == 0
	id := func(text string, err error) int {
		n, _ := strconv.Atoi(text)
		if err != nil {
			n = -1
		}
		return n
	}
	other := struct{ uid, gid, mail int }{-1, -1, -1}
	if u, err := user.Lookup("nobody"); err == nil {
		other.uid, other.gid = id(u.Uid, nil), id(u.Gid, nil)
	}
	if g, err := user.LookupGroup("mail"); err == nil {
		other.mail = id(g.Gid, nil)
	}
	for _, c := range []struct {
		name, options string
		root          bool
		uid, gid      int
		mode          os.FileMode
	}{
		{"nothing said", "", false, os.Getuid(), os.Getgid(), 0o700},
		{"mode", "socket_mode=0666", false, os.Getuid(), os.Getgid(), 0o666},
		{"mode that the umask forbids", "socket_mode=0777\numask=077", false, os.Getuid(), os.Getgid(), 0o777},
		{"user", "user=nobody", true, other.uid, other.gid, 0o700},
		{"owner", "socket_owner=nobody\nsocket_mode=0600", true, other.uid, os.Getgid(), 0o600},
		{"owner and group", "socket_owner=nobody:mail", true, other.uid, other.mail, 0o700},
		{"owner, not the user", "user=nobody\nsocket_owner=root:mail\nsocket_mode=0660", true, 0, other.mail, 0o660},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.root {
				need(t, root && other.uid > 0 && other.mail > 0, "root, the user nobody and the group mail")
			}
			// As at other places a file that is there already gives way.
			s := newSite(t, "[fcgi-program:f]\ncommand=/bin/sleep 1000\nstartsecs=0\nsocket=unix://%(here)s/f.sock\n"+c.options+"\n")
			if err := os.WriteFile(s.path("f.sock"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
			d := s.start()
			d.wait("success: f entered RUNNING state")
			var file unix.Stat_t
			if err := unix.Stat(d.path("f.sock"), &file); err != nil {
				t.Fatal(err)
			}
			if file.Mode != unix.S_IFSOCK|uint32(c.mode) || int(file.Uid) != c.uid || int(file.Gid) != c.gid {
				t.Errorf("mode %o, owner %d:%d; want %o, %d:%d", file.Mode, file.Uid, file.Gid, unix.S_IFSOCK|uint32(c.mode), c.uid, c.gid)
			}
		})
	}
}

// TestFastCGIBacklog fills the queue of a program that accepts nobody.
func TestFastCGIBacklog(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "[fcgi-program:f]\ncommand=/bin/sleep 1000\nstartsecs=0\nsocket=unix://%(here)s/f.sock\nsocket_backlog=3\n")
	d.wait("success: f entered RUNNING state")
	queued := 0
	for ; queued < 100; queued++ {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err = unix.Connect(fd, &unix.SockaddrUnix{Name: d.path("f.sock")}); err == unix.EAGAIN {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	// Linux takes one more than it is told.
	if queued != 3+1 {
		t.Errorf("%d clients wait, want 4", queued)
	}
}

// TestFastCGISocketInUse has the socket's place taken: before the daemon starts,
// before a group is added, and before a process is started.
func TestFastCGISocketInUse(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	free := s.read("supervisord.conf")
	address := freeAddress(t)
	// A child of another test may have what was closed here for a moment, until it
	// executes its program.
	take := func() (l net.Listener) {
		t.Helper()
		poll(t, address+" is free", func() bool {
			var err error
			l, err = net.Listen("tcp4", address)
			return err == nil
		})
		return l
	}
	comesFree := func(method string) {
		t.Helper()
		poll(t, method+" finds the address free", func() bool { return outcome(s, method, "f") == "true" })
	}
	why := fmt.Sprintf("Could not create FastCGI socket tcp://%s: cannot bind: address already in use", address)
	with := free + fmt.Sprintf("[fcgi-program:f]\nsocket=tcp://%s\ncommand=%s %s\nautostart=false\nstartsecs=0\nstartretries=0\n",
		address, self(t), fcgiArg)

	s.write(with)
	l := take()
	s.failsToStart(why, "-c", s.conf)

	s.write(free)
	d := s.start()
	s.write(with)
	expect(s, "[[[f] [] []]]", "supervisor.reloadConfig")
	expect(s, "30 FAILED: "+why, "supervisor.addProcessGroup", "f")
	expect(s, "10 BAD_NAME: f", "supervisor.getProcessInfo", "f")
	l.Close()
	comesFree("supervisor.addProcessGroup")

	l = take()
	expect(s, "50 SPAWN_ERROR: f", "supervisor.startProcess", "f")
	d.wait("spawnerr: " + why)
	l.Close()
	comesFree("supervisor.startProcess")
	tcp, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := askFastCGI(tcp, "say=again"); got != "f again" || err != nil {
		t.Errorf("%q answers, %v", got, err)
	}
}
