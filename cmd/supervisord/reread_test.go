package main

import (
	"testing"
)

// A reread names a factory that cannot be had, and changes nothing.
func TestRereadOfAnUnknownFactory(t *testing.T) {
	s := newSite(t)
	const sections = "[unix_http_server]\nfile=@D@/sock\n[supervisorctl]\nserverurl=unix://@D@/sock\n" +
		"[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
	s.configure("", sections)
	d := s.start()
	d.await("supervisord started with pid")
	s.configure("", sections+"[rpcinterface:x]\nsupervisor.rpcinterface_factory=/none\n"+program("p", "", "/bin/true"))
	_, errs, code := s.run("@D@/supervisorctl", "-c", "supervisord.conf", "call", "supervisor.reloadConfig")
	want := "fault 92: CANT_REREAD: /none cannot be resolved within [rpcinterface:x] (file: '" + s.dir + "/supervisord.conf'): " +
		"there is no file /none; give the path of a plugin's executable\n"
	if errs != want || code != 1 {
		t.Errorf("stderr %q, code %d; want %q", errs, code, want)
	}
	d.stop()
}
