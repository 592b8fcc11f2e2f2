package metrics_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/metrics"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// source is a daemon with a handful of processes.
type source struct {
	state rpcinterface.SupervisorState
	stats []core.ProcessStats
	ping  func(context.Context) error
}

func (s *source) Identification() string              { return `my "one"` }
func (s *source) State() rpcinterface.SupervisorState { return s.state }
func (s *source) Stats() []core.ProcessStats          { return s.stats }
func (s *source) Ping(ctx context.Context) error {
	if s.ping == nil {
		return nil
	}
	return s.ping(ctx)
}

type log struct{ t testing.TB }

func (l log) Log(_ rpcinterface.LogLevel, message string) { l.t.Error(message) }
func (l log) Enabled(rpcinterface.LogLevel) bool          { return true }

func known(method string) bool {
	return method == "supervisor.getState" || method == "supervisor.startProcess"
}

func ask(h http.Handler, method string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/metrics", nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// parse reads a page as Prometheus does.
func parse(t testing.TB, page string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(page))
	if err != nil {
		t.Fatalf("%v in\n%s", err, page)
	}
	return families
}

func sample() *source {
	return &source{state: rpcinterface.SupervisorRunning, stats: []core.ProcessStats{
		{Group: "g", Name: "running", State: rpcinterface.ProcessRunning, PID: 7, Start: time.Now().Unix() - 100,
			Counts: core.ProcessCounts{Starts: 5, Restarts: 3, Stops: 1, ExpectedExits: 1, UnexpectedExits: 2}, LogBytes: [2]uint64{1 << 40, 9}},
		{Group: "never", Name: "never", State: rpcinterface.ProcessStopped},
		{Group: "é\n\"\\", Name: "bad\xff", State: rpcinterface.ProcessFatal, Start: 1_700_000_000, ExitStatus: -1, Counts: core.ProcessCounts{Starts: 4, UnexpectedExits: 4}},
	}}
}

var update = flag.Bool("update", false, "write testdata anew")

// The page is that of testdata, but for the metrics of the Go runtime and the
// operating system, and what depends on the time.
func TestPage(t *testing.T) {
	began := time.Now()
	m := metrics.New(sample(), "4.4.0", known, log{t})
	m.Observe("supervisor.getState", 50*time.Microsecond, nil)
	m.Observe("supervisor.startProcess", 2*time.Second, nil)
	m.Observe("supervisor.startProcess", 10*time.Minute, errors.New("no"))
	for i := range 1000 {
		m.Observe(fmt.Sprintf("made.up%d", i), time.Microsecond, errors.New("no"))
	}
	w := ask(m, "GET")
	if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain; version=0.0.4") || w.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	const (
		changing = `supervisord_process_start_time_seconds{group="g",process="running"} `
		growing  = `supervisord_process_uptime_seconds{group="g",process="running"} `
	)
	longest := 101 + int(time.Since(began)/time.Second) // a second may have begun since
	var got strings.Builder
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, changing) {
			line = changing + "NOW-100\n"
		}
		if text, ok := strings.CutPrefix(line, growing); ok {
			if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n >= 100 && n <= longest {
				line = growing + "100\n"
			}
		}
		if strings.Contains(line, "supervisord_") {
			got.WriteString(line)
		}
	}
	const file = "testdata/page.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	families := parse(t, w.Body.String())
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes", "supervisord_rpc_duration_seconds"} {
		if families[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(w.Body.String())).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promtool would find %v, %v", problems, err)
	}
}

func TestFormats(t *testing.T) {
	m := metrics.New(sample(), "4.4.0", known, log{t})
	for accept, want := range map[string]string{
		"":    "text/plain; version=0.0.4; ",
		"*/*": "text/plain; version=0.0.4; ",
		"application/openmetrics-text;version=1.0.0,text/plain;q=0.5":                                           "application/openmetrics-text; version=1.0.0; ",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,text/plain": "application/vnd.google.protobuf; ",
	} {
		w := ask(m, "GET", "Accept", accept)
		if got := w.Header().Get("Content-Type"); w.Code != 200 || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %d %s, want %s…", accept, w.Code, got, want)
		}
		if ends := strings.HasSuffix(w.Body.String(), "# EOF\n"); ends != strings.Contains(accept, "openmetrics") {
			t.Errorf("%q: the end is said: %t", accept, ends)
		}
	}
}

