package counts

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/daemon"
	"github.com/plugvisor/plugvisor/core/extension"
	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/sdk"
)

// roleDaemon is the word by which the test's executable is started as the daemon.
const roleDaemon = "counts-daemon"

func TestMain(m *testing.M) {
	if child.ShimMain(os.Args) {
		return
	}
	program := daemon.Program{
		Args: os.Args, Stdout: os.Stdout, Stderr: os.Stderr,
		Plugins: []daemon.Plugin{{Name: "twiddler", Serve: func() { sdk.Serve(twiddler.Plugin()) }}},
	}
	if _, ok := extension.BundledName(); ok {
		tell()
		os.Exit(daemon.Main(program))
	}
	if len(os.Args) > 1 && os.Args[1] == roleDaemon {
		program.Args = os.Args[1:]
		tell()
		os.Exit(daemon.Main(program))
	}
	os.Exit(m.Run())
}

func allocationSocket(dir string, pid int) string {
	return filepath.Join(dir, fmt.Sprintf("%d.a", pid))
}

// tell has this process tell each who connects to a socket in TMPDIR what it has
// allocated since it began.
func tell() {
	l, err := net.Listen("unix", allocationSocket(os.TempDir(), os.Getpid()))
	if err != nil {
		fmt.Fprintln(os.Stderr, "counts: cannot tell allocations:", err)
		return
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			fmt.Fprintln(c, m.Mallocs, m.TotalAlloc)
			c.Close()
		}
	}()
}

// allocated asks a process in whose TMPDIR the socket is.
func allocated(dir string, pid int) (objects, bytes float64, err error) {
	c, err := net.Dial("unix", allocationSocket(dir, pid))
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	_, err = fmt.Fscan(bufio.NewReader(c), &objects, &bytes)
	return objects, bytes, err
}
