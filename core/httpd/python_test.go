package httpd_test

import (
	_ "embed"
	"os"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/internal/pythontest"
)

//go:embed testdata/clients.py
var clientsScript string

// Python's own client and the reference's transport find what they expect, over
// both kinds of sockets, several calls to a connection.
func TestPythonClients(t *testing.T) {
	u, tcp := startUnix(t), startTCP(t, "us", "pw")
	var answers map[string]string
	pythontest.Run(t, clientsScript, map[string]string{"tcp": tcp.Addr().String(), "unix": u.Addr().String()}, &answers)
	const want = `3.0é|['a', 5, True, 1.5, {'k': ['é<&>']}]|10 BAD_NAME: x|1 UNKNOWN_METHOD`
	if _, ok := answers["transport"]; !ok && os.Getenv("PLUGVISOR_REQUIRE") == "all" {
		t.Error("python3 has no module supervisor")
	}
	for name, got := range answers {
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if got := strings.Join(u.log.all(), "\n"); strings.Contains(got, "ERRO") {
		t.Error(got)
	}
}
