package ctl

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExtensionCheck examines the example, and what is no extension.
func TestExtensionCheck(t *testing.T) {
	dir := t.TempDir()
	hello, conf := filepath.Join(dir, "hello"), filepath.Join(dir, "c.conf")
	if out, err := exec.Command("go", "build", "-o", hello, "github.com/plugvisor/plugvisor/examples/extensions/hello").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := "[supervisord]\n[rpcinterface:hello]\nsupervisor.rpcinterface_factory = " + hello + "\ngreeting = Hi\nplugin.environment = A=\"1\"\nplugin.max_files = 100\n" +
		"[rpcinterface:wrong]\nsupervisor.rpcinterface_factory = " + hello + "\ngreting = Hi\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	as := "--as-root"
	tests := []struct {
		words string
		exit  int
		want  []string
	}{
		{as + " " + hello, 0, []string{"version   1.0", "methods   greet", "It would load."}},
		{as + " --section hello --configuration " + conf + " " + hello, 0, []string{"It would load."}},
		{as + " --section wrong --configuration " + conf + " " + hello, exitGeneric, []string{"unknown option greting", "It would not load."}},
		{as + " --section none --configuration " + conf + " " + hello, exitGeneric, []string{"has no section [rpcinterface:none]"}},
		{as + " /bin/true", exitGeneric, []string{"It would not load."}},
		{as + " " + dir + "/none", exitGeneric, []string{"cannot be started", "It would not load."}},
		{"--user nobody-at-all " + hello, exitGeneric, []string{"cannot find the user nobody-at-all"}},
		{as, exitInvalidArgs, []string{"Error: extension check"}},
		{as + " --user root " + hello, exitInvalidArgs, []string{"Error: extension check"}},
		{"--wrong " + hello, exitInvalidArgs, []string{"Error: extension check"}},
	}
	if os.Getuid() == 0 {
		tests = append(tests, struct {
			words string
			exit  int
			want  []string
		}{hello, exitGeneric, []string{"--user", "--as-root"}})
	}
	for _, test := range tests {
		var out bytes.Buffer
		s := &session{ctx: t.Context(), program: "supervisorctl", stdout: bufio.NewWriter(&out), direct: &out, stderr: &out}
		if err := checkExtension(s, strings.Fields(test.words)); err != nil {
			t.Errorf("%s: %v", test.words, err)
		}
		s.stdout.Flush()
		if s.exit != test.exit {
			t.Errorf("%s: exit code %d, want %d", test.words, s.exit, test.exit)
		}
		for _, want := range test.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is missing in:\n%s", test.words, want, out.String())
			}
		}
	}
}
