package ctl

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExtensionCheck examines the example, and what is no extension.
func TestExtensionCheck(t *testing.T) {
	// Not t.TempDir, which is closed to other users.
	dir, err := os.MkdirTemp("", "check")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	hello, conf := filepath.Join(dir, "hello"), filepath.Join(dir, "c.conf")
	if out, err := exec.Command("go", "build", "-o", hello, "github.com/plugvisor/plugvisor/examples/extensions/hello").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	binary, err := os.ReadFile(hello)
	if err != nil {
		t.Fatal(err)
	}
	copied := func(name string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, binary, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	open, below, closed := copied("open", 0o757), copied("dir/below", 0o755), copied("closed", 0o700)
	if err := os.Chmod(filepath.Dir(below), 0o777); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(binary)
	hashed := func(name, hash string) string {
		return "[rpcinterface:" + name + "]\nsupervisor.rpcinterface_factory = " + hello + "\nplugin.sha256 = " + hash + "\n"
	}
	text := hashed("hashed", hex.EncodeToString(sum[:])) + hashed("other", strings.Repeat("0", 64)) + "[supervisord]\n[rpcinterface:hello]\nsupervisor.rpcinterface_factory = " + hello + "\ngreeting = Hi\nplugin.environment = A=\"1\"\nplugin.max_files = 100\n" +
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
		{as + " --section hashed --configuration " + conf + " " + hello, 0, []string{hello + "\n", "It would load."}},
		{as + " --section hashed --configuration " + conf + " " + conf, exitGeneric, []string{"is not an ELF binary", "(hash)", "It would not load."}},
		{as + " --section other --configuration " + conf + " " + hello, exitGeneric, []string{"is not the file of plugin.sha256", "(hash)", "It would not load."}},
		{as + " " + open, exitGeneric, []string{"error: whoever can exchange a plugin", "chmod go-w " + open, "(untrusted)", "It would not load."}},
		{as + " " + below, exitGeneric, []string{"chmod go-w " + filepath.Dir(below), "(untrusted)", "It would not load."}},
		{as + " " + hello, 0, []string{"not checked: whether a wrong number of arguments is refused by greet"}},
		{as + " nothing-of-this-name", exitGeneric, []string{"there is no file"}},
		{as + " nothing-of-this-name x", exitGeneric, []string{"a bundled extension takes no arguments"}},
		{as + " /bin/true", exitGeneric, []string{"It would not load."}},
		{as + " " + dir + "/none", exitGeneric, []string{"cannot be started", "It would not load."}},
		{"--user nobody-at-all " + hello, exitGeneric, []string{"cannot find the user nobody-at-all"}},
		{as, exitInvalidArgs, []string{"Error: extension check"}},
		{as + " --user root " + hello, exitInvalidArgs, []string{"Error: extension check"}},
		{"--wrong " + hello, exitInvalidArgs, []string{"Error: extension check"}},
	}
	if os.Getuid() == 0 {
		tests = append(tests, []struct {
			words string
			exit  int
			want  []string
		}{
			{hello, exitGeneric, []string{"--user", "--as-root"}},
			{"--user nobody " + hello, 0, []string{"It would load."}},
			{"--user 65534 " + hello, 0, []string{"It would load."}},
			{"--user nobody --section hashed --configuration " + conf + " " + hello, 0, []string{"It would load."}},
			{"--user nobody " + closed, exitGeneric, []string{closed + " is closed to it", "(unreachable)", "It would not load."}},
		}...)
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
		if strings.Contains(out.String(), open) && strings.Contains(out.String(), "version") && os.Getuid() == 0 {
			t.Errorf("root has run what others can exchange:\n%s", out.String())
		}
		for _, want := range test.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: %q is missing in:\n%s", test.words, want, out.String())
			}
		}
	}
}
