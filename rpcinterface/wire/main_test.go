package wire_test

import (
	"fmt"
	"os"
	"testing"
)

// go-plugin leaves the sockets of the servers that run in this process; they get a
// directory of their own, with a short path.
func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("/tmp", "pv")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Setenv("PLUGIN_UNIX_SOCKET_DIR", dir)
	return m.Run()
}
