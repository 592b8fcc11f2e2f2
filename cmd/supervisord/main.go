// Command supervisord is the daemon, and everything else that one installation
// needs: called as supervisorctl it is the client.
package main

import (
	"os"
	"path/filepath"

	"github.com/plugvisor/plugvisor/core/daemon"
	"github.com/plugvisor/plugvisor/internal/ctl"
	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/sdk"
)

func main() {
	if filepath.Base(os.Args[0]) == "supervisorctl" {
		os.Exit(ctl.Main(os.Args, os.Stdout, os.Stderr))
	}
	os.Exit(daemon.Main(daemon.Program{
		Args: os.Args, Stdout: os.Stdout, Stderr: os.Stderr,
		Plugins: []daemon.Plugin{
			{Name: "twiddler", Serve: func() { sdk.Serve(twiddler.Plugin()) }},
		},
	}))
}
