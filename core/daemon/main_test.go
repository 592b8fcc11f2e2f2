package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/config"
)

// modeVariable has the test executable do, in a process of its own, what a test
// must not do to itself.
const modeVariable = "DAEMON_TEST_MODE"

func TestMain(m *testing.M) {
	if child.ShimMain(os.Args) {
		return
	}
	modes := map[string]func(){"limits": printLimits, "privileges": printPrivileges}
	if mode, ok := modes[os.Getenv(modeVariable)]; ok {
		mode()
		return
	}
	os.Exit(m.Run())
}

// nobody is a user without privileges.
const nobody = 65534

// apart runs a mode, as another user where we are root, and below a command that
// executes what it is given.
func apart(t *testing.T, mode string, asUser int, env []string, below ...string) []string {
	t.Helper()
	exe, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	// The descriptor leads past directories that are closed to nobody.
	args := append(below, "/proc/self/fd/3")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.ExtraFiles = []*os.File{exe}
	// The race detector waits a second at exit unless it is told not to.
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0", modeVariable+"="+mode)
	cmd.Dir = "/"
	if os.Getuid() == 0 && asUser != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(asUser), Gid: uint32(asUser)}}
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

// printLimits raises limits that are 50:100 for descriptors and 400:500 for
// processes.
func printLimits() {
	for _, spec := range []core.SupervisordSpec{
		{MinFDs: 50, MinProcs: 400}, {MinFDs: 51, MinProcs: 500}, {MinFDs: -1, MinProcs: 0}, {MinFDs: 101}, {MinProcs: 501},
	} {
		s := &settings{SupervisordSpec: spec}
		infos, err := s.raiseLimits()
		fmt.Println(infos, err)
	}
}

// printPrivileges becomes the user that is named in the environment.
func printPrivileges() {
	s := &settings{}
	if name := os.Getenv("BECOME"); name != "" {
		account, err := config.ParseUser(config.SystemEnvironment(), name)
		if err != nil {
			fmt.Println(err)
			return
		}
		s.account = &account
	}
	criticals, infos, err := s.dropPrivileges(child.NewNameService())
	groups, _ := os.Getgroups()
	fmt.Printf("%q %q %v\n%d %d %v\n", criticals, infos, err, os.Getuid(), os.Getgid(), groups)
}
