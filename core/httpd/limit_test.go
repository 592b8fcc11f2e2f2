package httpd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// pipes is a listener of pipes, whose deadlines go by the time of a bubble.
type pipes struct {
	conns  chan net.Conn
	closed context.Context
	close  context.CancelFunc
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed.Done():
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error   { p.close(); return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

type silent struct{}

func (silent) Log(rpcinterface.LogLevel, string)  {}
func (silent) Enabled(rpcinterface.LogLevel) bool { return false }

// serve runs a test in virtual time, with a server on pipes. Its method is called
// "wait", and takes ten minutes; "big" answers 64 MiB.
func serve(t *testing.T, test func(t *testing.T, dial func() net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		p := pipes{conns: make(chan net.Conn)}
		p.closed, p.close = context.WithCancel(context.Background())
		l := &Listener{socket: p, spec: core.ServerSpec{Unix: true}, crowd: newCrowd("s"), drained: make(chan struct{}, 1), grace: closeGrace}
		l.ctx, l.cancel = context.WithCancel(context.Background())
		l.Serve(&Backend{Logger: silent{}, Call: func(_ context.Context, method string, _ []rpcinterface.Value, _ rpcinterface.Caller) (rpcinterface.Value, error) {
			switch method {
			case "wait":
				time.Sleep(10 * time.Minute)
			case "big":
				return rpcinterface.String(strings.Repeat("x", 64<<20)), nil
			}
			return rpcinterface.Bool(true), nil
		}})
		test(t, func() net.Conn {
			ours, theirs := net.Pipe()
			p.conns <- theirs
			return ours
		})
		l.Close()
	})
}

// send writes bytes one at a time, with a pause after each, until the server has
// enough, and tells how long it took part.
func send(c net.Conn, data string, pause time.Duration) time.Duration {
	began := time.Now()
	for i := range len(data) {
		if _, err := c.Write([]byte{data[i]}); err != nil {
			break
		}
		time.Sleep(pause)
	}
	return time.Since(began)
}

func call(method string, pad int) string {
	body := "<methodCall><methodName>" + method + "</methodName></methodCall>" + strings.Repeat(" ", pad)
	return "POST /RPC2 HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

func receive(t *testing.T, in *bufio.Reader) *http.Response {
	t.Helper()
	r, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestSlowFirstHead(t *testing.T) {
	serve(t, func(t *testing.T, dial func() net.Conn) {
		if took := send(dial(), strings.Repeat("GET / HTTP/1.0\r\nX: y\r\n", 100), time.Second); took.Round(time.Minute) != headerTimeout {
			t.Errorf("the connection was kept for %v, want %v", took, headerTimeout)
		}
	})
}

func TestSlowBody(t *testing.T) {
	serve(t, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		head, body, _ := strings.Cut(call("quick", 1000), "\r\n\r\n")
		began := time.Now()
		var sender sync.WaitGroup
		sender.Go(func() {
			send(c, head+"\r\n\r\n", 0)
			send(c, body, 10*time.Second)
		})
		in := bufio.NewReader(c)
		if r := receive(t, in); r.StatusCode != http.StatusRequestTimeout || !r.Close {
			t.Errorf("%s, close: %t", r.Status, r.Close)
		}
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) || time.Since(began) != bodyTimeout {
			t.Errorf("after %v: %v, want the end after %v", time.Since(began), err, bodyTimeout)
		}
		c.Close()
		sender.Wait()
	})
}

// The limits are over when a request is there: calls may take their time, and
// connections may be idle for as long as they like, also with half a head.
func TestPatience(t *testing.T) {
	serve(t, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		in := bufio.NewReader(c)
		send(c, call("quick", 0), 0)
		receive(t, in)
		for _, method := range []string{"wait", "quick", "wait"} {
			raw := call(method, 0)
			send(c, raw[:20], 0)
			time.Sleep(24 * time.Hour)
			send(c, raw[20:], 0)
			if r := receive(t, in); r.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", method, r.Status)
			}
			time.Sleep(24 * time.Hour)
		}
		c.Close()
	})
}

func TestSlowReader(t *testing.T) {
	serve(t, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		send(c, call("big", 0), 0)
		began := time.Now()
		in := bufio.NewReader(c)
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		for piece := make([]byte, 16<<10); err == nil; time.Sleep(30 * time.Second) {
			var n int
			n, err = r.Body.Read(piece)
			got += int64(n)
		}
		const longest = answerTimeout + 64<<20/answerRate*time.Second
		if took := time.Since(began); took > longest+2*time.Minute || got > 32<<20 {
			t.Errorf("a slow reader was served %d bytes for %v, want %v at most", got, took, longest)
		}
		c.Close()
	})
}

// Who reads slowly, and fast enough, gets all of it, and the next answer too.
func TestSteadyReader(t *testing.T) {
	serve(t, func(t *testing.T, dial func() net.Conn) {
		c := dial()
		send(c, call("big", 0), 0)
		in := bufio.NewReader(c)
		r, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		var got int64
		for piece := make([]byte, 1<<20); err == nil; time.Sleep(2 * time.Minute) {
			var n int
			n, err = io.ReadFull(r.Body, piece)
			got += int64(n)
		}
		if got != r.ContentLength {
			t.Errorf("%d bytes of %d, then %v", got, r.ContentLength, err)
		}
		time.Sleep(24 * time.Hour)
		send(c, call("wait", 0), 0)
		if r := receive(t, in); r.StatusCode != http.StatusOK {
			t.Error(r.Status)
		}
		c.Close()
	})
}
