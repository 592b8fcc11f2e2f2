package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// get reads a page.
func get(ctx context.Context, url, user string) (status int, body string, err error) {
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return 0, "", err
	}
	if user != "" {
		r.SetBasicAuth(user, "pw")
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	return answer.StatusCode, string(data), err
}

// withLines checks that a page has each of the lines, of which the values may be
// patterns.
func withLines(t *testing.T, page string, want ...string) {
	t.Helper()
	for _, line := range want {
		name, value, _ := strings.Cut(line, "} ")
		if !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + `} ` + value + `$`).MatchString(page) {
			t.Errorf("no line %s in\n%s", line, page)
		}
	}
}

const monitored = `
[program:steady]
command=/bin/sh -c "printf 12345; exec cat"
startsecs=0
stdout_logfile=%(here)s/steady.log

[program:often]
command=/bin/sh -c "exit 3"
startsecs=0
autorestart=true

[program:once]
command=/bin/sh -c "exit 3"
startsecs=0
exitcodes=3

[group:g]
programs=once
`

func TestMetrics(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, monitored+"[inet_http_server]\nusername=us\npassword=pw\nhealthz_auth=false\n")
	base := "http://" + d.addr
	for _, tt := range []struct {
		path, user string
		want       int
	}{{"/metrics", "", 401}, {"/metrics", "us", 200}, {"/healthz", "", 200}, {"/healthz", "us", 200}, {"/", "", 401}} {
		if status, _, err := get(t.Context(), base+tt.path, tt.user); err != nil || status != tt.want {
			t.Errorf("%s as %q: %d, %v, want %d", tt.path, tt.user, status, err, tt.want)
		}
	}
	if _, body, _ := get(t.Context(), base+"/healthz", ""); body != "RUNNING\n" {
		t.Errorf("/healthz says %q", body)
	}
	// Calls are answered a moment before programs are started.
	d.wait("success: steady entered RUNNING state")
	d.waitFile("steady.log", "12345")
	answer[bool](d.site, "supervisor.stopProcess", "steady")
	answer[bool](d.site, "supervisor.startProcess", "steady")
	for seen, i := 0, 0; i < 3; i++ {
		seen = d.waitFrom(seen, "exited: often (exit status 3; not expected)")
	}
	d.wait("exited: once")
	_, page, err := get(t.Context(), base+"/metrics", "us")
	if err != nil {
		t.Fatal(err)
	}
	withLines(t, page,
		`supervisord_info{identifier="supervisor",version="4.4.0"} 1`,
		`supervisord_process_state{group="steady",process="steady"} 20`,
		`supervisord_process_up{group="steady",process="steady"} 1`,
		`supervisord_process_uptime_seconds{group="steady",process="steady"} \d+`,
		`supervisord_process_starts_total{group="steady",process="steady"} 2`,
		`supervisord_process_restarts_total{group="steady",process="steady"} 0`,
		`supervisord_process_exits_total{group="steady",process="steady",reason="stopped"} 1`,
		`supervisord_process_log_bytes_total{group="steady",process="steady",stream="stdout"} (5|10)`,
		`supervisord_process_restarts_total{group="often",process="often"} [1-9]\d*`,
		`supervisord_process_exits_total{group="often",process="often",reason="unexpected"} [1-9]\d*`,
		`supervisord_process_state{group="g",process="once"} 100`,
		`supervisord_process_exit_status{group="g",process="once"} 3`,
		`supervisord_process_exits_total{group="g",process="once",reason="expected"} 1`,
		`supervisord_processes{state="EXITED"} [12]`,
		`supervisord_rpc_calls_total{method="supervisor.stopProcess",outcome="ok"} 1`,
		`supervisord_rpc_duration_seconds_count{method="supervisor.startProcess"} 1`,
	)
}

// Prometheus's node_exporter asks the daemon over either kind of socket.
func TestNodeExporter(t *testing.T) {
	t.Parallel()
	const exporter = "/usr/bin/prometheus-node-exporter"
	need(t, exists(exporter), "Debian's package prometheus-node-exporter")
	d := startDaemon(t, strings.Replace(monitored, "autorestart=true", "autorestart=false", 1))
	d.wait("success: steady entered RUNNING state")
	d.wait("exited: once")
	d.wait("exited: often")
	start := answer[struct {
		Start int64 `xmlrpc:"start"`
	}](d.site, "supervisor.getProcessInfo", "steady").Start
	for _, url := range []string{"http://" + d.addr + "/RPC2", "unix://" + d.sock} {
		t.Run(url[:4], func(t *testing.T) {
			addr := freeAddress(t)
			cmd := d.command(exporter, "--collector.disable-defaults", "--collector.supervisord",
				"--collector.supervisord.url="+url, "--web.listen-address="+addr)
			stderr, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			log := newLines()
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			go log.fill(stderr)
			defer cmd.Wait()
			defer cmd.Process.Signal(syscall.SIGTERM)
			if _, ok := log.find(0, "Listening on"); !ok {
				t.Fatalf("it does not listen: %q", log.snapshot())
			}
			_, page, err := get(t.Context(), "http://"+addr+"/metrics", "")
			if err != nil {
				t.Fatal(err)
			}
			withLines(t, page,
				`node_scrape_collector_success{collector="supervisord"} 1`,
				`node_supervisord_up{group="steady",name="steady"} 1`,
				`node_supervisord_state{group="steady",name="steady"} 20`,
				`node_supervisord_exit_status{group="steady",name="steady"} 0`,
				`node_supervisord_start_time_seconds{group="steady",name="steady"} `+regexp.QuoteMeta(fmt.Sprintf("%g", float64(start))),
				`node_supervisord_up{group="g",name="once"} 0`,
				`node_supervisord_state{group="g",name="once"} 100`,
				`node_supervisord_exit_status{group="g",name="once"} 3`,
				`node_supervisord_state{group="often",name="often"} 100`,
			)
		})
	}
}
