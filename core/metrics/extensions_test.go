package metrics_test

import (
	"os"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/metrics"
)

// The metrics of extensions are those of testdata, and of the extensions that there
// are at a scrape.
func TestExtensions(t *testing.T) {
	list := []core.ExtensionInfo{
		{Name: "hello", State: core.ExtensionRunning, Start: 1_700_000_000, PID: 7, Memory: 12595, Restarts: 2, Calls: 12, Errors: 1, Faults: 3},
		{Name: "é\n\"\\\xff", State: core.ExtensionFatal, Restarts: 9},
		{Name: "hello", State: core.ExtensionBackoff},
	}
	m := metrics.New(sample(), "4.4.0", known, log{t})
	m.Extensions(func() []core.ExtensionInfo { return list })
	w := ask(m, "GET")
	var got strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.Contains(line, "plugvisor_") {
			got.WriteString(line)
		}
	}
	const file = "testdata/extensions.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || got.String() != string(want) {
		t.Errorf("%d\n%s\nwant\n%s", w.Code, got.String(), want)
	}
	problems, err := promlint.New(strings.NewReader(w.Body.String())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promtool would find %v, %v", problems, err)
	}

	list = list[1:2]
	families := parse(t, ask(m, "GET").Body.String())
	if n := len(families["plugvisor_extension_up"].GetMetric()); n != 1 {
		t.Errorf("%d extensions", n)
	}
	list = nil
	if families := parse(t, ask(m, "GET").Body.String()); families["plugvisor_extension_up"] != nil {
		t.Error("there are metrics of no extension")
	}
}
