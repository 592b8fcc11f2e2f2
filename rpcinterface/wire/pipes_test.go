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

// TestPipesThatAreNotTaken are closed, at both ends once the plugin has ended.
func TestPipesThatAreNotTaken(t *testing.T) {
	var p Pipes
	theirs, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	if p.Taken() {
		t.Error("taken by nobody")
	}
	if _, err := theirs[0].Read(make([]byte, 1)); err == nil {
		t.Error("the host's end is open")
	}
	for _, f := range theirs {
		f.Close()
	}
	p.Close()
	if p.Taken() {
		t.Error("taken after the end")
	}
}

// TestPipesThatWereInheritedByNobody: what the variable names must be pipes.
func TestPipesThatWereInheritedByNobody(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for value, want := range map[string]string{
		"":                              "",
		"x":                             "invalid syntax",
		"99999":                         "bad file descriptor",
		fmt.Sprint(null.Fd()):           "is no pipe",
		fmt.Sprint(null.Fd()) + ",9,9,": "is no pipe",
	} {
		t.Setenv(PipesKey, value)
		got, err := inheritPipes()
		if got != nil || (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, %v", value, got, err)
		}
	}
}

// TestPipeConn: what is written arrives, however much it is, and deadlines end what
// waits.
func TestPipeConn(t *testing.T) {
	var p Pipes
	theirs, err := p.Open()
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
