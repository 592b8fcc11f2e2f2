package main

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	s := newSite(t)
	for _, tc := range []struct {
		argv []string
		out  string // what standard output begins with
		code int
	}{
		{[]string{"@D@/supervisord", "-v"}, "4.4.0\n", 0},
		{[]string{"@D@/supervisorctl", "-h"}, "supervisorctl -- ", 0},
		{[]string{"@D@/pidproxy"}, "pidproxy -- ", 1},
		{[]string{"@D@/echo_supervisord_conf", "ignored"}, "; Sample configuration", 0},
	} {
		out, errs, code := s.run(tc.argv...)
		if !strings.HasPrefix(out, tc.out) || errs != "" || code != tc.code {
			t.Errorf("%q: %q, stderr %q, code %d; want %q and %d", tc.argv, out, errs, code, tc.out, tc.code)
		}
	}
}

// The sample is a configuration that the daemon runs by.
func TestSampleRuns(t *testing.T) {
	s := newSite(t)
	sample, _, _ := s.run("@D@/echo_supervisord_conf")
	s.file("supervisord.conf", strings.ReplaceAll(sample, "=/tmp/", "=@D@/"), 0o644)
	d := s.start()
	d.await("supervisord started with pid")
	d.stop()
}
