package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
)

// release lets the reader of a FIFO go on.
func (s site) release(fifo string) {
	s.t.Helper()
	f, err := os.OpenFile(s.dir+"/"+fifo, os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	f.Close()
}

// orphans is a program that leaves processes behind, each with an end of its own.
func (s site) orphans() string {
	s.t.Helper()
	for _, fifo := range []string{"exit", "kill", "term"} {
		if err := syscall.Mkfifo(s.dir+"/"+fifo, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
	s.file("leave", `#!/bin/sh
cd "$1"
sh -c 'read a < exit; exit 3' & echo $!
sh -c 'read a < kill; kill -9 $$' & echo $!
sh -c 'read a < term; kill -15 $1' sh $PPID & echo $!
`, 0o755)
	return program("p", "", "@D@/leave @D@")
}

// follow has the orphans end and waits for what is said of them.
func (d *foreground) follow() {
	d.t.Helper()
	d.await("exited: p (exit status 0; expected)")
	pids := strings.Fields(d.read("p.out"))
	if len(pids) != 3 {
		d.t.Fatalf("pids %q", pids)
	}
	d.release("exit")
	d.await(fmt.Sprintf("reaped unknown pid %s (exit status 3)", pids[0]))
	d.release("kill")
	d.await(fmt.Sprintf("reaped unknown pid %s (terminated by SIGKILL)", pids[1]))
	d.release("term")
	d.await("received SIGTERM indicating exit request")
	if err := d.cmd.Wait(); err != nil {
		d.t.Errorf("ended with %v\n%s", err, d.all.String())
	}
}

func TestOrphansAreReaped(t *testing.T) {
	s := newSite(t)
	s.configure("", s.orphans())
	s.start(s.dir + "/subreaper").follow()
}

func TestOrphansAreReapedByPID1(t *testing.T) {
	needsRoot(t)
	s := newSite(t)
	below := []string{"unshare", "--pid", "--fork", "--kill-child", "--mount-proc"}
	if _, errs, code := s.run(append(below, "true")...); code != 0 {
		t.Skipf("cannot make a PID namespace: %s", errs)
	}
	s.configure("", s.orphans())
	d := s.start(below...)
	d.await("supervisord started with pid 1\n")
	d.follow()
}
