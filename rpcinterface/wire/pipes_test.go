package wire

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPipesThatAreNotTaken are closed.
func TestPipesThatAreNotTaken(t *testing.T) {
	var p Pipes
	theirs, _, err := p.Open(3)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := p.Dial(); ok {
		t.Error("taken by nobody")
	}
	if _, err := theirs[0].Read(make([]byte, 1)); err == nil {
		t.Error("the host's end is open")
	}
	for _, f := range theirs {
		f.Close()
	}
	p.Close()
	if _, ok := p.Dial(); ok {
		t.Error("taken after the end")
	}
}

// TestPipesThatWereNotPassedOn: between host and plugin there may be programs that keep
// the environment and not the descriptors, or use those for other files.
func TestPipesThatWereNotPassedOn(t *testing.T) {
	var p Pipes
	theirs, value, err := p.Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var right []string
	for i, name := range strings.Split(value, ",") {
		defer theirs[i].Close()
		_, inode, _ := strings.Cut(name, ":")
		right = append(right, fmt.Sprintf("%d:%s", theirs[i].Fd(), inode))
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	first := strings.Join(right[:3], ",")
	for _, value := range []string{
		"", "x", first, first + ",", first + ",x:1", first + ",99999:1",
		fmt.Sprintf("%s,%d:1", first, null.Fd()),
		fmt.Sprintf("%s,%d:1", first, theirs[3].Fd()), // another pipe
		strings.Join(right, ",") + ",3:1",
	} {
		t.Setenv(PipesKey, value)
		if got, err := inheritPipes(); got != nil || err != nil {
			t.Errorf("%q: %v, %v", value, got, err)
		}
		if _, ok := os.LookupEnv(PipesKey); ok {
			t.Errorf("%q is handed on", value)
		}
	}
	if p.calls.greeted() {
		t.Error("greeted")
	}
}

// TestPipeConn: what is written arrives, however much it is, and deadlines end what
// waits.
func TestPipeConn(t *testing.T) {
	var p Pipes
	theirs, _, err := p.Open(3)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	ours, plugins := p.calls, &pipeConn{theirs[0], theirs[1]}
	defer plugins.Close()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	go func() {
		if n, err := ours.Write(sent); n != len(sent) || err != nil {
			t.Errorf("wrote %d, %v", n, err)
		}
	}()
	var got []byte
	for len(got) < len(sent) {
		b := make([]byte, 100_000)
		n, err := plugins.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, b[:n]...)
	}
	if !slices.Equal(got, sent) {
		t.Error("garbled")
	}
	if err := ours.SetDeadline(time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	if _, err := ours.Write(sent); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("write: %v", err)
	}
}
