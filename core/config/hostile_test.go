package config

import (
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
)

// Whatever the files say, they are read or refused with a text, for the daemon as
// for supervisorctl; and what was read keeps the rules on which the engine relies.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		"[program:x]\ncommand=/bin/cat %(ENV_EXV)s\nnumprocs=3\nprocess_name=%(program_name)s_%(process_num)02d\nexitcodes=0,2\n",
		"[program:x]\ncommand=c\nenvironment=A=\"1\",B='2'\nstopsignal=RTMIN+1\nstdout_logfile_maxbytes=1MB\numask=022\nuser=nobody\n",
		"[eventlistener:e]\ncommand=c\nevents=TICK_5,PROCESS_STATE\nbuffer_size=3\nresult_handler=a:b\n",
		"[fcgi-program:f]\ncommand=c\nsocket=unix:///tmp/%(program_name)s\nsocket_mode=0700\nsocket_owner=nobody:nogroup\nsocket_backlog=4\n",
		"[fcgi-program:f]\ncommand=c\nsocket=tcp://localhost:9000\n[group:g]\nprograms=f\npriority=-1\n",
		"[include]\nfiles=*.conf %(here)s/[a-z]*\n[group:g]\nprograms=x,y\n",
		"[unix_http_server]\nfile=/tmp/s\nchmod=0700\nchown=nobody:nogroup\nusername=u\npassword={SHA}00\n[inet_http_server]\nport=*:9001\n",
		"[supervisorctl]\nserverurl=http://h:1\nprompt=%(here)s\n[ctlplugin:c]\nsupervisor.ctl_factory=a:b\n",
		"[rpcinterface:r]\nsupervisor.rpcinterface_factory=a:b\nplugin.call_timeout=1.5\n[DEFAULT]\ncommand=d\n",
		"[supervisord]\nminfds=1_000\nlogfile=syslog\nloglevel=trace\nenvironment=A=%(ENV_EXN)s\nstrip_ansi=yes\n",
	} {
		f.Add(text, "[program:y]\ncommand=%(here)s/y\n")
	}
	f.Fuzz(func(t *testing.T, text, included string) {
		// A million processes are no mistake, but take their time.
		if strings.Contains(strings.ToLower(text+included), "numprocs") && len(text)+len(included) > 400 {
			return
		}
		env := testEnvironment(memFiles{"/d/s.conf": minimal + text, "/d/more.conf": included})
		cfg, err := Load("/d/s.conf", env)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%q is refused without a text", text)
			}
		} else {
			checkGroups(t, cfg.Groups)
		}
		if _, err := LoadClient("/d/s.conf", env); err != nil && strings.TrimSpace(err.Error()) == "" {
			t.Errorf("%q is refused without a text by supervisorctl", text)
		}
	})
}

func checkGroups(t *testing.T, groups []*core.GroupSpec) {
	t.Helper()
	for _, g := range groups {
		if g.Listener != nil && (g.Listener.BufferSize < 1 || len(g.Listener.Events) == 0) {
			t.Errorf("pool %q: %+v", g.Name, g.Listener)
		}
		if s := g.FastCGI; s != nil && (s.URL == "" || (s.Path == "") == (s.Host == "")) {
			t.Errorf("socket of %q: %+v", g.Name, s)
		}
		for _, p := range g.Processes {
			if p.StopSignal < 1 || p.StopSignal > 64 || p.Umask != nil && *p.Umask < 0 {
				t.Errorf("%s:%s: signal %d, umask %v", g.Name, p.Name, p.StopSignal, p.Umask)
			}
		}
	}
}
