package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// collector reads the source at each scrape.
type collector struct {
	source  Source
	version string

	info, state, processes *prometheus.Desc

	processState, up, started, uptime, exitStatus *prometheus.Desc
	starts, restarts, exits, logBytes             *prometheus.Desc
}

var _ prometheus.Collector = (*collector)(nil)

func newCollector(source Source, version string) *collector {
	daemon := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("supervisord_"+name, help, labels, nil)
	}
	process := func(name, help string, labels ...string) *prometheus.Desc {
		return daemon("process_"+name, help, append([]string{"group", "process"}, labels...)...)
	}
	return &collector{
		source:  source,
		version: version,

		info:      daemon("info", "Always 1; the labels tell of the daemon.", "identifier", "version"),
		state:     daemon("state", "State of the daemon, as of supervisor.getState: 1 RUNNING, 0 RESTARTING, -1 SHUTDOWN."),
		processes: daemon("processes", "How many processes are in a state.", "state"),

		processState: process("state", "State of the process: 0 STOPPED, 10 STARTING, 20 RUNNING, 30 BACKOFF, 40 STOPPING, 100 EXITED, 200 FATAL, 1000 UNKNOWN."),
		up:           process("up", "1 while the process is RUNNING."),
		started:      process("start_time_seconds", "When the last run began, since the epoch; 0 for never."),
		uptime:       process("uptime_seconds", "How long the process has been there, 0 when it is not."),
		exitStatus:   process("exit_status", "Exit code of the last run, -1 after death by a signal."),
		starts:       process("starts_total", "How often the process was started."),
		restarts:     process("restarts_total", "How often of those by the daemon itself, after an exit or a failed start."),
		exits: process("exits_total", `How often the process ended: by request ("stopped"), by itself with one of exitcodes ("expected"), or otherwise ("unexpected").`,
			"reason"),
		logBytes: process("log_bytes_total", "Bytes of the process's output that went into its log.", "stream"),
	}
}

// Describe is prometheus.Collector's.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		c.info, c.state, c.processes, c.processState, c.up, c.started, c.uptime, c.exitStatus, c.starts, c.restarts, c.exits, c.logBytes,
	} {
		out <- d
	}
}

// Collect is prometheus.Collector's.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	send := func(d *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
	send(c.info, prometheus.GaugeValue, 1, text(c.source.Identification()), c.version)
	send(c.state, prometheus.GaugeValue, float64(c.source.State()))
	in := map[rpcinterface.ProcessState]int{ // each has its line, also without a process
		rpcinterface.ProcessStopped: 0, rpcinterface.ProcessStarting: 0, rpcinterface.ProcessRunning: 0, rpcinterface.ProcessBackoff: 0,
		rpcinterface.ProcessStopping: 0, rpcinterface.ProcessExited: 0, rpcinterface.ProcessFatal: 0, rpcinterface.ProcessUnknown: 0,
	}
	now := time.Now().Unix()
	for _, p := range c.source.Stats() {
		in[p.State]++
		c.process(send, &p, now)
	}
	for state, n := range in {
		send(c.processes, prometheus.GaugeValue, float64(n), state.String())
	}
}

func (c *collector) process(send func(*prometheus.Desc, prometheus.ValueType, float64, ...string), p *core.ProcessStats, now int64) {
	group, name := text(p.Group), text(p.Name)
	gauge := func(d *prometheus.Desc, value int64) {
		send(d, prometheus.GaugeValue, float64(value), group, name)
	}
	count := func(d *prometheus.Desc, value uint64, more ...string) {
		send(d, prometheus.CounterValue, float64(value), append([]string{group, name}, more...)...)
	}
	up, uptime := int64(0), int64(0)
	if p.State == rpcinterface.ProcessRunning {
		up = 1
	}
	if p.PID != 0 {
		uptime = max(now-p.Start, 0)
	}
	gauge(c.processState, int64(p.State))
	gauge(c.up, up)
	gauge(c.started, p.Start)
	gauge(c.uptime, uptime)
	gauge(c.exitStatus, int64(p.ExitStatus))
	count(c.starts, p.Counts.Starts)
	count(c.restarts, p.Counts.Restarts)
	count(c.exits, p.Counts.Stops, "stopped")
	count(c.exits, p.Counts.ExpectedExits, "expected")
	count(c.exits, p.Counts.UnexpectedExits, "unexpected")
	count(c.logBytes, p.LogBytes[0], "stdout")
	count(c.logBytes, p.LogBytes[1], "stderr")
}

// text makes a label of what is not known to be UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
