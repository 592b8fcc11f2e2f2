package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
)

// listenerScript is an event listener: it appends the payloads of its events to a
// file, a line each, and answers all of them alike.
const listenerScript = `#!/bin/sh
while :; do
	echo READY
	read -r header || exit 0
	length=${header##*len:}
	head -c "${length%% *}" >>"$1"
	echo >>"$1"
	printf 'RESULT %d\n%s' "${#2}" "$2"
done
`

// asker is a program that says something to listeners and then copies its input to
// its output.
const asker = `
[program:x]
command=/bin/sh -c "printf '<!--XSUPERVISOR:BEGIN-->what shall I do now?<!--XSUPERVISOR:END-->\n'; exec cat"
startsecs=0
stdout_capture_maxbytes=1KB
stdout_logfile=%(here)s/x.out

[supervisord]
loglevel=debug
`

const stdinWriteHandler = "supervisor_twiddler.resulthandler:stdin_write_handler"

// listener is a section of the listener, which answers with result.
func (s *site) listener(result, events, handler string) string {
	s.t.Helper()
	if err := os.WriteFile(s.path("listener"), []byte(listenerScript), 0o755); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprintf("\n[eventlistener:el]\ncommand=%s %s %s\nstartsecs=0\nevents=%s\nresult_handler=%s\n",
		s.path("listener"), s.path("events"), result, events, handler)
}

// poll waits for what nothing tells of.
func poll(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// waitFile waits until a file has the text.
func (d *daemon) waitFile(name, text string) {
	d.t.Helper()
	poll(d.t, name+" has "+text, func() bool {
		data, err := os.ReadFile(d.path(name))
		return err == nil && strings.Contains(string(data), text)
	})
}

// TestStdinWriteHandler has a listener write to the standard input of the program
// that its event is about.
func TestStdinWriteHandler(t *testing.T) {
	t.Parallel()
	const bare = "[supervisord]\nlogfile=%(here)s/supervisord.log\npidfile=%(here)s/supervisord.pid\nchildlogdir=%(here)s\n"
	for _, c := range []struct {
		name, extensions, handler string
	}{
		{"of its section", twiddler, stdinWriteHandler},
		{"by its namespace", twiddler, "twiddler:stdin_write_handler"},
		{"without a section", "", stdinWriteHandler},
		{"without a server", bare, stdinWriteHandler},
		{"of a section without a server", bare + twiddler, "twiddler:stdin_write_handler"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newBareSite(t)
			more := c.extensions + asker + s.listener("STDIN:dance", "PROCESS_COMMUNICATION", c.handler)
			if !strings.HasPrefix(c.extensions, bare) {
				more = fmt.Sprintf(basics, s.addr) + more
			}
			s.write(more)
			d := s.start()
			d.wait("el: event was processed")
			d.waitFile("x.out", "dance")
			d.waitFile("events", "what shall I do now?")
			if n := len(d.plugins()); n != 1 {
				t.Errorf("%d plugins", n)
			}
		})
	}
}

// TestHandlerKilled kills the plugin that judges: the event is judged by the plugin that
// is started anew, after it was sent again where the old one had been asked already.
func TestHandlerKilled(t *testing.T) {
	t.Parallel()
	s := newBareSite(t)
	s.write(fmt.Sprintf(basics, s.addr) + strings.Replace(asker, "[program:x]", "[program:x]\nautostart=false", 1) +
		s.listener("STDIN:dance", "PROCESS_COMMUNICATION", stdinWriteHandler))
	d := s.start()
	d.wait("el: ACKNOWLEDGED -> READY")
	pid := d.plugins()[0]
	d.stop(pid)
	answer[bool](s, "supervisor.startProcess", "x")
	d.waitFile("events", "what shall I do now?")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	d.wait("el: event was processed")
	d.waitFile("x.out", "dance")
}

// TestListenerIsAdded adds listeners to a daemon that runs.
func TestListenerIsAdded(t *testing.T) {
	t.Parallel()
	s := newBareSite(t)
	s.write(fmt.Sprintf(basics, s.addr) + asker)
	d := s.start()
	d.wait("success: x entered RUNNING state")
	s.write(fmt.Sprintf(basics, s.addr) + asker + s.listener("STDIN:dance", "PROCESS_COMMUNICATION", "nosuch:handler"))
	expect(s, "92 CANT_REREAD: nosuch:handler cannot be resolved within [eventlistener:el]: no extension nosuch is loaded, "+
		"and handlers written in Python cannot be; name an extension's, NAMESPACE:HANDLER", "supervisor.reloadConfig")
	expect(s, "10 BAD_NAME: el", "supervisor.addProcessGroup", "el")

	s.write(fmt.Sprintf(basics, s.addr) + asker + s.listener("STDIN:dance", "PROCESS_COMMUNICATION", stdinWriteHandler))
	expect(s, "[[[el] [] []]]", "supervisor.reloadConfig")
	answer[bool](s, "supervisor.addProcessGroup", "el")
	answer[bool](s, "supervisor.stopProcess", "x")
	answer[bool](s, "supervisor.startProcess", "x")
	d.wait("el: event was processed")
	d.waitFile("x.out", "dance")
}

func TestUnknownResultHandlers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ extensions, handler, want string }{
		{"", "nosuch.module:thing", "no extension nosuch.module is loaded, and handlers written in Python cannot be; " +
			"name an extension's, NAMESPACE:HANDLER"},
		{twiddler, "twiddler:thing", "extension 'twiddler' has no result handler thing; it has stdin_write_handler"},
	} {
		s := newBareSite(t)
		s.write(fmt.Sprintf(basics, s.addr) + c.extensions + s.listener("OK", "TICK_5", c.handler))
		s.failsToStart(c.handler+" cannot be resolved within [eventlistener:el]: "+c.want, "-c", s.conf)
	}
}

// Publish tells listeners and other plugins something.
func (p *probe) Publish(ctx context.Context, typ, data string) error {
	return p.host.Publish(ctx, typ, data)
}

// Payload gives the payload of the first event of a type from a sequence number on.
func (p *probe) Payload(ctx context.Context, event string, from int) ([]string, error) {
	for n, err := range sdk.Events(ctx, p.host, uint64(from), event) {
		return []string{n.Event.Name, string(n.Event.Payload)}, err
	}
	return nil, ctx.Err()
}

// TestPluginsPublishAndSubscribe has an event go from one plugin to a listener and to
// another plugin.
func TestPluginsPublishAndSubscribe(t *testing.T) {
	t.Parallel()
	const grants = "plugin.grants = events:publish events:subscribe log:write"
	s := newBareSite(t)
	s.write(fmt.Sprintf(basics, s.addr) + probeSection(t, "works", grants) +
		s.listener("OK", "REMOTE_COMMUNICATION", "supervisor.dispatchers:default_handler"))
	d := s.start()
	answer[bool](s, "probe.publish", "greeting", "hello\nthere")
	d.waitFile("events", "type:greeting\nhello\nthere\n")

	heard := make(chan string, 1)
	go func() { heard <- outcome(s, "probe.payload", "REMOTE_COMMUNICATION", 1) }()
	poll(t, "the event is heard", func() bool {
		answer[bool](s, "probe.publish", "greeting", "again")
		return len(heard) > 0
	})
	if got, want := <-heard, "[REMOTE_COMMUNICATION type:greeting\nagain]"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	expect(s, "10 BAD_NAME: NO_SUCH", "probe.payload", "NO_SUCH", 0)
}
