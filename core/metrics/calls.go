package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// unknownMethod stands for all methods that do not exist.
const unknownMethod = "unknown"

// calls counts the calls of methods, and how long they took.
type calls struct {
	known    func(method string) bool
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	methods  sync.Map // of those called so far: string to *method
}

// method is what is counted of one method.
type method struct {
	good, faults prometheus.Counter
	duration     prometheus.Observer
}

func newCalls(known func(method string) bool) *calls {
	return &calls{
		known: known,
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "supervisord_rpc_calls_total",
			Help: "Calls that were answered, those within system.multicall and of extensions included.",
		}, []string{"method", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "supervisord_rpc_duration_seconds",
			Help:    "How long calls took; some wait for processes to start or stop.",
			Buckets: []float64{1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100},
		}, []string{"method"}),
	}
}

// Observe counts a call that has ended. It is a namespace.Observer.
func (c *calls) Observe(name string, took time.Duration, err error) {
	m := c.method(name)
	m.duration.Observe(took.Seconds())
	if err != nil {
		m.faults.Inc()
		return
	}
	m.good.Inc()
}

func (c *calls) method(name string) *method {
	if m, ok := c.methods.Load(name); ok {
		return m.(*method)
	}
	if name != unknownMethod && !c.known(name) {
		return c.method(unknownMethod)
	}
	m, _ := c.methods.LoadOrStore(name, &method{
		good:     c.total.WithLabelValues(name, "ok"),
		faults:   c.total.WithLabelValues(name, "fault"),
		duration: c.duration.WithLabelValues(name),
	})
	return m.(*method)
}
