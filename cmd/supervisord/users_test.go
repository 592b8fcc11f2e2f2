package main

import (
	"os"
	"syscall"
	"testing"
)

// getent knows a user that the files of this machine do not.
const getent = `#!/bin/sh
case "$*" in
"passwd plugvisor-far"|"passwd 712345") echo "plugvisor-far:*:712345:712346::/:/bin/sh" ;;
"initgroups plugvisor-far") echo "plugvisor-far         712347" ;;
"group plugvisor-club") echo "plugvisor-club:*:712347:" ;;
*) exit 2 ;;
esac
`

const ids = `grep -E "^(Uid|Gid|Groups):" /proc/self/status`

// TestUsersOfNameServices: the users of programs, of sockets and of the daemon.
func TestUsersOfNameServices(t *testing.T) {
	needsRoot(t)
	want := map[string]string{"Uid": "712345 712345 712345 712345", "Gid": "712346 712346 712346 712346", "Groups": "712346 712347"}
	check := func(t *testing.T, who, status string) {
		t.Helper()
		got := fields(status)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s: %s is %q, want %q", who, name, got[name], value)
			}
		}
	}
	t.Run("program", func(t *testing.T) {
		s := newSite(t)
		s.file("getent", getent, 0o755)
		s.configure("user=root", "[unix_http_server]\nfile=@D@/sock\nchown=plugvisor-far:plugvisor-club\n"+
			program("p", "user=plugvisor-far", ids))
		d := s.start()
		d.await("exited: p")
		info, err := os.Stat(s.dir + "/sock")
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 712345 || owner.Gid != 712347 {
			t.Errorf("the socket belongs to %d:%d", owner.Uid, owner.Gid)
		}
		d.stop()
		check(t, "program", s.read("p.out"))
	})
	t.Run("daemon", func(t *testing.T) {
		s := newSite(t)
		s.file("getent", getent, 0o755)
		s.configure("user=plugvisor-far", program("p", "", ids)+program("q", "user=712345", ids))
		d := s.start()
		d.await("Set uid to user 712345 succeeded")
		d.await("exited: ")
		d.await("exited: ")
		check(t, "p", s.read("p.out"))
		check(t, "q", s.read("q.out"))
		d.stop()
	})
	t.Run("nobody", func(t *testing.T) {
		s := newSite(t)
		s.file("getent", getent, 0o755)
		s.configure("", program("p", "user=plugvisor-none", ids))
		_, errs, code := s.run("@D@/supervisord", "-n", "-c", "supervisord.conf")
		if want := "Error: Invalid user name plugvisor-none in section 'program:p' (file: 'supervisord.conf')\n" +
			"For help, use " + s.dir + "/supervisord -h\n"; code != 2 || errs != want {
			t.Errorf("stderr %q, code %d; want %q", errs, code, want)
		}
	})
}

// Plugins work for a daemon that has given up root.
func TestPluginsWithoutPrivileges(t *testing.T) {
	needsRoot(t)
	s := newSite(t)
	s.configure("user=nobody", "[unix_http_server]\nfile=@D@/sock\n[supervisorctl]\nserverurl=unix://@D@/sock\n"+
		"[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory=twiddler\n"+program("p", "autostart=false", ids))
	d := s.start()
	d.await("supervisord started with pid")
	out, errs, code := s.run("@D@/supervisorctl", "-c", "supervisord.conf", "call", "twiddler.getGroupNames")
	if out != "[\"p\"]\n" || code != 0 {
		t.Errorf("%q, stderr %q, code %d", out, errs, code)
	}
	// The sockets are in a directory of the user's own.
	if _, err := os.Stat(s.dir + "/plugvisor-65534"); err != nil {
		t.Error(err)
	}
	d.stop()
}
