package e2e

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestCallsWhilePluginDies has many clients call while the plugin is killed. Each
// call is answered, by its result or by a fault that says what became of it.
func TestCallsWhilePluginDies(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+"[group:g]\n")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const clients = 4
	calls := make(chan string)
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				got := outcome(d.site, "twiddler.getGroupNames")
				if got != "[g]" && !strings.HasPrefix(got, "30 FAILED: extension 'twiddler' ") {
					t.Errorf("a call is answered %q", got)
				}
				select {
				case calls <- got:
				case <-ctx.Done():
				}
			}
		})
	}
	succeed := func(n int) {
		t.Helper()
		for n > 0 {
			select {
			case got := <-calls:
				if got == "[g]" {
					n--
				}
			case <-ctx.Done():
				t.Fatal("calls succeed no more")
			}
		}
	}
	for range 2 {
		succeed(20)
		for _, pid := range d.plugins() {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	succeed(20)
	cancel()
	wg.Wait()
}

// TestAddWhileCalled has many clients change the same groups at the same time.
func TestAddWhileCalled(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+"[group:g]\n[group:h]\n")
	const clients, rounds = 6, 5
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			group := "gh"[i%2 : i%2+1]
			name := fmt.Sprintf("p%d", i)
			for range rounds {
				for _, step := range []struct {
					method string
					args   []any
				}{
					{"twiddler.addProgramToGroup", []any{group, name, map[string]any{"command": "/bin/cat", "startsecs": 0, "autostart": "false"}}},
					{"supervisor.startProcess", []any{group + ":" + name}},
					{"supervisor.stopProcess", []any{group + ":" + name}},
					{"twiddler.removeProcessFromGroup", []any{group, name}},
				} {
					expect(d.site, "true", step.method, step.args...)
				}
			}
		})
	}
	wg.Wait()
	expect(d.site, "[]", "supervisor.getAllProcessInfo")
}

// TestAllOrNothing adds five processes of which the third has a name that exists.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+"[group:g]\n")
	options := map[string]any{"command": "/bin/cat", "autostart": "false"}
	expect(d.site, "true", "twiddler.addProgramToGroup", "g", "p2", options)
	options["numprocs"], options["process_name"] = "5", "p%(process_num)d"
	expect(d.site, "10 BAD_NAME: p2", "twiddler.addProgramToGroup", "g", "p", options)
	if all := answer[[]info](d.site, "supervisor.getAllProcessInfo"); len(all) != 1 {
		t.Errorf("the processes are %v, want one", all)
	}
}

// TestRestartsLeaveNothing restarts a daemon some times and compares what it has
// open.
func TestRestartsLeaveNothing(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+twoPrograms)
	from := d.waitFrom(0, "success: b entered RUNNING state")
	awaited := func() {
		t.Helper()
		from = d.waitFrom(from, "supervisord started with pid")
		from = d.waitFrom(from, "success: b entered RUNNING state")
	}
	expect(d.site, "true", "supervisor.restart")
	awaited() // what is made at the first restart stays
	files, connections := openFiles(t, d.pid)
	for range 4 {
		d.signal(syscall.SIGHUP)
		awaited()
	}
	d.opensNoMore(files, connections+1)
	if now := d.children(); len(now) != 3 {
		t.Errorf("the children are %v, want two programs and a plugin", now)
	}
}

// TestFollowers has clients of both sorts follow a log until the daemon ends.
func TestFollowers(t *testing.T) {
	eachctl(t, func(t *testing.T, ctl func(*site) string) {
		d := startDaemon(t, program("cat", "/bin/cat", "autostart=true"))
		d.wait("success: cat entered RUNNING state")
		expect(d.site, "true", "supervisor.sendProcessStdin", "cat", "before\n")
		cmd := d.command(ctl(d.site), "-s", "http://"+d.addr, "tail", "-f", "cat")
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(out)
		await := func(want string) {
			t.Helper()
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					t.Fatalf("%q does not come: %v", want, err)
				}
				if strings.TrimSpace(line) == want {
					return
				}
			}
		}
		await("before")
		expect(d.site, "true", "supervisor.sendProcessStdin", "cat", "after\n")
		await("after")
		begun := time.Now()
		d.signal(syscall.SIGTERM)
		d.exit(0)
		if took := time.Since(begun); took > atOnce {
			t.Errorf("with a follower the shutdown took %v", took)
		}
		for err == nil {
			_, err = r.ReadString('\n')
		}
		cmd.Wait()
	})
}

// TestSignalsInARow sends what a nervous operator sends.
func TestSignalsInARow(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+twoPrograms)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR2, syscall.SIGHUP, syscall.SIGTERM} {
		d.signal(sig)
	}
	// By now it may have ended.
	if err := d.cmd.Process.Signal(syscall.SIGINT); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	d.exit(0)
}
