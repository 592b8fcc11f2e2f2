package supervisorns_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// ranges are the reads of a log of "0123456789", by offset and length.
var ranges = []struct {
	offset, length rpcinterface.Value
	want           string
}{
	{num(0), num(0), "'0123456789'"},
	{num(0), num(3), "'012'"},
	{num(8), num(9), "'89'"},
	{num(10), num(1), "''"},
	{num(99), num(0), "''"},
	{num(-3), num(0), "'789'"},
	{num(-99), num(0), "'0123456789'"},
	{num(-3), num(1), "! 3 BAD_ARGUMENTS"},
	{num(0), num(-1), "! 3 BAD_ARGUMENTS"},
	// What Python's int() takes is a number.
	{str("2"), str(" 3 "), "'234'"},
	{str("+1"), str("1_0"), "'123456789'"},
	{double(1.9), double(2.9), "'12'"},
	{double(-1.9), num(0), "'9'"},
	{truth(true), truth(true), "'1'"},
	{truth(false), truth(false), "'0123456789'"},
	{str("x"), num(0), "! 2 INCORRECT_PARAMETERS"},
	{num(0), str("1.5"), "! 2 INCORRECT_PARAMETERS"},
	{null{}, num(0), "! 2 INCORRECT_PARAMETERS"},
	{num(0), array{}, "! 2 INCORRECT_PARAMETERS"},
	{double(1e300), num(0), "! 2 INCORRECT_PARAMETERS"},
	{str("99999999999999999999"), num(0), "''"},
}

func TestReadMainLog(t *testing.T) {
	run(t, func(h *harness) {
		for _, method := range []string{"readLog", "readMainLog"} {
			// The file is looked at before the arguments.
			h.table([]row{{method, array{num(-1), num(-1)}, "! 20 NO_FILE: " + h.mainLog}, {method, array{array{}, null{}}, "! 20 NO_FILE: " + h.mainLog}})
		}
		h.write("main.log", "0123456789")
		for _, r := range ranges {
			for _, method := range []string{"readLog", "readMainLog"} {
				h.table([]row{{method, array{r.offset, r.length}, r.want}})
			}
		}
		h.mainLog = ""
		h.table([]row{{"readLog", array{num(0), num(0)}, "! 20 NO_FILE"}})
	})
}

func TestClearLog(t *testing.T) {
	run(t, func(h *harness) {
		h.table([]row{{"clearLog", nil, "! 20 NO_FILE"}})
		h.write("main.log", "x")
		h.table([]row{{"clearLog", nil, "True"}})
		h.clearErr = errors.New("no")
		h.table([]row{{"clearLog", nil, "! 30 FAILED"}})
		h.mainLog = ""
		h.table([]row{{"clearLog", nil, "! 20 NO_FILE"}})
		if h.cleared != 2 {
			t.Errorf("cleared %d times, want 2", h.cleared)
		}
	})
}

func TestReadProcessLog(t *testing.T) {
	for method, file := range map[string]string{"readProcessStdoutLog": "out", "readProcessLog": "out", "readProcessStderrLog": "err"} {
		run(t, func(h *harness) {
			h.table([]row{
				{method, array{str("g:a"), num(0), num(0)}, "! 20 NO_FILE"}, // it keeps no logs
				{method, array{str("logs"), num(-1), num(-1)}, "! 20 NO_FILE: " + h.dir + "/" + file},
				{method, array{str("logs"), null{}, num(0)}, "! 20 NO_FILE: " + h.dir + "/" + file},
			})
			h.write(file, "0123456789")
			for _, r := range ranges {
				h.table([]row{{method, array{str("logs"), r.offset, r.length}, r.want}})
			}
		})
	}
}

func TestTailProcessLog(t *testing.T) {
	for method, file := range map[string]string{"tailProcessStdoutLog": "out", "tailProcessLog": "out", "tailProcessStderrLog": "err"} {
		run(t, func(h *harness) {
			h.table([]row{
				{method, array{str("g:a"), num(5), num(9)}, "['', 0, False]"},
				{method, array{str("logs"), null{}, num(-1)}, "['', 0, False]"}, // no file: nothing is looked at
			})
			text := strings.Repeat("0123456789", 3)
			h.write(file, text)
			h.table([]row{
				{method, array{str("logs"), num(0), num(0)}, "['', 30, True]"},
				{method, array{str("logs"), num(0), num(10)}, "['0123456789', 30, True]"},
				{method, array{str("logs"), num(25), num(5)}, "['56789', 30, False]"},
				{method, array{str("logs"), num(25), num(10)}, "['0123456789', 30, False]"}, // from before the offset
				{method, array{str("logs"), num(0), num(100)}, fmt.Sprintf("['%s', 30, False]", text)},
				{method, array{str("logs"), str("25"), double(5.5)}, "['56789', 30, False]"},
				{method, array{str("logs"), str("x"), num(1)}, "! 2 INCORRECT_PARAMETERS"},
			})
		})
	}
}

func TestClearProcessLogs(t *testing.T) {
	for _, method := range []string{"clearProcessLogs", "clearProcessLog"} {
		run(t, func(h *harness) {
			h.ClearErr["b"] = errors.New("no")
			h.table([]row{
				{method, array{str("logs")}, "True"},
				{method, array{str("g:b")}, "! 30 FAILED: g:b"},
			})
			h.did("empty logs", "empty b")
			h.start("logs")
			h.start("g:b")
			h.table([]row{
				{method, array{str("logs")}, "True"},
				{method, array{str("g:b")}, "! 30 FAILED: g:b"},
			})
			h.did("clear logs", "clear b")
		})
	}
}

func TestClearAllProcessLogs(t *testing.T) {
	run(t, func(h *harness) {
		h.ClearErr["a"] = errors.New("no")
		h.start("slow")
		ok := func(name string) string {
			return fmt.Sprintf("{'name': '%s', 'group': '%[1]s', 'status': 80, 'description': 'OK'}", name)
		}
		h.table([]row{{"clearAllProcessLogs", nil, "[{'name': 'b', 'group': 'g', 'status': 80, 'description': 'OK'}, " +
			"{'name': 'a', 'group': 'g', 'status': 30, 'description': 'FAILED: g:a'}, " +
			ok("quick") + ", " + ok("slow") + ", " + ok("gone") + ", " + ok("logs") + "]"}})
		h.did("empty b", "empty a", "empty quick", "clear slow", "empty gone", "empty logs")
	})
}
