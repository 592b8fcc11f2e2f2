// Command supervisord is the whole installation: it goes by the name it is called.
package main

import (
	"os"
	"path/filepath"

	"github.com/plugvisor/plugvisor/core/daemon"
	"github.com/plugvisor/plugvisor/internal/ctl"
	"github.com/plugvisor/plugvisor/internal/pidproxy"
	"github.com/plugvisor/plugvisor/internal/sampleconf"
)

func main() {
	switch filepath.Base(os.Args[0]) {
	case "supervisorctl":
		os.Exit(ctl.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
	case "pidproxy":
		os.Exit(pidproxy.Main(os.Args, os.Stdout, os.Stderr))
	case "echo_supervisord_conf":
		os.Exit(sampleconf.Main(os.Stdout, os.Stderr))
	}
	os.Exit(daemon.Main(daemon.Program{
		Args: os.Args, Stdout: os.Stdout, Stderr: os.Stderr,
		Plugins: plugins(),
	}))
}
