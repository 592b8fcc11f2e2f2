package child

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// shell is /bin/sh in an anonymous file.
func shell(t *testing.T) *os.File {
	t.Helper()
	text, err := os.ReadFile("/bin/sh")
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.MemfdCreate("shell", unix.MFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "shell")
	t.Cleanup(func() { f.Close() })
	if _, err := f.Write(text); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestImage(t *testing.T) {
	c := newChildren(t)
	users := map[string]*syscall.Credential{"as the daemon": nil}
	if os.Getuid() == 0 {
		users["as a user"] = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	for name, cred := range users {
		t.Run(name, func(t *testing.T) {
			spec := sh("echo $0; readlink /proc/$$/exe; ls -m /proc/$$/fd; id -u; cut -d' ' -f5 /proc/$$/stat")
			spec.Path = "/is/not/looked/at"
			spec.Argv = append(spec.Argv, "zero")
			spec.Env = os.Environ()
			spec.Image = shell(t)
			spec.Credential = cred
			spec.NoShim, spec.DieWithParent = true, true
			got := run(t, c, spec)
			uid := os.Getuid()
			if cred != nil {
				uid = int(cred.Uid)
			}
			if want := fmt.Sprintf("zero\n/memfd:shell (deleted)\n0, 1, 2\n%d\n%d\n", uid, got.pid); got.stdout != want || got.stderr != "" {
				t.Errorf("stdout %q, stderr %q, want %q", got.stdout, got.stderr, want)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	c := newChildren(t)
	spec := sh("ulimit -St; ulimit -Ht; ulimit -Sn; ulimit -Hn; ulimit -Sd")
	spec.Limits = []Limit{
		{unix.RLIMIT_CPU, 7, 8}, {unix.RLIMIT_NOFILE, 50, 1 << 62}, {unix.RLIMIT_DATA, 64 << 20, 64 << 20},
	}
	var own syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &own); err != nil {
		t.Fatal(err)
	}
	got := run(t, c, spec)
	if want := fmt.Sprintf("7\n8\n50\n%d\n65536\n", own.Max); got.stdout != want || got.stderr != "" {
		t.Errorf("stdout %q, stderr %q, want %q", got.stdout, got.stderr, want)
	}
}

func TestCgroupIsEntered(t *testing.T) {
	c := newChildren(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	spec := sh("cat " + filepath.Join(dir, "cgroup.procs"))
	spec.Cgroup = dir
	if got := run(t, c, spec); got.stdout != "0" {
		t.Errorf("stdout %q, stderr %q: written before anything was executed is not 0", got.stdout, got.stderr)
	}
}

func TestPreparedFailures(t *testing.T) {
	c := newChildren(t)
	limit := []Limit{{unix.RLIMIT_CPU, 9, 9}}
	for want, spec := range map[string]Spec{
		"couldn't exec x: ENOENT\n":                    {Path: "/no/such", Limits: limit, NoShim: true},
		"couldn't exec x: EACCES\n":                    {Path: "/etc/passwd", Limits: limit},
		"couldn't enter the cgroup /no/such: ENOENT\n": {Path: "/bin/sh", Cgroup: "/no/such"},
		"couldn't limit resource 4711: EINVAL\n":       {Path: "/bin/sh", Limits: []Limit{{4711, 1, 1}}},
		"couldn't chdir to /no/such: ENOENT\n":         {Path: "/bin/sh", Limits: limit, Dir: "/no/such"},
	} {
		spec.Argv = []string{"x"}
		if got := run(t, c, spec); got.stderr != want || got.status.ExitStatus() != shimExit {
			t.Errorf("stderr %q, status %#x, want %q", got.stderr, got.status, want)
		}
	}
}

func TestUsage(t *testing.T) {
	c := newChildren(t)
	var used syscall.Rusage
	spec := sh("i=0; while :; do i=$((i+1)); done")
	spec.Limits = []Limit{{unix.RLIMIT_CPU, 1, 1}}
	spec.Usage = &used
	got := run(t, c, spec)
	if !got.status.Signaled() || !strings.HasPrefix(unix.SignalName(got.status.Signal()), "SIG") {
		t.Errorf("status %#x", got.status)
	}
	if spent := used.Utime.Nano() + used.Stime.Nano(); spent < 5e8 || spent > 5e9 { // the kernel counts the limit in ticks
		t.Errorf("used %d ns, want about a second", spent)
	}
}
