package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/core/daemon"
	"github.com/plugvisor/plugvisor/core/extension"
	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/sdk"
)

func main() {
	if playRole() {
		return
	}
	duration := flag.Duration("duration", 10*time.Minute, "how long to run")
	keep := flag.Bool("keep", false, "keep the directory with configuration and logs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, os.Stdout, plan{duration: *duration, keep: *keep})
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1)
	}
}

// Words by which this executable is started as something else.
const (
	roleDaemon   = "soak-daemon"
	roleListener = "soak-listener"
	roleCounter  = "soak-counter"
)

// playRole is the process that the executable was started as, where it is not the
// soak itself.
func playRole() (played bool) {
	if child.ShimMain(os.Args) {
		return true
	}
	program := daemon.Program{
		Args: os.Args, Stdout: os.Stdout, Stderr: os.Stderr,
		Plugins: []daemon.Plugin{{Name: "twiddler", Serve: func() { sdk.Serve(twiddler.Plugin()) }}},
	}
	if _, ok := extension.BundledName(); ok {
		tell()
		os.Exit(daemon.Main(program))
	}
	if len(os.Args) < 2 {
		return false
	}
	switch os.Args[1] {
	case roleDaemon:
		program.Args = os.Args[1:]
		tell()
		os.Exit(daemon.Main(program))
	case roleListener:
		listen(os.Stdin, os.Stdout, os.Args[2])
		return true
	case roleCounter:
		if err := countInFloods(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, "soak:", err)
			os.Exit(1)
		}
		return true
	}
	return false
}
