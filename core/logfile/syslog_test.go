package logfile

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// syslogd is a socket that messages are sent to.
func syslogd(t *testing.T) (address string, next func() string) {
	t.Helper()
	address = filepath.Join(t.TempDir(), "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: address, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return address, func() string {
		if err := conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestSyslog(t *testing.T) {
	address, next := syslogd(t)
	s := &Syslog{prefix: "cat ", network: "unixgram", address: address}
	defer s.Close()
	for _, text := range []string{"one\ntwo\n\n", "\n", "a\n\nb"} {
		if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
	}
	for _, want := range []string{"cat one", "cat two", "cat ", "cat a", "cat ", "cat b"} {
		got := next()
		head, text, found := strings.Cut(got, "]: ")
		if !found || text != want+"\n" || !strings.HasPrefix(head, "<14>") || !strings.Contains(head, " supervisord[") {
			t.Errorf("message %q, want %q of supervisord at <14>", got, want)
		}
	}
}

func TestSyslogThatIsMissingIsHarmless(t *testing.T) {
	address := filepath.Join(t.TempDir(), "none")
	s := &Syslog{network: "unixgram", address: address}
	for range 2 {
		if n, err := s.Write([]byte("a\nb\n")); n != 4 || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}
