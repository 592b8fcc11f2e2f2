package sdk_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

// logNotice tells the host of what a plugin was told.
func logNotice(host sdk.Host) func(context.Context, sdk.Notice) {
	return func(ctx context.Context, n sdk.Notice) {
		host.Log(ctx, sdk.LevelInfo, fmt.Sprintf("%d %s %s %d", n.Sequence, n.Event.Name, n.Event.Process, n.Dropped))
	}
}

func logged(asks []sdktest.Ask) (lines []string) {
	for _, a := range asks {
		lines = append(lines, a.Args[1].(string))
	}
	return lines
}

func started(process string) sdk.Event {
	return sdk.Event{Name: sdk.EventProcessStateRunning, Process: process, Group: process}
}

// A plugin that only listens has no methods.
func TestWatcherIsAPlugin(t *testing.T) {
	host := sdktest.NewHost()
	host.Emit(started("before"))
	p := sdk.Plugin{Factory: sdk.FactoryOf(func(host sdk.Host, cfg sdk.Config) (*sdk.Watcher, error) {
		return sdk.Watch(host, uint64(cfg.Int("from", 0)), logNotice(host), sdk.EventProcessState, sdk.EventTick)
	})}
	ns := sdktest.Start(t, p, host, nil)
	if methods := ns.Describe().Methods; len(methods) != 0 {
		t.Errorf("methods %v", methods)
	}
	host.Emit(started("a"), sdk.Event{Name: sdk.EventProcessLogStdout}, sdk.Event{Name: sdk.EventTick5})
	host.Drop(10)
	host.Emit(started("b"))
	want := []string{"2 PROCESS_STATE_RUNNING a 0", "4 TICK_5  0", "15 PROCESS_STATE_RUNNING b 10"}
	if got := logged(host.Await(t, 3, "Log")); !reflect.DeepEqual(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}

	// Another that had seen 2 goes on with 3.
	sdktest.Start(t, p, host, sdktest.Options{"from": "3"})
	if got := logged(host.Await(t, 5, "Log"))[3:]; !reflect.DeepEqual(got, want[1:]) {
		t.Errorf("told %q, want %q", got, want[1:])
	}
}

type watching struct {
	*sdk.Watcher
}

func (watching) Method() {}

// One that has methods too embeds the watcher, whose Close is not a method.
func TestWatcherIsEmbedded(t *testing.T) {
	host, ended := sdktest.NewHost(), make(chan error, 1)
	p := sdk.Plugin{Factory: sdk.FactoryOf(func(host sdk.Host, cfg sdk.Config) (watching, error) {
		if cfg.Bool("off", false) {
			return watching{}, nil
		}
		w, err := sdk.Watch(host, 0, func(ctx context.Context, n sdk.Notice) {
			host.Log(ctx, sdk.LevelInfo, "begun")
			<-ctx.Done()
			ended <- ctx.Err()
		}, sdk.EventAny)
		return watching{w}, err
	})}
	t.Run("lifetime", func(t *testing.T) {
		ns := sdktest.Start(t, p, host, nil)
		if methods := ns.Describe().Methods; len(methods) != 1 {
			t.Errorf("methods %v", methods)
		}
		host.Emit(started("a"))
		host.Await(t, 1, "Log")
	})
	select {
	case err := <-ended:
		if err != context.Canceled {
			t.Errorf("ended with %v", err)
		}
	default:
		t.Error("the plugin has ended, and its watcher has not")
	}
	t.Run("off", func(t *testing.T) { sdktest.Start(t, p, host, sdktest.Options{"off": "true"}) })
	t.Run("the section is wrong", func(t *testing.T) {
		if _, err := sdktest.Configure(t, p, host, sdktest.Options{"of": "true"}); err == nil {
			t.Error("no error")
		}
	})
}

func TestWatchRefused(t *testing.T) {
	host := sdktest.NewHost()
	p := sdk.Plugin{Factory: sdk.FactoryOf(func(host sdk.Host, cfg sdk.Config) (*sdk.Watcher, error) {
		return sdk.Watch(host, 0, logNotice(host), cfg.Strings("types")...)
	})}
	for types, want := range map[string]string{
		"PROCESS_STATE,NO_SUCH": "BAD_NAME: NO_SUCH",
		"":                      "INCORRECT_PARAMETERS: no type of event is named",
	} {
		_, err := sdktest.Configure(t, p, host, sdktest.Options{"types": types})
		if err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", types, err, want)
		}
	}
}

type waiter struct{ host sdk.Host }

// Wait waits for a process to run.
func (w *waiter) Wait(ctx context.Context, process string) error {
	for n, err := range sdk.Events(ctx, w.host, 1, "process_state_running") {
		if err != nil {
			return err
		}
		if n.Event.Process == process {
			return w.host.Publish(ctx, "seen", process)
		}
	}
	return errors.New("the supervisor has ended")
}

// A method may read events for as long as its call lasts.
func TestEventsWithinACall(t *testing.T) {
	host := sdktest.NewHost()
	p := sdk.Plugin{Factory: sdk.FactoryOf(func(host sdk.Host, _ sdk.Config) (*waiter, error) { return &waiter{host}, nil })}
	ns := sdktest.Start(t, p, host, nil)
	answer := make(chan error, 1)
	go func() {
		_, err := ns.Call("wait", "b")
		answer <- err
	}()
	host.Await(t, 1, "Subscribe")
	host.Emit(started("a"), started("b"))
	if err := <-answer; err != nil {
		t.Error(err)
	}
	if got := host.Asked("Publish"); len(got) != 1 || !reflect.DeepEqual(got[0].Args, []any{"seen", "b"}) {
		t.Errorf("published %v", got)
	}
	host.Refuse("Subscribe", sdk.NewFault(sdk.CodeFailed, "lacks the grant"))
	ns.WantFault("wait", sdk.NewFault(sdk.CodeFailed, "lacks the grant"), "b")
}
