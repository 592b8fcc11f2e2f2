package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A supervisord that is root starts a plugin as another user; one that has become
// another user cannot, and says which two keys are at odds.
func TestPluginUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	d := startDaemon(t, twiddler+"plugin.user = nobody\nplugin.max_files = 64\nplugin.max_cpu = 60\n"+twoPrograms)
	d.wait("success: b entered RUNNING state")
	if got := answer[string](d.site, "twiddler.getAPIVersion"); got == "" {
		t.Error("no answer")
	}
	if names := answer[[]any](d.site, "twiddler.getGroupNames"); len(names) != 2 {
		t.Errorf("groups %v", names)
	}
	found := 0
	paths, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(text), fmt.Sprintf("\nPPid:\t%d\n", d.pid)) &&
			strings.Contains(string(text), "\nUid:\t65534\t65534\t65534\t65534\n") {
			found++
		}
	}
	if found != 1 {
		t.Errorf("%d children of the daemon run as nobody, want 1", found)
	}
}

func TestPluginUserWithoutRoot(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	s := newSite(t, twiddler+"plugin.user = daemon\n[supervisord]\nuser=nobody\n")
	if err := os.Chown(s.dir, 65534, -1); err != nil {
		t.Fatal(err)
	}
	s.failsToStart("Could not make twiddler rpc interface: ...plugin.user = daemon needs a supervisord that is root, and this one has uid 65534; "+
		"remove plugin.user, or start supervisord as root, without user in [supervisord]; ...", "-c", s.conf)
}
