package daemon

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

// The texts are those of Supervisor 4.4, ServerOptions.set_rlimits_or_exit.
func TestRaiseLimits(t *testing.T) {
	const (
		fds = "The minimum number of file descriptors required to run this process is %d as per the \"minfds\" command-line argument or " +
			"config file setting. The current environment will only allow you to open %d file descriptors.  Either raise the number of usable " +
			"file descriptors in your environment (see README.rst) or lower the minfds setting in the config file to allow the process to start."
		procs = "The minimum number of available processes required to run this program is %d as per the \"minprocs\" command-line argument or " +
			"config file setting. The current environment will only allow you to open %d processes.  Either raise the number of usable " +
			"processes in your environment (see README.rst) or lower the minprocs setting in the config file to allow the program to start."
	)
	want := []string{
		"[] <nil>",
		"[Increased RLIMIT_NOFILE limit to 51 Increased RLIMIT_NPROC limit to 500] <nil>",
		"[] <nil>",
		// The hard limit is named that would have been needed.
		"[] " + fmt.Sprintf(fds, 101, 101),
		"[] " + fmt.Sprintf(procs, 501, 501),
	}
	if got := apart(t, "limits", nobody, nil, "prlimit", "--nofile=50:100", "--nproc=400:500"); !slices.Equal(got, want) {
		t.Errorf("limits\n%q, want\n%q", got, want)
	}
}

func TestDropPrivileges(t *testing.T) {
	if os.Getuid() == 0 {
		for _, tc := range []struct {
			become string
			want   []string
		}{
			{"", []string{`["Supervisor is running as root.  Privileges were not dropped because no user is specified in the config file.  ` +
				`If you intend to run as root, you can set user=root in the config file to avoid this message."] [] <nil>`, "0 0"}},
			{"root", []string{`[] ["Set uid to user 0 succeeded"] <nil>`, "0 0"}},
			{"nobody", []string{`[] ["Set uid to user 65534 succeeded"] <nil>`, "65534 65534 [65534]"}},
			{"65534", []string{`[] ["Set uid to user 65534 succeeded"] <nil>`, "65534 65534 [65534]"}},
		} {
			got := apart(t, "privileges", 0, []string{"BECOME=" + tc.become})
			if len(got) == 2 && tc.want[1] == "0 0" {
				got[1] = got[1][:3] // the groups are this machine's
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("user %q: %q, want %q", tc.become, got, tc.want)
			}
		}
	}
	for become, want := range map[string]string{
		"":     "[] [] <nil>",
		"root": "[] [] Can't drop privilege as nonroot user",
	} {
		if got := apart(t, "privileges", nobody, []string{"BECOME=" + become}); got[0] != want {
			t.Errorf("as nobody, user %q: %q, want %q", become, got[0], want)
		}
	}
}
