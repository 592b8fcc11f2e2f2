package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/plugvisor/plugvisor/core"
)

// extensionCollector reads the extensions at each scrape.
type extensionCollector struct {
	list func() []core.ExtensionInfo

	state, up, restarts, calls, errors, memory, started *prometheus.Desc
}

var _ prometheus.Collector = (*extensionCollector)(nil)

func newExtensionCollector(list func() []core.ExtensionInfo) *extensionCollector {
	metric := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("plugvisor_extension_"+name, help, append([]string{"extension"}, labels...), nil)
	}
	return &extensionCollector{
		list:     list,
		state:    metric("state", "1 for the state that the extension is in, 0 for each other.", "state"),
		up:       metric("up", "1 while the extension is RUNNING."),
		restarts: metric("restarts_total", "How often the extension was started again."),
		calls:    metric("calls_total", "How often methods of the extension were called."),
		errors:   metric("errors_total", "How many of those calls failed because of the extension."),
		memory:   metric("memory_bytes", "Resident memory of the extension's process, 0 while there is none."),
		started:  metric("start_time_seconds", "When the extension entered RUNNING, since the epoch; 0 in other states."),
	}
}

// Describe is prometheus.Collector's.
func (c *extensionCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.state, c.up, c.restarts, c.calls, c.errors, c.memory, c.started} {
		out <- d
	}
}

// Collect is prometheus.Collector's. Of two extensions of one name, which only stand-ins
// for result handlers can have, the first is told of.
func (c *extensionCollector) Collect(out chan<- prometheus.Metric) {
	told := map[string]struct{}{}
	for _, x := range c.list() {
		name := text(x.Name)
		if _, ok := told[name]; ok {
			continue
		}
		told[name] = struct{}{}
		send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, kind, value, append([]string{name}, labels...)...)
		}
		for _, s := range core.ExtensionStates() {
			send(c.state, prometheus.GaugeValue, truth(s == x.State), s.String())
		}
		send(c.up, prometheus.GaugeValue, truth(x.State == core.ExtensionRunning))
		send(c.restarts, prometheus.CounterValue, float64(x.Restarts))
		send(c.calls, prometheus.CounterValue, float64(x.Calls))
		send(c.errors, prometheus.CounterValue, float64(x.Errors))
		send(c.memory, prometheus.GaugeValue, float64(x.Memory)*1024)
		send(c.started, prometheus.GaugeValue, float64(x.Start))
	}
}

func truth(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// Extensions adds metrics of extensions, which list tells of at each scrape.
func (m *Metrics) Extensions(list func() []core.ExtensionInfo) {
	m.registry.MustRegister(newExtensionCollector(list))
}