func TestMethods(t *testing.T) {
	s := sample()
	for name, h := range map[string]http.Handler{"metrics": metrics.New(s, "4.4.0", known, log{t}), "healthz": metrics.Healthz(s)} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405} {
			w := ask(h, method)
			if w.Code != want || (w.Header().Get("Allow") == "GET, HEAD") != (want == 405) {
				t.Errorf("%s %s: %d %v", method, name, w.Code, w.Header())
			}
		}
	}
}

// Scrapes while calls are made show each as a whole, and in the end all of them.
func TestScrapesUnderLoad(t *testing.T) {
	m := metrics.New(sample(), "4.4.0", known, log{t})
	const callers, each = 4, 2000
	var work, scrapes sync.WaitGroup
	var over atomic.Bool
	for range callers {
		work.Go(func() {
			for i := range each {
				m.Observe([]string{"supervisor.getState", "supervisor.startProcess", "nope"}[i%3], time.Millisecond, nil)
			}
		})
	}
	for range 3 {
		scrapes.Go(func() {
			last := 0.0
			for done := false; !done; {
				done = over.Load()
				families := parse(t, ask(m, "GET").Body.String())
				sum := total(families["supervisord_rpc_calls_total"])
				if sum < last {
					t.Errorf("%v calls after %v", sum, last)
				}
				last = sum
			}
			if last != callers*each {
				t.Errorf("%v calls, want %d", last, callers*each)
			}
		})
	}
	work.Wait()
	over.Store(true)
	scrapes.Wait()
}

func total(f *dto.MetricFamily) (sum float64) {
	for _, m := range f.GetMetric() {
		sum += m.GetCounter().GetValue()
	}
	return sum
}

func TestScrapeThatIsGivenUp(t *testing.T) {
	s := sample()
	m := metrics.New(s, "4.4.0", known, log{t})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 { // whichever it notices first, it takes no turn for ever
		m.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", "/metrics", nil))
	}
	if w := ask(m, "GET"); w.Code != 200 {
		t.Errorf("%d", w.Code)
	}
}

func TestHealthz(t *testing.T) {
	for _, tt := range []struct {
		state rpcinterface.SupervisorState
		ping  func(context.Context) error
		code  int
		body  string
		took  time.Duration
	}{
		{rpcinterface.SupervisorRunning, nil, 200, "RUNNING\n", 0},
		{rpcinterface.SupervisorRestarting, nil, 503, "RESTARTING\n", 0},
		{rpcinterface.SupervisorShutdown, func(context.Context) error { return errors.New("it has ended") }, 503, "SHUTDOWN\n", 0},
		{rpcinterface.SupervisorRunning, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, 503, "the main loop does not answer\n", 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			w := ask(metrics.Healthz(&source{state: tt.state, ping: tt.ping}), "GET")
			if body, _ := io.ReadAll(w.Body); w.Code != tt.code || string(body) != tt.body || time.Since(began) != tt.took {
				t.Errorf("%d %q after %v, want %d %q after %v", w.Code, body, time.Since(began), tt.code, tt.body, tt.took)
			}
		})
	}
}

func BenchmarkObserve(b *testing.B) {
	m := metrics.New(sample(), "4.4.0", known, log{b})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Observe("supervisor.getState", 30*time.Microsecond, nil)
		}
	})
}

func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s := &source{state: rpcinterface.SupervisorRunning}
			for i := range n {
				s.stats = append(s.stats, core.ProcessStats{Group: "group", Name: fmt.Sprint("process", i), State: rpcinterface.ProcessRunning, PID: 1})
			}
			m := metrics.New(s, "4.4.0", known, log{b})
			b.ReportAllocs()
			for b.Loop() {
				ask(m, "GET")
			}
		})
	}
}
