package config

import (
	"slices"
	"testing"

	"github.com/plugvisor/plugvisor/core"
)

func TestServerKeys(t *testing.T) {
	const place = " in section 'inet_http_server' (file: '/d/s.conf')"
	for _, tt := range []struct {
		lines string
		want  core.ServerSpec
		err   string
	}{
		{lines: ""},
		{lines: "certfile=%(here)s/c.pem\nkeyfile=k.pem\n", want: core.ServerSpec{CertFile: "/d/c.pem", KeyFile: "/w/k.pem"}},
		{lines: "certfile=/e/both.pem\n", want: core.ServerSpec{CertFile: "/e/both.pem", KeyFile: "/e/both.pem"}},
		{lines: "keyfile=k.pem\n", err: "keyfile is given without certfile" + place},
		{lines: "certfile=\nkeyfile=k.pem\n", err: "certfile names no file" + place},
		{lines: "certfile=c.pem\nkeyfile=\n", err: "keyfile names no file" + place},
		{lines: "metrics_auth=false\nhealthz_auth=off\n", want: core.ServerSpec{OpenMetrics: true, OpenHealthz: true}},
		{lines: "metrics_auth=yes\nhealthz_auth=0\n", want: core.ServerSpec{OpenHealthz: true}},
		{lines: "web_get_actions=false\n", want: core.ServerSpec{RefuseGetActions: true}},
		{lines: "web_get_actions=true\n"},
		{lines: "web_get_actions=never\n", err: "web_get_actions: not a valid boolean value: 'never'" + place},
		{lines: "metrics_auth=maybe\n", err: "metrics_auth: not a valid boolean value: 'maybe'" + place},
		{lines: "healthz_auth=\n", err: "healthz_auth: not a valid boolean value: ''" + place},
	} {
		env := testEnvironment(memFiles{"/d/s.conf": minimal + "[inet_http_server]\nport=127.0.0.1:80\n" + tt.lines})
		env.WorkingDir = "/w"
		cfg, err := Load("/d/s.conf", env)
		if errText(err) != tt.err {
			t.Errorf("%q: %v, want %q", tt.lines, err, tt.err)
		}
		if err != nil || tt.err != "" {
			continue
		}
		tt.want.Section, tt.want.Host, tt.want.Port = "inet_http_server", "127.0.0.1", 80
		tt.want.ChownUID, tt.want.ChownGID = -1, -1
		if len(cfg.Servers) != 1 || cfg.Servers[0] != tt.want {
			t.Errorf("%q: %+v, want %+v", tt.lines, cfg.Servers, tt.want)
		}
	}
}

// A certificate is for inet servers; paths may be open on either kind.
func TestUnixServerKeys(t *testing.T) {
	cfg, err := load(t, minimal+"[unix_http_server]\nfile=/s\ncertfile=/c\nmetrics_auth=false\n")
	if err != nil {
		t.Fatal(err)
	}
	if s := cfg.Servers[0]; s.CertFile != "" || !s.OpenMetrics || s.OpenHealthz {
		t.Errorf("%+v", s)
	}
	const want = `Unknown option "certfile" in section [unix_http_server] of /d/s.conf, ignored`
	if len(cfg.Warnings) != 1 || cfg.Warnings[0] != want {
		t.Errorf("warnings %q, want %q", cfg.Warnings, want)
	}
}

// TestGetActions: [supervisord] speaks for the servers that say nothing.
func TestGetActions(t *testing.T) {
	for _, tt := range []struct {
		supervisord string
		inet, unix  string
		refuse      []bool
	}{
		{refuse: []bool{false, false}},
		{supervisord: "web_get_actions=false\n", refuse: []bool{true, true}},
		{supervisord: "web_get_actions=false\n", unix: "web_get_actions=true\n", refuse: []bool{true, false}},
		{supervisord: "web_get_actions=true\n", inet: "web_get_actions=false\n", refuse: []bool{true, false}},
	} {
		cfg, err := load(t, "[supervisord]\n"+tt.supervisord+"[inet_http_server]\nport=80\n"+tt.inet+"[unix_http_server]\nfile=/s\n"+tt.unix)
		if err != nil {
			t.Fatal(err)
		}
		if got := []bool{cfg.Servers[0].RefuseGetActions, cfg.Servers[1].RefuseGetActions}; !slices.Equal(got, tt.refuse) {
			t.Errorf("%+v: refused by %v", tt, got)
		}
		if len(cfg.Warnings) > 0 {
			t.Errorf("warnings %q", cfg.Warnings)
		}
	}
	if _, err := load(t, "[supervisord]\nweb_get_actions=perhaps\n"); err == nil {
		t.Error("a value that is no boolean was taken")
	}
}
