package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// services are the files of conf.d, in the manner of those that run today.
var services = map[string]string{
	"web.conf": `
[program:web]
command=/bin/sh -c "echo web %(process_num)d of %(ENV_TMPDIR)s at $MODE; exec cat"
process_name=%(program_name)s_%(process_num)02d
numprocs=2
environment=MODE="live, 24/7",KEY='it''s'
stdout_logfile={dir}/web_%(process_num)d.log
redirect_stderr=true
startsecs=0 ; at once
stopwaitsecs=5

[program:queue]
command=/bin/sh -c "echo queue; echo trouble >&2; exec sleep 1000"
directory=/tmp
umask=027
priority=5
stopsignal=INT
stopasgroup=true
stdout_logfile={dir}/queue.log
stderr_logfile={dir}/queue.log
startsecs=0

[group:site]
programs=web,queue
priority=10
`,
	"jobs.conf": `
[program:once]
command=/bin/sh -c "echo done; exit 2"
exitcodes=0,2
startsecs=0
autorestart=unexpected
stdout_logfile={dir}/once.log

[program:missing]
command=/no/such/program --with "an argument"
autostart=false
pidfile=/ignored/by/supervisor

[program:manual]
command=cat
autostart=false
startsecs=0
stdout_logfile=NONE
`,
	"listener.conf": `
[eventlistener:watch]
command=/usr/bin/python3 {dir}/watch.py
events=PROCESS_STATE_EXITED,PROCESS_STATE_STOPPED
`,
}

// watcher writes what events tell into a file, with the reference's own library.
const watcher = `import os, sys
from supervisor import childutils
with open(os.path.join(sys.argv[0] + '.events'), 'a', 1) as out:
    while True:
        headers, payload = childutils.listener.wait()
        pheaders, _ = childutils.eventdata(payload + '\n')
        out.write('%s %s\n' % (headers['eventname'], pheaders['processname']))
        childutils.listener.ok()
`

// The configuration that Debian's package installs, with services in conf.d, is run by
// the package and then, as it is, by ours: both clients show the same of both, and
// the logs go on.
func TestMigration(t *testing.T) {
	t.Parallel()
	needPython(t)
	const packaged = "/etc/supervisor/supervisord.conf"
	need(t, exists(packaged), "Debian's package supervisor")
	s := newBareSite(t)
	s.sock = s.path("supervisor.sock")
	s.ctl = newClient(s.sock)
	conf, err := os.ReadFile(packaged)
	if err != nil {
		t.Fatal(err)
	}
	s.write(strings.NewReplacer("/var/run/", s.dir+"/", "/var/log/supervisor", s.dir, "/etc/supervisor/conf.d", s.path("conf.d")).Replace(string(conf)))
	if err := os.Mkdir(s.path("conf.d"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range services {
		text = strings.ReplaceAll(text, "{dir}", s.dir)
		if err := os.WriteFile(filepath.Join(s.path("conf.d"), name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(s.path("watch.py"), []byte(watcher), 0o644); err != nil {
		t.Fatal(err)
	}

	ours := s.bin
	s.bin = filepath.Dir(debianctl)
	want := s.tour(debianctl)
	s.bin = ours
	if got := s.tour(debianctl); got != want {
		t.Errorf("Debian's supervisorctl shows of ours\n%s\nand of its own\n%s", got, want)
	}
	if got := s.tour(s.supervisorctl()); got != want {
		t.Errorf("our supervisorctl shows of ours\n%s\nwant\n%s", got, want)
	}
	for name, text := range map[string]string{
		"web_0.log": "web 0 of " + s.dir + " at live, 24/7\n", "once.log": "done\n",
		"watch.py.events": strings.Join([]string{"PROCESS_STATE_EXITED once", "PROCESS_STATE_STOPPED manual", "PROCESS_STATE_STOPPED web_00", ""}, "\n"),
	} {
		got := s.read(name)
		if name == "watch.py.events" { // shutdown stops the rest, in an order of its own
			got = strings.Join(slices.DeleteFunc(strings.SplitAfter(got, "\n"), func(line string) bool { return !strings.Contains(text, line) }), "")
		}
		if n := strings.Count(got, text); n < 3 {
			t.Errorf("%s has what one daemon writes %d times, want 3:\n%s", name, n, got)
		}
	}
	// Its two streams are written side by side.
	for _, line := range []string{"queue\n", "trouble\n"} {
		if n := strings.Count(s.read("queue.log"), line); n < 3 {
			t.Errorf("queue.log has %q %d times, want 3", line, n)
		}
	}
}

// tour starts the site's daemon, has a client show and do what clients do, and ends
// it. It gives what the client has shown, without what differs from run to run.
func (s *site) tour(ctl string) string {
	s.t.Helper()
	told := func() int { // of what the client stops
		data, _ := os.ReadFile(s.path("watch.py.events"))
		return strings.Count(string(data), "PROCESS_STATE_STOPPED web_00\n")
	}
	before := told()
	d := s.start()
	d.wait("exited: once (exit status 2; expected)")
	for _, name := range []string{"watch", "web_00", "web_01", "queue"} {
		d.wait("success: " + name + " entered RUNNING")
	}
	var shown strings.Builder
	for _, step := range []string{
		"status", "avail", "start manual missing nope", "status manual site:*", "stop manual site:web_00", "tail -5 once",
		"pid manual", "update", "restart site:queue", "status",
	} {
		out, code := s.run(ctl, append([]string{"-c", s.conf}, strings.Fields(step)...)...)
		shown.WriteString("$ " + step + "\n" + out)
		if code != 0 {
			shown.WriteString("exit code " + string(rune('0'+code)) + "\n")
		}
	}
	// The listener may be slower than the client, and is stopped as well.
	poll(s.t, "the listener has been told", func() bool { return told() > before })
	d.signal(syscall.SIGTERM)
	d.exit(0)
	for pattern, stand := range map[string]string{`pid \d+`: "pid N", `uptime \d:\d\d:\d\d`: "uptime T", `[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M`: "DATE"} {
		text := regexp.MustCompile(pattern).ReplaceAllString(shown.String(), stand)
		shown.Reset()
		shown.WriteString(text)
	}
	return shown.String()
}
