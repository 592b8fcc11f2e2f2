package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
)

// pluginArg makes the test binary a plugin; the argument after it says which.
const pluginArg = "probe-plugin"

// servePlugin is the plugin of the tests: one that works, or one that fails in
// the way that the word says.
func servePlugin(behaviour string) {
	for name, serve := range map[string]func(){
		greeterArg: serveGreeter, loggerArg: serveLogger, verbsArg: serveVerbs, typesArg: serveTypes, untypableArg: serveUntypable,
	} {
		if behaviour == name {
			serve()
			return
		}
	}
	if mode, ok := strings.CutPrefix(behaviour, faultArg); ok {
		serveFault(mode)
		return
	}
	if behaviour == "crash" {
		fmt.Fprintln(os.Stderr, "probe: no luck today")
		os.Exit(3)
	}
	sdk.Serve(sdk.Plugin{
		Version: "test",
		Factory: sdk.FactoryOf(func(host sdk.Host, cfg sdk.Config) (*probe, error) {
			if behaviour == "refuse" {
				return nil, errors.New("the moon is in the wrong phase")
			}
			return &probe{host}, nil
		}),
		Grants: []sdk.Grant{sdk.GrantLogWrite},
	})
}

// probe does to its process what a test wants.
type probe struct{ host sdk.Host }

func (p *probe) Pid() int { return os.Getpid() }

// Sleep writes a line to the main log, so that a test knows that the call is here,
// and answers late.
func (p *probe) Sleep(ctx context.Context, seconds float64) error {
	if err := p.host.Log(ctx, sdk.LevelInfo, "probe: sleeping"); err != nil {
		return err
	}
	select {
	case <-time.After(time.Duration(seconds * float64(time.Second))):
	case <-ctx.Done():
	}
	return nil
}

// SpawnGrandchild leaves a process behind that holds the plugin's output, in its
// process group or in a session of its own, and gives its pid.
func (p *probe) SpawnGrandchild(session bool) (int, error) {
	cmd := exec.Command("sleep", "600")
	// These are the pipes, not what the plugin kit makes of os.Stdout.
	cmd.Stdout, cmd.Stderr = os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: session}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return cmd.Process.Pid, nil
}

func (p *probe) Crash(code int) { os.Exit(code) }
