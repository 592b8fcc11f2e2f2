package httpd_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/httpd"
)

const inUse = "Another program is already listening on a port that one of our HTTP servers is configured to use.  Shut this program down first before starting supervisord."

func unixSpec(path string) core.ServerSpec {
	return core.ServerSpec{Section: "unix_http_server", Unix: true, File: path, Mode: 0o700, ChownUID: -1, ChownGID: -1}
}

func mustListen(t *testing.T, spec core.ServerSpec) *httpd.Listener {
	t.Helper()
	l, err := httpd.Listen(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func names(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestListenErrors(t *testing.T) {
	dir := t.TempDir()
	taken := mustListen(t, core.ServerSpec{Host: "127.0.0.1"}).Addr().(*net.TCPAddr).Port
	mustListen(t, unixSpec(filepath.Join(dir, "taken")))
	if err := os.Mkdir(filepath.Join(dir, "directory"), 0o777); err != nil {
		t.Fatal(err)
	}
	const opening = "Cannot open an HTTP server: socket.error reported "
	for _, tt := range []struct {
		name string
		spec core.ServerSpec
		want string
	}{
		{"port in use", core.ServerSpec{Host: "127.0.0.1", Port: taken}, inUse},
		{"socket in use", unixSpec(filepath.Join(dir, "taken")), inUse},
		{"not our address", core.ServerSpec{Host: "192.0.2.1"}, opening + "errno.EADDRNOTAVAIL (99)"},
		{"IPv6", core.ServerSpec{Host: "::1"}, opening + "-9"},
		{"no directory", unixSpec(filepath.Join(dir, "nope", "s")), opening + "errno.ENOENT (2)"},
		{"path too long", unixSpec(filepath.Join(dir, strings.Repeat("x", 200))), opening + "AF_UNIX path too long"},
		{"directory", unixSpec(filepath.Join(dir, "directory")), opening + "errno.EISDIR (21)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := httpd.Listen(tt.spec)
			if err == nil {
				l.Close()
			}
			var known *httpd.ListenError
			if !errors.As(err, &known) || err.Error() != tt.want {
				t.Errorf("Listen: %v, want %s", err, tt.want)
			}
		})
	}
	if got := names(t, dir); got != "directory taken" {
		t.Errorf("left behind: %s", got)
	}
}

func TestUnixSocketMode(t *testing.T) {
	dir := t.TempDir()
	spec := unixSpec(filepath.Join(dir, "s"))
	spec.Mode = 0o707
	l := mustListen(t, spec)
	info, err := os.Stat(spec.File)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != os.ModeSocket|0o707 {
		t.Errorf("mode is %v", info.Mode())
	}
	l.Close()
	if got := names(t, dir); got != "" {
		t.Errorf("left behind: %s", got)
	}
}

func TestUnixSocketOwner(t *testing.T) {
	spec := unixSpec(filepath.Join(t.TempDir(), "s"))
	spec.ChownUID, spec.ChownGID = 12345, 23456
	l, err := httpd.Listen(spec)
	if os.Geteuid() != 0 {
		want := fmt.Sprintf("Not permitted to chown %s to uid/gid (12345, 23456); adjust \"sockchown\" value", spec.File)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("Listen: %v, want %s…", err, want)
		}
		if _, err := os.Lstat(spec.File); err == nil {
			t.Error("the socket is left behind")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	info, err := os.Stat(spec.File)
	if err != nil {
		t.Fatal(err)
	}
	if owner := info.Sys().(*syscall.Stat_t); owner.Uid != 12345 || owner.Gid != 23456 {
		t.Errorf("owner is %d:%d", owner.Uid, owner.Gid)
	}
}

// What stands at the path and is no live server's gives way.
func TestUnixSocketIsTakenOver(t *testing.T) {
	for name, prepare := range map[string]func(path string) error{
		"a dead server's socket": func(path string) error {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err != nil {
				return err
			}
			l.SetUnlinkOnClose(false)
			return l.Close()
		},
		"a file":                func(path string) error { return os.WriteFile(path, nil, 0o666) },
		"a dangling link":       func(path string) error { return os.Symlink(path+".nowhere", path) },
		"a dead daemon's start": func(path string) error { return os.WriteFile(fmt.Sprintf("%s.%d", path, os.Getpid()), nil, 0o666) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "s")
			if err := prepare(path); err != nil {
				t.Fatal(err)
			}
			mustListen(t, unixSpec(path))
			c, err := net.Dial("unix", path)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			if got := names(t, dir); got != "s" {
				t.Errorf("left behind: %s", got)
			}
		})
	}
}

func TestCloseLeavesAnotherDaemonsSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	first := mustListen(t, unixSpec(path))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	mustListen(t, unixSpec(path))
	first.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the second server's socket is gone: %v", err)
	}
	c.Close()
}

func TestTCPListensOnAllAddressesOfIPv4(t *testing.T) {
	l := mustListen(t, core.ServerSpec{})
	address := l.Addr().(*net.TCPAddr)
	if !address.IP.Equal(net.IPv4zero) {
		t.Errorf("listens on %v", address)
	}
	named := mustListen(t, core.ServerSpec{Host: "localhost"})
	if ip := named.Addr().(*net.TCPAddr).IP; !ip.Equal(net.IPv4(127, 0, 0, 1)) {
		t.Errorf("localhost is %v", ip)
	}
}
