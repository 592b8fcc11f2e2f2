package supervisorns_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestGetProcessInfo(t *testing.T) {
	run(t, func(h *harness) {
		start := time.Now().Unix()
		info := func(name, group, rest string) string {
			return fmt.Sprintf("{'name': '%s', 'group': '%s', %s}", name, group, rest)
		}
		h.table([]row{{"getProcessInfo", array{str("g:a")}, info("a", "g", fmt.Sprintf("'start': 0, 'stop': 0, 'now': %d, 'state': 0, 'statename': 'STOPPED', "+
			"'spawnerr': '', 'exitstatus': 0, 'logfile': '', 'stdout_logfile': '', 'stderr_logfile': '', 'pid': 0, 'description': 'Not started'", start))}})
		h.start("logs")
		time.Sleep(90 * time.Second)
		h.table([]row{{"getProcessInfo", array{str("logs")}, info("logs", "logs", fmt.Sprintf("'start': %d, 'stop': 0, 'now': %d, 'state': 20, 'statename': 'RUNNING', "+
			"'spawnerr': '', 'exitstatus': 0, 'logfile': '%[3]s/out', 'stdout_logfile': '%[3]s/out', 'stderr_logfile': '%[3]s/err', 'pid': 1, 'description': 'pid 1, uptime 0:01:30'",
			start, start+90, h.dir))}})
		h.table([]row{{"startProcess", array{str("quick")}, "! 50 SPAWN_ERROR: quick"}})
		h.table([]row{{"getProcessInfo", array{str("quick")}, info("quick", "quick", fmt.Sprintf("'start': %d, 'stop': %[1]d, 'now': %[1]d, 'state': 30, 'statename': 'BACKOFF', "+
			"'spawnerr': 'Exited too quickly (process log may have details)', 'exitstatus': 0, 'logfile': '', 'stdout_logfile': '', 'stderr_logfile': '', 'pid': 0, "+
			"'description': 'Exited too quickly (process log may have details)'", start+90))}})
	})
}

func TestGetAllProcessInfo(t *testing.T) {
	run(t, func(h *harness) {
		v, err := h.ns.Call(t.Context(), &rpcinterface.Call{Method: "getAllProcessInfo"})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range v.(array) {
			group, _ := e.(object).Get("group")
			name, _ := e.(object).Get("name")
			got = append(got, fmt.Sprintf("%v:%v", group, name))
		}
		if want := "g:a g:b gone:gone logs:logs quick:quick slow:slow"; strings.Join(got, " ") != want {
			t.Errorf("order %v, want %s", got, want)
		}
	})
}

// Times beyond what XML-RPC's int holds are shown as its largest.
func TestTimesAreCapped(t *testing.T) {
	run(t, func(h *harness) {
		time.Sleep(50 * 365 * 24 * time.Hour)
		h.start("g:a")
		got := h.call("getProcessInfo", str("g:a"))
		if want := "'start': 2147483647, 'stop': 0, 'now': 2147483647, "; !strings.Contains(got, want) {
			t.Errorf("%s has no %s", got, want)
		}
	})
}

func TestGetAllConfigInfo(t *testing.T) {
	url, dir, uid := "http://h:1", "/d", 33
	full := Program("full", func(p *core.ProcessSpec) {
		*p = core.ProcessSpec{
			Name: "full", Command: "c", Directory: &dir, UID: &uid, Priority: 7, Autostart: true, Autorestart: core.RestartAlways,
			StartSecs: 2, StartRetries: 3, StopSignal: 9, StopWaitSecs: 4, StopAsGroup: true, KillAsGroup: true, ExitCodes: []int{0, 2}, RedirectStderr: true,
			Stdout:    core.LogSpec{File: core.LogFile{Kind: core.LogPath, Path: "/l"}, MaxBytes: math.MaxInt64, Backups: 6, CaptureMaxBytes: 8, EventsEnabled: true, Syslog: true},
			Stderr:    core.LogSpec{File: core.LogFile{Kind: core.LogAuto}, MaxBytes: 1, Backups: 2, CaptureMaxBytes: 3},
			ServerURL: &url,
		}
	})
	never := func(p *core.ProcessSpec) { p.Autorestart = core.RestartNever }
	run(t, func(h *harness) {
		h.reread = []*core.GroupSpec{Group("z", 5, full, Program("a")), Group("g", 50, Program("plain", never))}
		h.call("reloadConfig")
		h.table([]row{{"getAllConfigInfo", nil, "[" +
			plainConfig("a", "z", 5, "False", "'unexpected'") + ", " +
			"{'autostart': True, 'autorestart': True, 'directory': '/d', 'uid': 33, 'command': 'c', 'exitcodes': [0, 2], 'group': 'z', 'group_prio': 5, 'inuse': False, " +
			"'killasgroup': True, 'name': 'full', 'process_prio': 7, 'redirect_stderr': True, 'startretries': 3, 'startsecs': 2, 'stdout_capture_maxbytes': 8, " +
			"'stdout_events_enabled': True, 'stdout_logfile': '/l', 'stdout_logfile_backups': 6, 'stdout_logfile_maxbytes': 2147483647, 'stdout_syslog': True, " +
			"'stopsignal': 9, 'stopwaitsecs': 4, 'stderr_capture_maxbytes': 3, 'stderr_events_enabled': False, 'stderr_logfile': 'auto', 'stderr_logfile_backups': 2, " +
			"'stderr_logfile_maxbytes': 1, 'stderr_syslog': False, 'serverurl': 'http://h:1'}, " +
			plainConfig("plain", "g", 50, "True", "False") + "]"}})
	})
}

func plainConfig(name, group string, prio int, inuse, autorestart string) string {
	return fmt.Sprintf("{'autostart': False, 'autorestart': %s, 'directory': 'none', 'uid': 'none', 'command': '/bin/cat', 'exitcodes': [0], 'group': '%s', 'group_prio': %d, "+
		"'inuse': %s, 'killasgroup': False, 'name': '%s', 'process_prio': 999, 'redirect_stderr': False, 'startretries': 3, 'startsecs': 1, 'stdout_capture_maxbytes': 0, "+
		"'stdout_events_enabled': False, 'stdout_logfile': 'none', 'stdout_logfile_backups': 0, 'stdout_logfile_maxbytes': 0, 'stdout_syslog': False, "+
		"'stopsignal': 15, 'stopwaitsecs': 10, 'stderr_capture_maxbytes': 0, 'stderr_events_enabled': False, 'stderr_logfile': 'none', 'stderr_logfile_backups': 0, "+
		"'stderr_logfile_maxbytes': 0, 'stderr_syslog': False, 'serverurl': 'none'}", autorestart, group, prio, inuse, name)
}
