package httpd

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// panics keeps what the log is told of defects.
type panics struct {
	mu    sync.Mutex
	lines []string
}

func (p *panics) Log(level rpcinterface.LogLevel, message string) {
	if level == rpcinterface.LevelCrit || level == rpcinterface.LevelErro && len(message) > 5 && message[:5] == "http:" {
		p.mu.Lock()
		p.lines = append(p.lines, message)
		p.mu.Unlock()
	}
}

func (p *panics) Enabled(rpcinterface.LogLevel) bool { return true }

func (p *panics) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines
}

// Whatever a client sends, the server neither breaks nor keeps the connection once the
// client has gone.
func FuzzRequests(f *testing.F) {
	const body = "<methodCall><methodName>m</methodName></methodCall>"
	for _, seed := range []string{
		"POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 51\r\n\r\n" + body,
		"POST /RPC2 HTTP/1.1\r\nAuthorization: Basic dXM6cHc=\r\nContent-Length: 51\r\n\r\n" + body,
		"POST /RPC2 HTTP/1.0\r\nAuthorization: Basic dXM6cHc=\r\nTransfer-Encoding: chunked\r\n\r\n33\r\n" + body + "\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nAuthorization: Basic dXM6cHc=\r\nContent-Type: text/xml\r\nExpect: 100-continue\r\nContent-Length: 51\r\n\r\n" + body,
		"GET /logtail/p/stdout HTTP/1.0\r\nAuthorization: Basic dXM6cHc=\r\n\r\n\r\nGET",
		"GET /mainlogtail?limit=-1 HTTP/1.1\r\nAuthorization: Basic dXM6cHc=\r\n\r\n",
		"HEAD /metrics HTTP/1.1\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET /%25%41;x?y#z HTTP/1.1\r\nAuthorization: basic dXM6cHc\r\nContent-Length: 1, 1\r\nContent-Length: 2\r\n\r\n",
		"\r\n\r\n GET\t/\r\n: x\r\n y\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	log := &panics{}
	p := pipes{conns: make(chan net.Conn)}
	p.closed, p.close = context.WithCancel(context.Background())
	l := &Listener{socket: p, spec: core.ServerSpec{Username: "us", Password: "pw", OpenMetrics: true}, crowd: newCrowd("s"), drained: make(chan struct{}, 1), grace: closeGrace}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.Serve(&Backend{
		Logger: log,
		Call: func(context.Context, string, []rpcinterface.Value, rpcinterface.Caller) (rpcinterface.Value, error) {
			return rpcinterface.Bool(true), nil
		},
		MainLog:    func() string { return "/dev/null" },
		ProcessLog: func(string, string) (string, bool) { return "/dev/null", true },
		Follow: func(ctx context.Context, _ string, _ int64, write func([]byte) error) error {
			if err := write([]byte("x")); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
		Metrics: http.NotFoundHandler(),
	})
	f.Cleanup(l.Close)
	f.Fuzz(func(t *testing.T, data []byte) {
		ours, theirs := net.Pipe()
		ended := make(chan struct{})
		p.conns <- &watched{Conn: theirs, closed: ended}
		var reader sync.WaitGroup
		reader.Go(func() { _, _ = io.Copy(io.Discard, ours) })
		_ = ours.SetWriteDeadline(time.Now().Add(time.Minute))
		_, _ = ours.Write(data) // the server may have enough before the end
		ours.Close()
		reader.Wait()
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("the server keeps the connection")
		}
		if told := log.all(); len(told) > 0 {
			t.Fatal(told)
		}
	})
}

// watched tells when the server has closed it.
type watched struct {
	net.Conn
	once   sync.Once
	closed chan struct{}
}

func (w *watched) Close() error {
	w.once.Do(func() { close(w.closed) })
	return w.Conn.Close()
}
