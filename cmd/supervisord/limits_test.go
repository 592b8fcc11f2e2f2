package main

import (
	"strings"
	"testing"
)

// Programs have the descriptors that supervisord was given, or minfds where that
// is more; Go's own limit is not theirs.
func TestDescriptorLimitOfPrograms(t *testing.T) {
	for minfds, want := range map[string]string{"100": "200\n300\n", "200": "200\n300\n", "250": "250\n300\n"} {
		t.Run(minfds, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.configure("minfds="+minfds, program("p", "", `/bin/sh -c "ulimit -Sn; ulimit -Hn"`)+
				program("umasked", "umask=027", `/bin/sh -c "ulimit -Sn; ulimit -Hn"`)+
				program("shim", "directory=/none", "/bin/true"))
			d := s.start("/bin/sh", "-c", `ulimit -Sn 200 && ulimit -Hn 300 && exec "$0" "$@"`)
			for range 3 {
				d.await("exited: ")
			}
			d.stop()
			for _, name := range []string{"p.out", "umasked.out"} {
				if got := s.read(name); got != want {
					t.Errorf("%s: limits %q, want %q", name, got, want)
				}
			}
			if raised := strings.Contains(d.all.String(), "Increased RLIMIT_NOFILE limit to "+minfds+"\n"); raised != (minfds == "250") {
				t.Errorf("raised: %v\n%s", raised, d.all.String())
			}
		})
	}
}

func TestTooFewDescriptors(t *testing.T) {
	s := newSite(t)
	s.configure("minfds=10000000000", "")
	out, errs, code := s.run("@D@/supervisord", "-n", "-c", "supervisord.conf")
	want := `Error: The minimum number of file descriptors required to run this process is 10000000000 as per the "minfds"`
	if code != 2 || out != "" || !strings.HasPrefix(errs, want) {
		t.Errorf("%q, stderr %q, code %d; want %q", out, errs, code, want)
	}
}
