package loopback

import (
	"net"
	"testing"
)

// What is found can be listened at, and is another's from one n to the next.
func TestFree(t *testing.T) {
	seen := map[string]bool{}
	for n := range uint32(3) {
		address, err := Free(Host(n))
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		host, _, _ := net.SplitHostPort(address)
		if !net.ParseIP(host).IsLoopback() || seen[host] {
			t.Errorf("%s after %v", host, seen)
		}
		seen[host] = true
	}
	if address, err := Free("192.0.2.1"); err == nil {
		t.Errorf("a free port of another machine: %s", address)
	}
}
