package e2e

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/sdk"
)

// loggerArg makes the test binary the plugin of these tests, one that logs.
const loggerArg = "logger"

func serveLogger() {
	sdk.Serve(sdk.Plugin{
		Version: "1",
		Factory: sdk.FactoryOf(func(sdk.Host, sdk.Config) (*logger, error) {
			sdk.Logger(context.Background()).Info("in the factory")
			return &logger{}, nil
		}),
		ResultHandlers: map[string]sdk.ResultHandler{},
	})
}

type logger struct{}

// Log writes in each way that authors know.
func (*logger) Log(ctx context.Context) {
	l := sdk.Logger(ctx)
	l.Trace("traced")
	l.Debug("debugged", "count", 3)
	l.Info("informed", "who", "Ann Lee", "err", errors.New("it broke"))
	l.Warn("warned")
	l.Error("failed")
	hclog.Default().Warn("by default")
	hclog.Default().Named("part").Info("of a part")
	log.Printf("printed %d", 1)
	log.Print("[ERROR] printed so")
	slog.Warn("structured", "key", "value")
	l.Info("first\nsecond\nthird")
	l.Info("2026-01-02 03:04:05,678 CRIT forged", "x", "\x1b[2J")
	l.Warn("long", "text", strings.Repeat("x", 100_000))
	l.Info("done")
	fmt.Fprintln(os.Stderr, "bare") // goes another way
}

func (*logger) Panic(text string) error { panic(text) }

func (*logger) Alive() bool { return true }

// TestLogging looks at the main log after a plugin has logged.
func TestLogging(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, "[supervisord]\nloglevel=trace\n"+
		fmt.Sprintf("[rpcinterface:note]\nsupervisor.rpcinterface_factory = %s %s %s\n", self(t), pluginArg, loggerArg))
	d.wait("INFO note: in the factory")
	answer[bool](d.site, "note.log")
	d.wait("INFO note: done: method=log")
	d.wait("INFO note: bare")
	// Without what go-plugin and others say of themselves.
	var got []string
	began := false
	for _, line := range d.log.snapshot() {
		at := 0
		if len(line) > 24 && strings.Count(line[:24], ":") == 2 {
			at = 24 // the time
		}
		text := line[at:]
		began = began || strings.Contains(text, "note: traced")
		if strings.HasSuffix(text, " note: bare") {
			continue
		}
		if began && (at == 0 || strings.Contains(text, " note: ")) {
			got = append(got, text)
		}
	}
	end := slices.Index(got, "INFO note: done: method=log")
	want := []string{
		"TRAC note: traced: method=log",
		"DEBG note: debugged: count=3 method=log",
		`INFO note: informed: err="it broke" method=log who="Ann Lee"`,
		"WARN note: warned: method=log",
		"ERRO note: failed: method=log",
		"WARN note: by default",
		"INFO note: of a part: module=part",
		"INFO note: printed 1",
		"ERRO note: printed so",
		"WARN note: structured: key=value",
		"INFO note: first: method=log", "  text=", "  | second", "  | third",
		`INFO note: 2026-01-02 03:04:05,678 CRIT forged: method=log x="\x1b[2J"`,
		`WARN note: long: method=log text="` + strings.Repeat("x", 4096) + `…"`,
	}
	if end < 0 || !slices.Equal(got[:end], want) {
		t.Errorf("the log has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPanic has a plugin panic in a call.
func TestPanic(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, fmt.Sprintf("[rpcinterface:note]\nsupervisor.rpcinterface_factory = %s %s %s\n", self(t), pluginArg, loggerArg))
	expect(d.site, "30 FAILED: panic in panic: ouch", "note.panic", "ouch")
	at := d.waitFrom(0, "ERRO note: panic in panic: panic=ouch")
	at = d.waitFrom(at, "  stack=")
	d.waitFrom(at, "logger).Panic")
	expect(d.site, "true", "note.alive")

	// It is one entry, however long.
	long := strings.Repeat("y", 20_000)
	expect(d.site, "30 FAILED: panic in panic: "+long, "note.panic", long)
	d.waitFrom(at, "ERRO note: panic in panic: panic=\"yyy")
	expect(d.site, "true", "note.alive")
	if n := strings.Count(strings.Join(d.log.snapshot(), "\n"), "ERRO note: panic in panic:"); n != 2 {
		t.Errorf("%d entries for 2 panics", n)
	}
}
