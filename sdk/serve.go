package sdk

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

// lifeline, set to 1 by the host, says that standard input is held open by the
// host, so that its end is the host's.
const lifeline = "PLUGVISOR_LIFELINE"

// Serve runs the plugin until the supervisor ends it, and does not return. What is
// logged meanwhile, by whatever package, goes to the supervisor (see Logger). Two
// seconds after it was configured it drops the executable's pages from its resident set,
// as most were mapped for the start alone; those that are needed are mapped again. Where
// no supervisor started the process it says what the program is, and exits with status 1.
func Serve(p Plugin) {
	log := newLog(os.Stderr)
	plugin := Implement(p, log)
	if os.Getenv(wire.CookieKey) != wire.CookieValue {
		path, err := os.Executable()
		if err != nil {
			path = os.Args[0]
		}
		introduce(os.Stderr, path, plugin)
		os.Exit(1)
	}
	useLog(log)
	if os.Getenv(lifeline) == "1" {
		go func() {
			io.Copy(io.Discard, os.Stdin)
			os.Exit(0)
		}()
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(max(p.Processors, 1))
	}
	wire.Serve(started{plugin}, log)
	os.Exit(0)
}

// introduce tells a person who ran the plugin by hand what to do with it.
func introduce(w io.Writer, path string, p rpcinterface.Plugin) {
	d, err := p.Describe(context.Background())
	if err != nil {
		fmt.Fprintf(w, "This plugin of supervisord cannot be used: %v\n", err)
		return
	}
	fmt.Fprintf(w, "This is a plugin of supervisord, version %s. It is not run by hand.\n", d.Version)
	if len(d.Methods) > 0 {
		names := make([]string, len(d.Methods))
		for i, m := range d.Methods {
			names[i] = m.Name
		}
		fmt.Fprintf(w, "It has the methods %s.\n", strings.Join(names, ", "))
	}
	fmt.Fprintf(w, "\nTo use it, add a section to supervisord.conf, with a name of your choice:\n\n"+
		"[rpcinterface:NAME]\nsupervisor.rpcinterface_factory = %s\n", path)
	if len(d.Grants) > 0 {
		grants := make([]string, len(d.Grants))
		for i, g := range d.Grants {
			grants[i] = string(g)
		}
		fmt.Fprintf(w, "plugin.grants = %s\n", strings.Join(grants, " "))
	}
	fmt.Fprintf(w, "\nand run: supervisorctl reload\n")
}
