package main

import (
	"os"
	"slices"
	"syscall"
	"testing"
)

// names lists a directory of the site.
func (s site) names(dir string) (out []string) {
	s.t.Helper()
	entries, err := os.ReadDir(s.dir + "/" + dir)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// Automatic logs that an earlier run of the same name left are removed.
func TestAutomaticLogsOfEarlierRuns(t *testing.T) {
	own := []string{"p-stderr---me-12345678.log", "p-stdout---me-12345678.log", "p-stdout---me-12345678.log.1"}
	others := []string{"me.log", "p-stdout---other-12345678.log"}
	for options, want := range map[string][]string{
		"":               others,
		"nocleanup=true": slices.Sorted(slices.Values(append(slices.Clone(others), own...))),
	} {
		t.Run(options, func(t *testing.T) {
			s := newSite(t)
			if err := os.Mkdir(s.dir+"/logs", 0o777); err != nil {
				t.Fatal(err)
			}
			for _, name := range slices.Concat(own, others) {
				s.file("logs/"+name, "", 0o644)
			}
			s.configure("identifier=me\n"+options, "")
			s.file("supervisord.conf", s.read("supervisord.conf")+"childlogdir=@D@/logs\n", 0o644)
			d := s.start()
			d.await("supervisord started with pid")
			if got := s.names("logs"); !slices.Equal(got, want) {
				t.Errorf("there are %q, want %q", got, want)
			}
			d.stop()
		})
	}
}

// A new automatic log is its owner's alone.
func TestAutomaticLog(t *testing.T) {
	s := newSite(t)
	if err := os.Mkdir(s.dir+"/logs", 0o777); err != nil {
		t.Fatal(err)
	}
	s.configure("identifier=me\nchildlogdir=@D@/logs", program("p", "stdout_logfile=AUTO", "/bin/echo here"))
	d := s.start()
	d.await("exited: p")
	names := s.names("logs")
	if len(names) != 1 || len(names[0]) != len("p-stdout---me-12345678.log") || names[0][:14] != "p-stdout---me-" {
		t.Fatalf("logs %q", names)
	}
	info, err := os.Stat(s.dir + "/logs/" + names[0])
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got := s.read("logs/" + names[0]); got != "here\n" {
		t.Errorf("log %q", got)
	}
	d.stop()
}

// In the foreground the log is on standard output too, but for silent.
func TestSilent(t *testing.T) {
	for options, silent := range map[string]bool{"silent=false": false, "silent=true": true} {
		t.Run(options, func(t *testing.T) {
			s := newSite(t)
			if err := syscall.Mkfifo(s.dir+"/done", 0o666); err != nil {
				t.Fatal(err)
			}
			s.configure(options, program("p", "", `/bin/sh -c "exec > @D@/done"`))
			d := s.start()
			s.read("done") // until it is closed
			if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := d.cmd.Wait(); err != nil {
				t.Errorf("supervisord ended with %v", err)
			}
			if _, err := d.log.ReadString('\n'); (err != nil) != silent {
				t.Errorf("standard output: %v", err)
			}
			s.expectInOrder("WARN received SIGTERM indicating exit request")
		})
	}
}

func TestStripANSI(t *testing.T) {
	s := newSite(t)
	s.file("red", "#!/bin/sh\nprintf '\\033[31mred\\033[0m\\n'\n", 0o755)
	for option, want := range map[string]string{"strip_ansi=true": "red\n", "strip_ansi=false": "\x1b[31mred\x1b[0m\n"} {
		s.configure(option, program("p", "", "@D@/red"))
		if err := os.RemoveAll(s.dir + "/p.out"); err != nil {
			t.Fatal(err)
		}
		d := s.start()
		d.await("exited: p")
		d.stop()
		if got := s.read("p.out"); got != want {
			t.Errorf("%s: %q, want %q", option, got, want)
		}
	}
}

// The environment of [supervisord] is that of all programs, listeners too; what a
// program sets comes before it.
func TestEnvironmentOfAll(t *testing.T) {
	s := newSite(t)
	s.configure(`environment=A="1",B="%(here)s",SUPERVISOR_PROCESS_NAME="x"`, program("p", `environment=A="2"`, `/bin/sh -c "echo $A $B $SUPERVISOR_PROCESS_NAME"`)+
		"[eventlistener:l]\nevents=TICK_3600\nautorestart=false\nstartsecs=0\nstdout_logfile=NONE\nstderr_logfile=@D@/l.out\n"+
		`command=/bin/sh -c "echo $A $B >&2"`+"\n")
	d := s.start()
	d.await("exited: ")
	d.await("exited: ")
	for name, want := range map[string]string{"p.out": "2 " + s.dir + " x\n", "l.out": "1 " + s.dir + "\n"} {
		if got := s.read(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	d.stop()
}
