package e2e

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// debianctl is the reference's own client.
const debianctl = "/usr/bin/supervisorctl"

// eachctl runs a test with our supervisorctl and with Debian's.
func eachctl(t *testing.T, f func(t *testing.T, ctl func(*site) string)) {
	t.Parallel()
	t.Run("ours", func(t *testing.T) { t.Parallel(); f(t, (*site).supervisorctl) })
	t.Run("debian", func(t *testing.T) {
		t.Parallel()
		need(t, exists(debianctl), "Debian's package supervisor")
		f(t, func(*site) string { return debianctl })
	})
}

func (s *site) supervisorctl() string { return filepath.Join(s.bin, "supervisorctl") }

// program is a section of a program that starts at once and does not start by
// itself.
func program(name, command string, more ...string) string {
	return fmt.Sprintf("[program:%s]\ncommand=%s\nstartsecs=0\nautostart=false\nautorestart=false\n%s\n\n",
		name, command, strings.Join(more, "\n"))
}

func TestSupervisorctl(t *testing.T) {
	eachctl(t, func(t *testing.T, ctl func(*site) string) {
		d := startDaemon(t, twiddler+"[group:g]\nprograms=a,b\n\n"+program("a", "/bin/cat")+program("b", "/bin/cat")+
			program("hello", "/bin/echo hello"))
		for _, step := range []struct {
			command string
			code    int
			want    string // its lines in any order, for groups answer as they get done; "..." is any text
			log     string // to wait for afterwards
		}{
			{"status", 3, "g:a  STOPPED Not started\ng:b STOPPED Not started\nhello STOPPED Not started", ""},
			{"start g:a hello", 0, "g:a: started\nhello: started", "exited: hello (exit status 0; expected)"},
			{"status g:a", 0, "g:a RUNNING pid ..., uptime 0:00:...", ""},
			{"status g:a hello nope", 3, "g:a RUNNING pid ..., uptime 0:00:...\nhello EXITED ...\nnope: ERROR (no such process)", ""},
			{"tail hello", 0, "hello\n", ""},
			{"start g:a", 0, "g:a: ERROR (already started)", ""},
			{"start g:*", 0, "g:b: started", ""},
			{"start nope:*", 2, "nope: ERROR (no such group)", ""},
			{"restart g:*", 0, "g:a: started\ng:a: stopped\ng:b: started\ng:b: stopped", ""},
			{"pid", 0, fmt.Sprint(d.pid), ""},
			{"pid hello", 7, "0", ""},
			{"version", 0, "4.4.0", ""},
			{"stop g:a", 0, "g:a: stopped", ""},
			{"stop g:a", 0, "g:a: ERROR (not running)", ""},
			{"stop all", 0, "g:b: stopped", ""},
			{"stop nope", 1, "nope: ERROR (no such process)", ""},
			{"stop nope:*", 1, "nope: ERROR (no such group)", ""},
			{"frobnicate", 1, "*** Unknown syntax: frobnicate", ""},
			{"shutdown", 0, "Shut down", ""},
		} {
			out, code := d.run(ctl(d.site), append([]string{"-c", d.conf}, strings.Fields(step.command)...)...)
			if got, want := normal(out), normal(step.want); code != step.code || !matches(want, got) {
				t.Errorf("supervisorctl %s: exit code %d, want %d; output:\n%s\nwant:\n%s", step.command, code, step.code, got, want)
			}
			if step.log != "" {
				d.wait(step.log)
			}
		}
		d.exit(0)
	})
}

// normal sorts lines and makes runs of blanks one.
func normal(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if fields := strings.Fields(line); len(fields) > 0 {
			out = append(out, strings.Join(fields, " "))
		}
	}
	slices.Sort(out)
	return strings.Join(out, "\n")
}

// TestAuthentication has both clients log in, over both sorts of socket.
func TestAuthentication(t *testing.T) {
	sum := sha1.Sum([]byte("lovelace"))
	for name, password := range map[string]string{"plain": "lovelace", "sha": "{SHA}" + hex.EncodeToString(sum[:])} {
		t.Run(name, func(t *testing.T) {
			eachctl(t, func(t *testing.T, ctl func(*site) string) {
				login := "username=ada\npassword=" + password + "\n"
				d := startDaemon(t, "[unix_http_server]\n"+login+"[inet_http_server]\n"+login)
				for _, url := range []string{"unix://" + d.sock, "http://" + d.addr} {
					out, code := d.run(ctl(d.site), "-s", url, "-u", "ada", "-p", "lovelace", "pid")
					if out != fmt.Sprintln(d.pid) || code != 0 {
						t.Errorf("pid over %s: exit code %d, output %q", url, code, out)
					}
					out, code = d.run(ctl(d.site), "-s", url, "-u", "ada", "-p", "babbage", "pid")
					if !strings.Contains(out, "Server requires authentication") || code != 1 {
						t.Errorf("pid over %s with a wrong password: exit code %d, output %q", url, code, out)
					}
				}
				for _, line := range d.log.snapshot() {
					if strings.Contains(line, "without any HTTP authentication") {
						t.Errorf("the log says: %s", line)
					}
				}
			})
		})
	}
}

// TestOpenServers looks for the warning of servers that let everybody in.
func TestOpenServers(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "")
	d.signal(syscall.SIGTERM)
	d.exit(0)
	for _, server := range []string{"inet_http_server", "unix_http_server"} {
		want := "CRIT Server '" + server + "' running without any HTTP authentication checking"
		if n := len(regexp.MustCompile(want).FindAllString(d.read("supervisord.log"), -1)); n != 1 {
			t.Errorf("%d lines with %q, want 1", n, want)
		}
	}
}

// TestCall is for supervisorctl call, which the reference does not have.
func TestCall(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+"[group:g]\n")
	for _, step := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"twiddler.getAPIVersion"}, 0, `"1.0"` + "\n"},
		{[]string{"twiddler.getGroupNames"}, 0, `["g"]` + "\n"},
		{[]string{"twiddler.addProgramToGroup", "g", "two", `{"command":"/bin/cat","autostart":"false","numprocs":2,"process_name":"p%(process_num)d"}`}, 0, "true\n"},
		{[]string{"supervisor.startProcess", "g:p0", "false"}, 0, "true\n"},
		{[]string{"twiddler.removeProcessFromGroup", "g", "p0"}, 1, "fault 91: STILL_RUNNING: p0\n"},
		{[]string{"twiddler.nope"}, 1, "fault 1: UNKNOWN_METHOD\n"},
		{[]string{"system.methodSignature", "twiddler.log"}, 0, `["boolean", "string", "string|int"]` + "\n"},
	} {
		out, code := d.run(d.supervisorctl(), append([]string{"-c", d.conf, "call"}, step.args...)...)
		if code != step.code || out != step.want {
			t.Errorf("supervisorctl call %q: exit code %d, want %d; output %q, want %q", step.args, code, step.code, out, step.want)
		}
	}
}
