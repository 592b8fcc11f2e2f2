// Command supervisorctl controls a running supervisord from the command line.
package main

import (
	"os"

	"github.com/plugvisor/plugvisor/internal/ctl"
)

func main() {
	os.Exit(ctl.Main(os.Args, os.Stdin, os.Stdout, os.Stderr))
}
