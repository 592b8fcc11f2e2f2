package daemon

import (
	"errors"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
)

// someFiles are files of which only the existence counts.
type someFiles map[string]bool

func (f someFiles) Exists(path string) bool     { return f[path] }
func (someFiles) IsDir(string) bool             { return false }
func (someFiles) Read(string) ([]byte, error)   { return nil, errors.ErrUnsupported }
func (someFiles) List(string) ([]string, error) { return nil, errors.ErrUnsupported }

func TestSearch(t *testing.T) {
	const all = "/opt/etc/supervisord.conf, /opt/supervisord.conf, supervisord.conf, etc/supervisord.conf, /etc/supervisord.conf, /etc/supervisor/supervisord.conf"
	there := someFiles{}
	places := strings.Split(all, ", ")
	for i := len(places) - 1; i >= 0; i-- {
		there[places[i]] = true // and those that come later
		p := Program{Args: []string{"/opt/bin/supervisord"}}
		got, err := p.search(&config.Environment{UID: 1000, Files: there})
		if err != nil || got != places[i] {
			t.Errorf("found %q, %v; want %q", got, err, places[i])
		}
	}
	var stderr strings.Builder
	p := Program{Args: []string{"/opt/bin/supervisord"}, Stderr: &stderr}
	_, err := p.search(&config.Environment{Files: someFiles{}})
	want := "No config file found at default paths (" + all + "); use the -c option to specify a config file at a different path"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if !strings.HasPrefix(stderr.String(), "UserWarning: ") || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("root is not warned: %q", stderr.String())
	}
}

// A file that is named is not searched for, whatever its name.
func TestEmptyNameOfFile(t *testing.T) {
	_, stderr, code := leaves(t, "-c", "")
	if want := "Error: could not find config file \nFor help, use /bin/supervisord -h\n"; stderr != want || code != 2 {
		t.Errorf("exit code %d, stderr %q, want %q", code, stderr, want)
	}
}

func TestServerURL(t *testing.T) {
	unix := func(file string) core.ServerSpec { return core.ServerSpec{Unix: true, File: file} }
	inet := func(host string, port int) core.ServerSpec { return core.ServerSpec{Host: host, Port: port} }
	for _, tc := range []struct {
		servers []core.ServerSpec
		want    string
	}{
		{nil, ""},
		{[]core.ServerSpec{inet("", 1)}, "http://localhost:1"},
		{[]core.ServerSpec{inet("h", 1), inet("127.0.0.1", 2)}, "http://127.0.0.1:2"},
		{[]core.ServerSpec{{Host: "h", Port: 1, CertFile: "/c", KeyFile: "/k"}}, "https://h:1"},
		{[]core.ServerSpec{inet("h", 1), unix("/a"), unix("/b")}, "unix:///a"},
	} {
		if got := serverURL(tc.servers); got != tc.want {
			t.Errorf("%v: %q, want %q", tc.servers, got, tc.want)
		}
	}
}
