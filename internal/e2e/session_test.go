package e2e

import (
	"os"
	"testing"
)

// TestManual is the session of supervisor_twiddler's manual. Its second line is
// the place where a unix socket needs another transport.
func TestManual(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"manual_inet", "manual_unix"} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, twiddler+"[group:group_name]\n")
			if err := os.Mkdir(s.path("here"), 0o755); err != nil {
				t.Fatal(err)
			}
			s.start().session(name)
		})
	}
}

// TestPython drives the supervisor namespace as a Python client does.
func TestPython(t *testing.T) {
	t.Parallel()
	// At this level the log shows what programs write.
	const shown = "[supervisord]\nloglevel=debug\n"
	for name, body := range map[string]string{
		"processes": shown + program("cat", "/bin/cat") +
			program("trap", `/bin/sh -c "trap 'echo got HUP' HUP; trap 'echo got USR1; exit 3' USR1; echo ready; while true; do read x; done"`) +
			program("gone", "/no/such/program") + program("text", "%(here)s/supervisord.conf") +
			"[program:slow]\ncommand=/bin/cat\nautostart=false\nstartsecs=600\n" +
			"[program:flaky]\ncommand=/bin/false\nautostart=false\nstartsecs=600\nstartretries=1\n",
		"logs": shown + program("cat", "/bin/cat") + program("both", `/bin/sh -c "echo to stdout; echo to stderr >&2"`) +
			program("one", `/bin/sh -c "echo to stdout; echo to stderr >&2"`, "redirect_stderr=true") +
			program("none", "/bin/echo lost", "stdout_logfile=NONE") +
			program("bytes", `/usr/bin/printf 'caf\303\251 \377'`),
		"groups": "[group:g]\nprograms=a,b\n" + program("a", "/bin/cat", "priority=2") + program("b", "/bin/cat", "priority=1") +
			program("bad", "/no/such/program"),
		"reload": program("stays", "/bin/cat") + program("changes", "/bin/cat") + program("goes", "/bin/cat"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			startDaemon(t, body).session(name)
		})
	}
}
