package e2e

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// holder is a program that ends when it is told to through a pipe, and not when it
// is asked to stop: so the test sees the daemon in the middle of a shutdown.
type holder struct{ ready, release *fifo }

func (s *site) holder(priority int) (holder, string) {
	s.t.Helper()
	h := holder{s.fifo("ready"), s.fifo("release")}
	return h, fmt.Sprintf("[program:held]\ncommand=/bin/sh -c \"trap '' TERM && echo >%s && read x <%s\"\n"+
		"startsecs=0\nstopwaitsecs=600\npriority=%d\n\n", h.ready.path, h.release.path, priority)
}

func TestShutdownByPriority(t *testing.T) {
	t.Parallel()
	s := newSite(t, twiddler)
	h, held := s.holder(500)
	s.write(s.read("supervisord.conf") + held +
		"[program:first]\ncommand=/bin/cat\nstartsecs=0\npriority=1\n" +
		"[program:third]\ncommand=/bin/cat\nstartsecs=0\npriority=900\n" +
		"[program:second]\ncommand=/bin/cat\nstartsecs=0\npriority=2\n")
	d := s.start()
	h.ready.next()
	d.wait("success: third entered RUNNING state")
	pids := d.pids()

	d.signal(syscall.SIGTERM)
	d.wait("stopped: third (terminated by SIGTERM)")
	d.wait("waiting for ")
	expect(s, "6 SHUTDOWN_STATE", "supervisor.getState")
	expect(s, "6 SHUTDOWN_STATE", "supervisor.startProcess", "no-such-program")
	expect(s, "6 SHUTDOWN_STATE", "supervisor.getAllProcessInfo")
	expect(s, "6 SHUTDOWN_STATE", "twiddler.getAPIVersion")
	expect(s, "4 SIGNATURE_UNSUPPORTED", "system.methodSignature", "no-such-method")
	for _, name := range []string{"first:first", "second:second"} {
		if pids[name] == 0 || syscall.Kill(pids[name], 0) != nil {
			t.Errorf("%s (pid %d) is not left until its turn", name, pids[name])
		}
	}
	h.release.put("")
	d.exit(0)

	var order []string
	for _, line := range d.log.snapshot() {
		if _, name, ok := strings.Cut(line, " stopped: "); ok {
			order = append(order, strings.Fields(name)[0])
		}
	}
	if want := []string{"third", "held", "second", "first"}; !slices.Equal(order, want) {
		t.Errorf("stopped in the order %v, want %v", order, want)
	}
}

func TestCallsWhileRestarting(t *testing.T) {
	t.Parallel()
	s := newSite(t, twiddler)
	h, held := s.holder(999)
	s.write(s.read("supervisord.conf") + held)
	d := s.start()
	h.ready.next()
	d.wait("success: held entered RUNNING state")
	from := d.log.count()
	d.signal(syscall.SIGHUP)
	d.waitFrom(from, "waiting for held to die")
	expect(s, "6 SHUTDOWN_STATE", "supervisor.getState")
	expect(s, "1.0", "twiddler.getAPIVersion")
	expect(s, "[held]", "twiddler.getGroupNames")
	expect(s, "true", "twiddler.log", "while restarting", "WARN")
	d.waitFrom(from, "WARN while restarting")

	// A restart becomes a shutdown, if that is wanted.
	d.signal(syscall.SIGTERM)
	d.waitFrom(from, "received "+unix.SignalName(syscall.SIGTERM)+" indicating exit request")
	expect(s, "6 SHUTDOWN_STATE", "twiddler.getAPIVersion")
	h.release.put("")
	d.exit(0)
}

// TestShutdownAtTheEndOfARestart has the last program of a restart end just when the
// restart becomes a shutdown.
func TestShutdownAtTheEndOfARestart(t *testing.T) {
	t.Parallel()
	s := newSite(t, "")
	h, held := s.holder(999)
	s.write(s.read("supervisord.conf") + held)
	d := s.start()
	h.ready.next()
	d.wait("success: held entered RUNNING state")
	d.signal(syscall.SIGHUP)
	d.wait("waiting for held to die")
	d.signal(syscall.SIGTERM)
	d.wait("received SIGTERM indicating exit request")
	h.release.put("")
	d.exit(0)
}

// TestShutdownAnswersWaitingCalls has calls wait for a program and for a plugin
// when the daemon is told to end.
func TestShutdownAnswersWaitingCalls(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, probeSection(t, "works", "")+"[program:slow]\ncommand=/bin/cat\nautostart=false\nstartsecs=600\n")
	plugin := sleeping(d)
	start := &pending{make(chan string, 1), time.Now()}
	go func() { start.outcome <- outcome(d.site, "supervisor.startProcess", "slow") }()
	d.wait("spawned: 'slow'")
	d.signal(syscall.SIGTERM)
	start.ends(t, "40 ABNORMAL_TERMINATION: slow")
	if got := <-plugin.outcome; !strings.HasPrefix(got, "30 FAILED: extension 'probe' ") {
		t.Errorf("the plugin's call ends with %q", got)
	}
	d.exit(0)
}
