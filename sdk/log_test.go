package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"log"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
)

// recorded are the records in what was written, without their times.
func recorded(t *testing.T, text string) []map[string]any {
	t.Helper()
	var out []map[string]any
	for line := range strings.Lines(text) {
		var r map[string]any
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Errorf("%.100q is no record: %v", line, err)
		}
		if len(line) > maxRecord {
			t.Errorf("a record has %d bytes", len(line))
		}
		delete(r, "@timestamp")
		out = append(out, r)
	}
	return out
}

func TestRecords(t *testing.T) {
	many := []any{}
	for i := range 5000 {
		many = append(many, strings.Repeat("n", 1+i/100)+string(rune('a'+i%26)), i)
	}
	tests := map[string]struct {
		write func(hclog.Logger)
		want  map[string]any
	}{
		"plain":         {func(l hclog.Logger) { l.Warn("hi", "a", 1, "b", "x\ny") }, map[string]any{"@level": "warn", "@message": "hi", "a": 1.0, "b": "x\ny"}},
		"lines":         {func(l hclog.Logger) { l.Info("hi\nthere\n  you\n") }, map[string]any{"@level": "info", "@message": "hi", "text": "there\n  you"}},
		"lines and one": {func(l hclog.Logger) { l.Info("hi\nyou", "text", 7) }, map[string]any{"@level": "info", "@message": "hi", "text": "you\n7"}},
		"long": {
			func(l hclog.Logger) { l.Error("hi", "short", "s", "long", strings.Repeat("é", 10000)) },
			map[string]any{"@level": "error", "@message": "hi", "short": "s", "long": strings.Repeat("é", maxRecord/4) + "…"},
		},
		"long message": {
			func(l hclog.Logger) { l.Debug(strings.Repeat("é", 10000)) },
			map[string]any{"@level": "debug", "@message": strings.Repeat("é", maxRecord/4) + "…"},
		},
		// Each of these takes six bytes in JSON.
		"escaped": {
			func(l hclog.Logger) { l.Info("hi", "x", strings.Repeat("\x01", 9000)) },
			map[string]any{"@level": "info", "@message": "hi", "x": strings.Repeat("\x01", maxRecord/8) + "…"},
		},
		"list": {
			func(l hclog.Logger) { l.Info("hi", "x", make([]int, 9000)) },
			map[string]any{"@level": "info", "@message": "hi", "x": strings.Repeat("0,", 9000)},
		},
		"many members": {func(l hclog.Logger) { l.Info("hi", many...) }, map[string]any{"@level": "info", "@message": "hi"}},
	}
	tests["list"].want["x"] = "[" + strings.Repeat("0,", maxRecord/4)[:maxRecord/2-1] + "…"
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			test.write(newLog(&b))
			if got := recorded(t, b.String()); len(got) != 1 || !reflect.DeepEqual(got[0], test.want) {
				t.Errorf("got %.300v, want %.300v", got, test.want)
			}
		})
	}
}

// TestUseLog puts everything back after it: it is about what a process has once.
func TestUseLog(t *testing.T) {
	old := hclog.Default()
	flags, oldSlog := log.Flags(), slog.Default()
	t.Cleanup(func() {
		hclog.SetDefault(old)
		slog.SetDefault(oldSlog)
		log.SetFlags(flags)
		log.SetOutput(os.Stderr)
	})
	var b bytes.Buffer
	useLog(newLog(&b))

	hclog.Default().Named("part").Trace("a")
	Logger(context.Background()).Debug("b", "x", "y")
	log.Print("c")
	log.Printf("[WARN] %d", 4)
	log.Print("[ERROR] e\nf")
	slog.Debug("g", "x", 1)
	slog.Warn("h", slog.Group("in", "y", 2, slog.Group("er", "z", 3)), slog.Group("", "w", 4))
	slog.With("v", 5).WithGroup("out").With("u", 6).Error("i", "t", 7)
	slog.Log(t.Context(), slog.LevelDebug-1, "j")
	slog.Info("k", slog.Attr{})
	want := []map[string]any{
		{"@level": "trace", "@message": "a", "@module": "part"},
		{"@level": "debug", "@message": "b", "x": "y"},
		{"@level": "info", "@message": "c"},
		{"@level": "warn", "@message": "4"},
		{"@level": "error", "@message": "e", "text": "f"},
		{"@level": "debug", "@message": "g", "x": 1.0},
		{"@level": "warn", "@message": "h", "in.y": 2.0, "in.er.z": 3.0, "w": 4.0},
		{"@level": "error", "@message": "i", "v": 5.0, "out.u": 6.0, "out.t": 7.0},
		{"@level": "trace", "@message": "j"},
		{"@level": "info", "@message": "k"},
	}
	got := recorded(t, b.String())
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d:\n%s", len(got), len(want), b.String())
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("got %v, want %v", got[i], want[i])
		}
	}
}
