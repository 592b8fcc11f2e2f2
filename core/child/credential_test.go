package child

import (
	"os"
	"os/user"
	"strconv"
	"strings"
	"testing"
)

func TestCredentialFor(t *testing.T) {
	if cred, message := NewNameService().CredentialFor(os.Getuid()); cred != nil || message != "" {
		t.Errorf("own uid: %v, %q; want neither", cred, message)
	}
	const unknown = 1<<30 + 12345
	if cred, message := NewNameService().CredentialFor(unknown); cred != nil || message != "Can't find uid 1073754169" {
		t.Errorf("unknown uid: %v, %q", cred, message)
	}
}

func nobody(t *testing.T) (uid, gid int) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("needs the user nobody")
	}
	uid, err = strconv.Atoi(u.Uid)
	if err != nil {
		t.Fatal(err)
	}
	gid, err = strconv.Atoi(u.Gid)
	if err != nil {
		t.Fatal(err)
	}
	return uid, gid
}

func TestChildRunsAsUser(t *testing.T) {
	uid, gid := nobody(t)
	c := newChildren(t)
	spec := sh("id -u; id -g; id -G; cat /proc/self/status | grep ^Groups")
	spec.UID = &uid
	spec.Env = os.Environ()
	got := run(t, c, spec)
	u, g := strconv.Itoa(uid), strconv.Itoa(gid)
	lines := strings.Split(got.stdout, "\n")
	if len(lines) < 3 || lines[0] != u || lines[1] != g || !strings.HasPrefix(lines[2], g) || strings.Contains(" "+lines[2]+" ", " 0 ") {
		t.Errorf("ids %q (stderr %q), want uid %s and gid %s first, without group 0", lines, got.stderr, u, g)
	}
}

// A directory closed to the user fails for the child although root could enter.
func TestUserIsSetBeforeDirectory(t *testing.T) {
	uid, _ := nobody(t)
	c := newChildren(t)
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	spec := sh("pwd")
	spec.UID, spec.Dir = &uid, dir
	got := run(t, c, spec)
	want := "supervisor: couldn't chdir to " + dir + ": EACCES\nsupervisor: child process was not spawned\n"
	if got.stderr != want || got.status.ExitStatus() != 127 {
		t.Errorf("stderr %q, status %#x; want %q", got.stderr, got.status, want)
	}
}

func TestNonrootCannotChangeUser(t *testing.T) {
	uid, _ := nobody(t)
	c := newChildren(t)
	// The link leads to the test executable past directories closed to the user.
	spec := Spec{Path: "/proc/self/exe", Argv: []string{"x"}, UID: &uid, Env: []string{modeVariable + "=root"}}
	got := run(t, c, spec)
	if want := "Can't drop privilege as nonroot user"; got.stdout != want {
		t.Errorf("message %q (stderr %q), want %q", got.stdout, got.stderr, want)
	}
}
