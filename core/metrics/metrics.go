package metrics

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Source is what the metrics are about. All of it may be used by many goroutines.
type Source interface {
	Identification() string
	State() rpcinterface.SupervisorState
	// Stats tells of all processes.
	Stats() []core.ProcessStats
	// Ping asks the loop for a sign of life.
	Ping(ctx context.Context) error
}

// Metrics is the metrics of one run of the daemon.
type Metrics struct {
	*calls
	registry *prometheus.Registry
	turn     chan struct{} // held by the scrape that runs
	logger   core.Logger
}

// New makes the metrics. known says whether a method exists; version is what the
// daemon calls its own.
func New(source Source, version string, known func(method string) bool, logger core.Logger) *Metrics {
	m := &Metrics{calls: newCalls(known), registry: prometheus.NewRegistry(), turn: make(chan struct{}, 1), logger: logger}
	m.registry.MustRegister(
		newCollector(source, version),
		m.calls.total, m.calls.duration,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// ServeHTTP answers a scrape, in the format that the client asks for.
func (m *Metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if refused(w, r) {
		return
	}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-r.Context().Done():
		return
	}
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
	var page bytes.Buffer
	if err := m.write(&page, format); err != nil {
		m.logger.Log(rpcinterface.LevelErro, err.Error())
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(format))
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	_, _ = w.Write(page.Bytes()) // a client that has gone needs no answer
}

func (m *Metrics) write(page *bytes.Buffer, format expfmt.Format) error {
	families, err := m.registry.Gather()
	if err != nil {
		return fmt.Errorf("cannot collect metrics: %w", err)
	}
	encoder := expfmt.NewEncoder(page, format)
	for _, family := range families {
		if err := encoder.Encode(family); err != nil {
			return fmt.Errorf("cannot write metrics: %w", err)
		}
	}
	if end, ok := encoder.(expfmt.Closer); ok {
		if err := end.Close(); err != nil {
			return fmt.Errorf("cannot write metrics: %w", err)
		}
	}
	return nil
}

// refused answers requests that are no reading.
func refused(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return false
	}
	w.Header().Set("Allow", "GET, HEAD")
	http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	return true
}
