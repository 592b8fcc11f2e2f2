package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// kind is a sort of program.
type kind struct {
	name    string
	count   int
	script  string // of /bin/sh; $1 is the program's name
	options string // over common
}

const common = "startsecs=0\nautorestart=true\nstopwaitsecs=2\nstdout_logfile_maxbytes=100KB\nstdout_logfile_backups=2\n" +
	"stderr_logfile_maxbytes=100KB\nstderr_logfile_backups=2\n"

// kinds are the programs that misbehave. Those that end at once sleep before, for
// the machine has other things to do.
func kinds() []kind {
	return []kind{
		{name: "quick", count: 10, script: `sleep 0.5`},
		{name: "crash", count: 8, script: `sleep 0.4; echo "crash of $1" >&2; kill -SEGV $$`},
		{name: "fails", count: 4, script: `exit 3`, options: "startsecs=1\nstartretries=2\n"},
		{name: "backs", count: 2, script: `sleep 0.2; exit 1`, options: "startsecs=1\nstartretries=1000\n"},
		{name: "flood", count: 6, script: `yes "$1 says y" | head -c 3000000; yes "$1 says no" | head -c 1000000 >&2; sleep 1`},
		{name: "mixed", count: 2, script: `yes | head -c 2000000; echo over >&2; sleep 1`, options: "redirect_stderr=true\n"},
		{name: "orphans", count: 4, script: `(sleep 3; echo late) & sleep 0.7`},
		{name: "stubborn", count: 4, script: `trap "" TERM INT HUP QUIT USR1 USR2; while :; do sleep 1; done`, options: "stopwaitsecs=1\n"},
		{name: "family", count: 2, script: `trap "" TERM; sleep 60 & sleep 60 & wait`, options: "stopasgroup=true\nkillasgroup=true\nstopwaitsecs=1\n"},
		{name: "reader", count: 4, script: `while read -r line; do echo "$line"; sleep 0.05; done`},
		{name: "deaf", count: 2, script: `exec sleep 30`},
		{name: "captured", count: 3, options: "stdout_capture_maxbytes=64KB\n",
			script: `for i in 1 2 3 4 5; do printf '<!--XSUPERVISOR:BE'; printf 'GIN-->'; yes "$1" | head -c 20000; printf '<!--XSUPERVISOR:END-->'; echo between; sleep 0.3; done`},
		{name: "talkative", count: 2, script: `for i in 1 2 3 4 5 6; do echo "$1 $i"; echo "$1 $i" >&2; sleep 0.2; done`,
			options: "stdout_events_enabled=true\nstderr_events_enabled=true\n"},
		{name: "counted", count: 4, script: countScript, options: countOptions},
		{name: "missing", count: 1, script: ``, options: "command=/nonexistent/program\nstartsecs=1\nstartretries=3\n"},
	}
}

// write makes the configuration file, and the scripts beside it.
func (s *soak) write() error {
	var b strings.Builder
	fmt.Fprintf(&b, "[unix_http_server]\nfile=%[1]s/sock\n[inet_http_server]\nport=%[2]s\n"+
		"[supervisord]\nlogfile=%[1]s/main.log\nlogfile_maxbytes=0\npidfile=%[1]s/pid\nchildlogdir=%[1]s/auto\nnodaemon=true\nsilent=true\nminfds=1024\n"+
		"[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"+
		"[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = twiddler\n"+
		"[group:dynamic]\nprograms=\n", s.dir, s.address)
	for _, k := range kinds() {
		script := filepath.Join(s.dir, k.name+".sh")
		if err := os.WriteFile(script, []byte(k.script+"\n"), 0o600); err != nil {
			return err
		}
		for i := range k.count {
			name := fmt.Sprintf("%s%d", k.name, i)
			s.names = append(s.names, name)
			if k.name == "counted" {
				s.counting = append(s.counting, name)
			}
			fmt.Fprintf(&b, "[program:%s]\ncommand=/bin/sh %s %s\ndirectory=%s\n%s%s", name, script, name, s.dir, common, k.options)
			fmt.Fprintf(&b, "stdout_logfile=%[1]s/%[2]s.out\nstderr_logfile=%[1]s/%[2]s.err\n", s.dir, name)
		}
	}
	// Two that share a log; the others count into logs of their own.
	fmt.Fprintf(&b, "[program:shared]\nnumprocs=2\nprocess_name=shared%%(process_num)d\ncommand=/bin/sh %[1]s/counted.sh shared%%(process_num)d\n"+
		"directory=%[1]s\n%[2]s%[3]sstdout_logfile=%[1]s/shared.out\nstderr_logfile=%[1]s/shared.err\n", s.dir, common, countOptions)
	for i := range 2 {
		name := fmt.Sprintf("pours%d", i)
		s.names, s.counting = append(s.names, name), append(s.counting, name)
		fmt.Fprintf(&b, "[program:%[2]s]\ncommand=%[3]s %[4]s %[2]s\ndirectory=%[1]s\n%[5]sstopwaitsecs=30\nstdout_logfile=%[1]s/%[2]s.out\nstderr_logfile=%[1]s/%[2]s.err\n"+
			"stdout_logfile_maxbytes=1MB\nstdout_logfile_backups=3000\nstderr_logfile_maxbytes=700KB\nstderr_logfile_backups=3000\n",
			s.dir, name, s.exe, roleCounter, common)
	}
	for _, l := range []struct{ name, events string }{
		{"accept", "EVENT"}, {"reject", "PROCESS_STATE,TICK_5"}, {"die", "PROCESS_STATE"}, {"babble", "PROCESS_COMMUNICATION,PROCESS_LOG,REMOTE_COMMUNICATION"},
	} {
		fmt.Fprintf(&b, "[eventlistener:%s]\ncommand=%s %s %s\nevents=%s\nbuffer_size=50\nnumprocs=2\nprocess_name=%%(program_name)s%%(process_num)d\n"+
			"startsecs=0\nautorestart=true\nstopwaitsecs=2\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
			l.name, s.exe, roleListener, l.name, l.events)
		s.pools = append(s.pools, l.name)
	}
	return os.WriteFile(filepath.Join(s.dir, "c.conf"), []byte(b.String()), 0o600)
}
