// Package pythontest lets tests compare with a real Python. Production code never
// imports it.
package pythontest

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// Run runs a script with python3, gives it input as JSON on standard input, and
// reads what it prints as JSON into output. Without python3 the test is skipped,
// unless PLUGVISOR_REQUIRE=all.
func Run(t *testing.T, script string, input, output any) {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatalf("python3 is required: %v", err)
		}
		t.Skip("python3 is not installed")
	}
	in, err := json.Marshal(input)
	if err != nil {
		t.Fatalf("cannot encode the input: %v", err)
	}
	cmd := exec.Command(python, "-X", "utf8", "-c", script)
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run python3: %v\n%s", err, stderr.Bytes())
	}
	if err := json.Unmarshal(out, output); err != nil {
		t.Fatalf("cannot decode python3's output: %v\n%.500s", err, out)
	}
}
