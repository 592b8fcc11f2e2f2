package ctl_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const someDynamic = `
supervisor.getAllProcessInfo() -> [{"name":"cat","group":"cat","state":20,"statename":"RUNNING","description":"pid 12"},{"name":"long","group":"g","state":20,"statename":"RUNNING","description":"pid 13"},{"name":"cat","group":"g","state":20,"statename":"RUNNING","description":"pid 14"}]
extension.getDynamicProcesses() -> ["cat","g:long"]
`

// What was added at run time is marked for a person, and in JSON; any other output is
// what it was.
func TestStatusMarksDynamicProcesses(t *testing.T) {
	_, url := serveTable(t, someDynamic)
	term := onTerminal(t, []string{"TERM=dumb"}, "supervisorctl", "-s", url, "status")
	want := "cat                              RUNNING   pid 12  (added at run time)\r\n" +
		"g:long                           RUNNING   pid 13  (added at run time)\r\n" +
		"g:cat                            RUNNING   pid 14\r\n"
	if got := term.expect("pid 14\r\n"); got != want {
		t.Errorf("on a terminal %q, want %q", got, want)
	}
	if code := term.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	piped := func(url string, args ...string) string {
		t.Helper()
		cmd := exec.Command("supervisorctl", append([]string{"-s", url}, args...)...)
		cmd.Env = os.Environ()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return string(out)
	}
	_, without := serveTable(t, strings.Split(someDynamic, "extension.")[0])
	if got, want := piped(url, "status"), piped(without, "status"); got != want || strings.Contains(got, "run time") {
		t.Errorf("not on a terminal %q, want %q", got, want)
	}
	got, other := piped(url, "status", "--json"), piped(without, "status", "--json")
	if n := strings.Count(got, `"dynamic": true, `); n != 2 || strings.ReplaceAll(got, `"dynamic": true, `, "") != other {
		t.Errorf("as JSON %s, and of a server that does not know %s", got, other)
	}
	if got := piped(url, "status", "--json", "g:cat"); strings.Contains(got, "dynamic") {
		t.Errorf("as JSON %s", got)
	}
}
