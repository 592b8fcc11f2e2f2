package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/httpd"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	patience = 20 * time.Second

	getVersion = "<?xml version='1.0'?>\n<methodCall>\n<methodName>test.getVersion</methodName>\n<params>\n</params>\n</methodCall>\n"
	version    = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n<value><string>3.0é</string></value>\n</param>\n</params>\n</methodResponse>\n"
)

// call is a request's body for a method without parameters.
func call(method string) string {
	return "<methodCall><methodName>" + method + "</methodName></methodCall>"
}

// post is a request that makes a call.
func post(body string, fields ...string) string {
	return request("POST /RPC2 HTTP/1.1", body, fields...)
}

func request(line, body string, fields ...string) string {
	fields = append([]string{line, "Host: x"}, fields...)
	if body != "" {
		fields = append(fields, "Content-Length: "+strconv.Itoa(len(body)))
	}
	return strings.Join(fields, "\r\n") + "\r\n\r\n" + body
}

// memoryLog keeps the lines of a log.
type memoryLog struct {
	mu    sync.Mutex
	lines []string
}

func (l *memoryLog) Log(level rpcinterface.LogLevel, message string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, level.String()+" "+message)
}

func (l *memoryLog) Enabled(rpcinterface.LogLevel) bool { return true }

func (l *memoryLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.lines...)
}

// server is a listener with methods to test with.
type server struct {
	*httpd.Listener
	log     *memoryLog
	dir     string
	waiting chan string   // told when test.wait has begun and ended
	tails   chan string   // told when a tail has begun and ended
	release chan struct{} // lets test.slow answer
}

func def(name string, f func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error)) namespace.Def {
	return namespace.Def{Name: name, Max: 99, Func: f}
}

func (s *server) methods() rpcinterface.Namespace {
	return namespace.NewTable([]namespace.Def{
		def("getVersion", func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
			return rpcinterface.String("3.0é"), nil
		}),
		def("echo", func(_ context.Context, c *rpcinterface.Call) (rpcinterface.Value, error) {
			return rpcinterface.Array(c.Params), nil
		}),
		def("caller", func(_ context.Context, c *rpcinterface.Call) (rpcinterface.Value, error) {
			host, _, _ := net.SplitHostPort(c.Caller.Peer)
			return rpcinterface.String(fmt.Sprintf("%s@%s via %s", c.Caller.User, host, c.Caller.Server)), nil
		}),
		def("refuses", func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
			return nil, rpcinterface.NewFault(rpcinterface.CodeBadName, "x")
		}),
		def("big", func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
			return rpcinterface.Struct{{Name: "maxbytes", Value: rpcinterface.Int(1 << 40)}}, nil
		}),
		def("panics", func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) { panic("a defect") }),
		def("wait", func(ctx context.Context, _ *rpcinterface.Call) (rpcinterface.Value, error) {
			s.waiting <- "begun"
			<-ctx.Done()
			s.waiting <- "ended"
			return nil, rpcinterface.NewFault(rpcinterface.CodeShutdownState)
		}),
		def("abandoned", func(ctx context.Context, _ *rpcinterface.Call) (rpcinterface.Value, error) {
			s.waiting <- "begun"
			<-core.ClientOf(ctx).Done()
			s.waiting <- fmt.Sprint("the client has left, the call: ", ctx.Err())
			return rpcinterface.Bool(true), nil
		}),
		def("slow", func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
			s.waiting <- "begun"
			<-s.release
			return rpcinterface.Bool(true), nil
		}),
	})
}

// start serves on a socket of a temporary directory, or on a free port of TCP.
func start(t testing.TB, spec core.ServerSpec, handler http.Handler) *server {
	t.Helper()
	s := &server{log: &memoryLog{}, waiting: make(chan string, 8), tails: make(chan string, 8), release: make(chan struct{})}
	s.dir = t.TempDir()
	if spec.Unix {
		spec.File, spec.Mode, spec.ChownUID, spec.ChownGID = filepath.Join(s.dir, "s"), 0o700, -1, -1
	} else {
		spec.Host = "127.0.0.1"
	}
	var err error
	if s.Listener, err = httpd.Listen(spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	registry := namespace.New(func() rpcinterface.SupervisorState { return rpcinterface.SupervisorRunning })
	registry.Set("test", s.methods())
	s.Serve(&httpd.Backend{
		Call: registry.Call, Logger: s.log, Handler: handler, Metrics: says("metrics"), Healthz: says("healthz"),
		MainLog: func() string { return filepath.Join(s.dir, "main.log") },
		ProcessLog: func(name, channel string) (string, bool) {
			return filepath.Join(s.dir, name+"."+channel), name != "unknown"
		},
		Follow: func(ctx context.Context, path string, head int64, write func([]byte) error) error {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			s.tails <- "begun"
			defer func() { s.tails <- "ended" }()
			if err := write(data[max(0, len(data)-int(head)):]); err != nil {
				return err
			}
			<-ctx.Done()
			return ctx.Err()
		},
	})
	return s
}

// says is a handler that answers a word.
func says(word string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, word) })
}

func startUnix(t testing.TB) *server {
	return start(t, core.ServerSpec{Section: "unix_http_server", Unix: true}, nil)
}

func startTCP(t testing.TB, user, password string) *server {
	return start(t, core.ServerSpec{Section: "inet_http_server", Username: user, Password: password}, nil)
}

// client is a connection to a server.
type client struct {
	t testing.TB
	net.Conn
	in *bufio.Reader
}

func (s *server) dial(t testing.TB) *client {
	t.Helper()
	nc, err := net.Dial(s.Addr().Network(), s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &client{t, nc, bufio.NewReader(nc)}
}

func (c *client) send(raw string) {
	c.t.Helper()
	if _, err := io.WriteString(c, raw); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads one response with its body.
func (c *client) receive(method string) (*http.Response, string) {
	c.t.Helper()
	r, err := http.ReadResponse(c.in, &http.Request{Method: method})
	if err != nil {
		c.t.Fatalf("cannot read the response: %v", err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Fatalf("cannot read the response's body: %v", err)
	}
	return r, string(body)
}

// closed says whether the server has closed the connection; otherwise it waits.
func (c *client) closed() bool {
	_, err := c.in.ReadByte()
	return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
}

// ask sends one request on a connection of its own.
func (s *server) ask(t testing.TB, raw string) (*http.Response, string) {
	t.Helper()
	c := s.dial(t)
	defer c.Close()
	_, _ = io.WriteString(c, raw) // the server may have enough before the end
	method, _, _ := strings.Cut(strings.TrimLeft(raw, "\r\n"), " ")
	return c.receive(method)
}

func expect(t testing.TB, told <-chan string, want string) {
	t.Helper()
	select {
	case got := <-told:
		if got != want {
			t.Fatalf("told %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("never told %q", want)
	}
}

// The statuses are the reference's, but for those of its that traps are made of:
// where it closes, hangs or answers 500, these are the decided ones.
func TestStatuses(t *testing.T) {
	s := startUnix(t)
	chunks := func(body string) string {
		return "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	for _, tt := range []struct {
		name, raw string
		want      int
	}{
		{"call", post(getVersion), 200},
		{"fault", post(call("nope")), 200},
		{"other content type", post(getVersion, "Content-Type: application/json"), 200},
		{"path below", request("POST /RPC2/x?y=z HTTP/1.1", getVersion), 200},
		{"path that goes on", request("POST /RPC2xyz HTTP/1.1", getVersion), 200},
		{"escaped path", request("POST /%52PC2 HTTP/1.1", getVersion), 200},
		{"other path", request("POST //RPC2 HTTP/1.1", getVersion), 400},
		{"other path, said to be XML", request("POST /whatever HTTP/1.1", getVersion, "Content-Type: text/xml"), 200},
		{"lower-case path", request("POST /rpc2 HTTP/1.1", getVersion), 400},
		{"no Host", "POST /RPC2 HTTP/1.1\r\nContent-Length: " + strconv.Itoa(len(getVersion)) + "\r\n\r\n" + getVersion, 200},
		{"no Host, no field at all", "GET /nosuch HTTP/1.1\r\n\r\n", 404},
		{"blank lines first", "\r\n\r\n" + post(getVersion), 200},
		{"lines that end with newlines", strings.ReplaceAll(post(getVersion), "\r\n", "\n"), 200},
		{"no blank in a field", strings.ReplaceAll(post(getVersion), ": ", ":"), 200},
		{"fields in lower case", strings.Replace(post(getVersion), "Content-Length", "content-length", 1), 200},
		{"HTTP/1.0", request("POST /RPC2 HTTP/1.0", getVersion), 200},
		{"chunked", chunks(getVersion), 200},
		{"chunked, no Host", strings.Replace(chunks(getVersion), "Host: x\r\n", "", 1), 200},
		{"chunked, no XML", chunks("hello"), 400},
		{"broken chunks", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
		{"no length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\n\r\n", 411},
		{"no length, HTTP/1.0", "POST /RPC2 HTTP/1.0\r\n\r\n", 411},
		{"length 0", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 400},
		{"bad length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n", 400},
		{"negative length", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400},
		{"too long, not sent", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 8388609\r\n\r\n", 413},
		{"far too long, not sent", "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000000000000\r\n\r\n", 413},
		{"no XML", post("xyz"), 400},
		{"no method", post("<a/>"), 400},
		{"not UTF-8", post("<a><methodName>\xff</methodName></a>"), 400},
		{"GET", request("GET /RPC2 HTTP/1.1", ""), 400},
		{"HEAD", request("HEAD /RPC2 HTTP/1.1", ""), 400},
		{"PUT", request("PUT /RPC2 HTTP/1.1", getVersion), 400},
		{"post", request("post /RPC2 HTTP/1.1", getVersion), 400},
		{"unknown path", request("GET /nosuch HTTP/1.1", ""), 404},
		{"unknown path, HEAD", request("HEAD /nosuch HTTP/1.1", ""), 404},
		{"unknown path, POST", request("POST /nosuch HTTP/1.1", "x"), 400},
		{"unknown path, unknown method", request("FOO / HTTP/1.1", ""), 400},
		{"OPTIONS", request("OPTIONS * HTTP/1.1", ""), 400},
		{"no request", "junk\r\n\r\n", 400},
		{"blank in the path", "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
		{"bare logtail", request("GET /logtail HTTP/1.1", ""), 404},
		{"logtail of nothing", request("GET /logtail/ HTTP/1.1", ""), 404},
		{"logtail of an unknown process", request("GET /logtail/unknown HTTP/1.1", ""), 404},
		{"logtail of a process without a log", request("GET /logtail/p HTTP/1.1", ""), 404},
		{"logtail of an unknown channel", request("GET /logtail/p/stdin HTTP/1.1", ""), 404},
		{"logtail of an empty channel", request("GET /logtail/p/ HTTP/1.1", ""), 404},
		{"logtail, POST", request("POST /logtail/p HTTP/1.1", "x"), 400},
		{"logtail, HEAD", request("HEAD /logtail/p HTTP/1.1", ""), 400},
		{"no main log", request("GET /mainlogtail HTTP/1.1", ""), 404},
		{"main log, HEAD", request("HEAD /mainlogtail HTTP/1.1", ""), 400},
		{"head too long", "GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 80<<10) + "\r\n\r\n", 431},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if r, body := s.ask(t, tt.raw); r.StatusCode != tt.want {
				t.Errorf("status %d, want %d: %s", r.StatusCode, tt.want, body)
			}
		})
	}
}

func TestResponses(t *testing.T) {
	s := startTCP(t, "us", "pw")
	const good = "Authorization: Basic dXM6cHc="
	page := func(code int, message string) string {
		return fmt.Sprintf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n", code, message)
	}
	for _, tt := range []struct {
		name, raw, status, fields, body string
	}{
		{"call", post(getVersion, good), "200 OK", "Content-Type: text/xml", version},
		{"fault", post(call("test.refuses"), good), "200 OK", "Content-Type: text/xml",
			"<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n" +
				"<member>\n<name>faultString</name>\n<value><string>BAD_NAME: x</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n"},
		{"not found", request("GET /nosuch HTTP/1.1", "", good), "404 Not Found", "Content-Type: text/html", page(404, "Not Found")},
		{"bad", request("GET /RPC2 HTTP/1.1", "", good), "400 Bad Request", "Content-Type: text/html", page(400, "Bad Request")},
		{"unauthorized", post(getVersion), "401 Unauthorized", `Content-Type: text/html, Www-Authenticate: Basic realm="default"`, page(401, "Unauthorized")},
		{"too large", request("POST /RPC2 HTTP/1.1", "", good, "Content-Length: 8388609"), "413 Request Entity Too Large", "Content-Type: text/html", page(413, "Request Entity Too Large")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, body := s.ask(t, tt.raw)
			if r.Status != tt.status || body != tt.body {
				t.Errorf("%s\n%s\nwant %s\n%s", r.Status, body, tt.status, tt.body)
			}
			if r.ContentLength != int64(len(tt.body)) || r.Header.Get("Date") == "" || r.Header.Get("Server") != "Medusa/1.12" {
				t.Errorf("header %v", r.Header)
			}
			for field := range strings.SplitSeq(tt.fields, ", ") {
				if name, value, _ := strings.Cut(field, ": "); r.Header.Get(name) != value {
					t.Errorf("%s is %q, want %q", name, r.Header.Get(name), value)
				}
			}
		})
	}
}

// Connections are kept and closed as each version of HTTP has it.
func TestConnections(t *testing.T) {
	for _, tt := range []struct {
		name, raw  string
		connection string
		close      bool
	}{
		{"HTTP/1.1", post(getVersion), "", false},
		{"HTTP/1.1, after an error", post("xyz"), "", false},
		{"HTTP/1.1, to be closed", post(getVersion, "Connection: close"), "", true},
		{"HTTP/1.0", request("POST /RPC2 HTTP/1.0", getVersion), "", true},
		{"HTTP/1.0, to be kept", request("POST /RPC2 HTTP/1.0", getVersion, "Connection: Keep-Alive"), "keep-alive", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := startUnix(t).dial(t)
			c.send(tt.raw)
			r, _ := c.receive("POST")
			if got := strings.ToLower(r.Header.Get("Connection")); got != tt.connection || r.Close != tt.close || r.Proto != tt.raw[len("POST /RPC2 "):][:8] {
				t.Errorf("%s, Connection: %s, want %s", r.Proto, got, tt.connection)
			}
			if tt.close {
				if !c.closed() {
					t.Error("the connection was kept")
				}
				return
			}
			c.send(post(getVersion))
			if r, body := c.receive("POST"); r.StatusCode != 200 || body != version {
				t.Errorf("the next call on the connection: %s", r.Status)
			}
		})
	}
}

func TestConnectionIsClosedAfterARefusedLogin(t *testing.T) {
	c := startTCP(t, "us", "pw").dial(t)
	c.send(post(getVersion))
	if r, _ := c.receive("POST"); r.StatusCode != 401 || !r.Close || !c.closed() {
		t.Errorf("%s, closed: %t", r.Status, r.Close)
	}
}

func TestPipelinedRequests(t *testing.T) {
	c := startUnix(t).dial(t)
	bare := strings.Replace(post(getVersion), "Host: x\r\n", "", 1)
	c.send(bare + "\r\n" + bare + request("GET /nosuch HTTP/1.1", "") + bare)
	for i, want := range []int{200, 200, 404, 200} {
		if r, _ := c.receive("POST"); r.StatusCode != want {
			t.Errorf("answer %d is %s, want %d", i, r.Status, want)
		}
	}
}

func TestRequestInPieces(t *testing.T) {
	c := startUnix(t).dial(t)
	raw := strings.Replace(post(getVersion), "Host: x\r\n", "", 1)
	for i := range len(raw) {
		c.send(raw[i : i+1])
	}
	if r, body := c.receive("POST"); r.StatusCode != 200 || body != version {
		t.Errorf("%s %s", r.Status, body)
	}
}

func TestExpectContinue(t *testing.T) {
	c := startUnix(t).dial(t)
	raw := post(getVersion, "Expect: 100-continue")
	head := raw[:len(raw)-len(getVersion)]
	c.send(head)
	if r, err := http.ReadResponse(c.in, nil); err != nil || r.StatusCode != 100 {
		t.Fatalf("%v, %v, want 100", r, err)
	}
	c.send(getVersion)
	if r, _ := c.receive("POST"); r.StatusCode != 200 {
		t.Errorf("%s", r.Status)
	}
}

// A body that turns out too large is not read to its end.
func TestLargeBodies(t *testing.T) {
	s := startUnix(t)
	doc := func(size int) string {
		return "<methodCall><methodName>test.getVersion</methodName><params><param><value>" + strings.Repeat("x", size) + "</value></param></params></methodCall>"
	}
	if r, _ := s.ask(t, post(doc(5<<20))); r.StatusCode != 200 {
		t.Errorf("5 MiB: %s", r.Status)
	}
	c := s.dial(t)
	go func() {
		io.WriteString(c, "POST /RPC2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		chunk := fmt.Sprintf("%x\r\n%s\r\n", 1<<20, strings.Repeat("x", 1<<20))
		for {
			if _, err := io.WriteString(c, chunk); err != nil {
				return
			}
		}
	}()
	if r, err := http.ReadResponse(c.in, nil); err != nil || r.StatusCode != 413 {
		t.Errorf("endless chunks: %v, %v", r, err)
	}
}

// A call that waits holds nobody else up, and is answered when it is done.
func TestCallThatWaits(t *testing.T) {
	s := startUnix(t)
	waiting := s.dial(t)
	waiting.send(post(call("test.slow")))
	expect(t, s.waiting, "begun")
	for range 3 {
		if r, body := s.ask(t, post(getVersion)); r.StatusCode != 200 || body != version {
			t.Errorf("meanwhile: %s %s", r.Status, body)
		}
	}
	close(s.release)
	if r, body := waiting.receive("POST"); r.StatusCode != 200 || !strings.Contains(body, "<boolean>1</boolean>") {
		t.Errorf("%s %s", r.Status, body)
	}
}

func TestClientThatClosesItsHalf(t *testing.T) {
	c := startUnix(t).dial(t)
	c.send(post(getVersion))
	if err := c.Conn.(*net.UnixConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if r, body := c.receive("POST"); r.StatusCode != 200 || body != version {
		t.Errorf("%s %s", r.Status, body)
	}
}

// A method can know that its client has left; its call goes on.
func TestClientThatLeaves(t *testing.T) {
	for name, s := range map[string]*server{"unix": startUnix(t), "TCP": startTCP(t, "", "")} {
		t.Run(name, func(t *testing.T) {
			c := s.dial(t)
			c.send(post(call("test.abandoned")))
			expect(t, s.waiting, "begun")
			c.Close()
			expect(t, s.waiting, "the client has left, the call: <nil>")
		})
	}
}

func TestCallers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server *server
		want   string
	}{
		{"unix", startUnix(t), "@ via unix_http_server"},
		{"TCP", startTCP(t, "", ""), "@127.0.0.1 via inet_http_server"},
		{"user", startTCP(t, "us", "pw"), "us@127.0.0.1 via inet_http_server"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, body := tt.server.ask(t, post(call("test.caller"), "Authorization: Basic dXM6cHc=")); !strings.Contains(body, "<string>"+tt.want+"</string>") {
				t.Errorf("caller in %s, want %s", body, tt.want)
			}
		})
	}
}

func TestOtherPathsGoToTheHandler(t *testing.T) {
	s := start(t, core.ServerSpec{Section: "inet_http_server", Username: "us", Password: "pw"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "page %s %s", r.Method, r.URL.Path)
	}))
	const good = "Authorization: Basic dXM6cHc="
	if r, body := s.ask(t, request("POST /index.html HTTP/1.1", "x", good)); r.StatusCode != 200 || body != "page POST /index.html" {
		t.Errorf("%s %s", r.Status, body)
	}
	if r, _ := s.ask(t, request("GET / HTTP/1.1", "")); r.StatusCode != 401 {
		t.Errorf("without a login: %s", r.Status)
	}
	if r, body := s.ask(t, post(getVersion, good)); r.StatusCode != 200 || body != version {
		t.Errorf("a call: %s %s", r.Status, body)
	}
}

// /metrics and /healthz stand behind the login, unless the configuration opens them.
func TestOpenPaths(t *testing.T) {
	for _, tt := range []struct {
		metrics, healthz bool
		want             string
	}{
		{false, false, "401 401 401"},
		{true, false, "200 401 401"},
		{false, true, "401 200 401"},
		{true, true, "200 200 401"},
	} {
		s := start(t, core.ServerSpec{Section: "inet_http_server", Username: "us", Password: "pw", OpenMetrics: tt.metrics, OpenHealthz: tt.healthz}, nil)
		var got []string
		for _, path := range []string{"/metrics", "/healthz", "/metrics/"} {
			r, body := s.ask(t, request("GET "+path+" HTTP/1.1", ""))
			if r.StatusCode == 200 && "/"+body != path {
				t.Errorf("%s answered %q", path, body)
			}
			got = append(got, strconv.Itoa(r.StatusCode))
			if r, _ := s.ask(t, request("GET "+path+" HTTP/1.1", "", "Authorization: Basic dXM6cHc=")); r.StatusCode != 200 && path != "/metrics/" {
				t.Errorf("%s with a login: %s", path, r.Status)
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

func TestLog(t *testing.T) {
	s := startUnix(t)
	for _, body := range []string{getVersion, call("test.refuses"), call("test.big"), "xy'", "<a>\né</a>", "\xff", "x" + strings.Repeat("é", 5000)} {
		s.ask(t, post(body))
	}
	s.ask(t, request("GET /nosuch?error HTTP/1.0", ""))
	access := func(request string, status, bytes int) string {
		return fmt.Sprintf("TRAC localhost:0 - - [TIME] %q %d %d", request, status, bytes)
	}
	want := []string{
		"TRAC XML-RPC method called: test.getVersion()",
		"TRAC XML-RPC method test.getVersion() returned successfully",
		access("POST /RPC2 HTTP/1.1", 200, 131),
		"TRAC XML-RPC method called: test.refuses()",
		"TRAC XML-RPC method test.refuses() returned fault: [10] BAD_NAME: x",
		access("POST /RPC2 HTTP/1.1", 200, 267),
		"TRAC XML-RPC method called: test.big()",
		"TRAC XML-RPC method test.big() returned successfully",
		access("POST /RPC2 HTTP/1.1", 200, 309),
		`ERRO XML-RPC request data "xy'" is invalid: unmarshallable`,
		access("POST /RPC2 HTTP/1.1", 400, 136),
		`ERRO XML-RPC request data '<a>\né</a>' is invalid: no method name`,
		access("POST /RPC2 HTTP/1.1", 400, 136),
		`ERRO XML-RPC request data b'\xff' is invalid: unmarshallable`,
		access("POST /RPC2 HTTP/1.1", 400, 136),
		"ERRO XML-RPC request data 'x" + strings.Repeat("é", 2047) + "'... is invalid: unmarshallable",
		access("POST /RPC2 HTTP/1.1", 400, 136),
		access("GET /nosuch?error HTTP/1.0", 404, 134),
	}
	time := regexp.MustCompile(`\[\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]`)
	got := time.ReplaceAllString(strings.Join(s.log.all(), "\n"), "[TIME]")
	if got != strings.Join(want, "\n") {
		t.Errorf("log:\n%.3000s\nwant:\n%.3000s", got, strings.Join(want, "\n"))
	}
}

func TestIntegersBeyond32BitsAreAFault(t *testing.T) {
	if _, body := startUnix(t).ask(t, post(call("test.big"))); !strings.Contains(body, `FAILED: value of "maxbytes" does not fit into 32 bits`) || !strings.Contains(body, "<fault>") {
		t.Errorf("answer: %s", body)
	}
}

func TestPanicOfAMethod(t *testing.T) {
	s := startUnix(t)
	c := s.dial(t)
	c.send(post(call("test.panics")))
	if r, _ := c.receive("POST"); r.StatusCode != 500 {
		t.Errorf("%s", r.Status)
	}
	if told := strings.Join(s.log.all(), "\n"); !strings.Contains(told, "\nCRIT Handling XML-RPC request with data ") || !strings.Contains(told, "a defect") {
		t.Errorf("log: %s", told)
	}
	c.send(post(getVersion))
	if r, _ := c.receive("POST"); r.StatusCode != 200 {
		t.Errorf("the next call: %s", r.Status)
	}
}

func TestCloseAnswersCallsThatWait(t *testing.T) {
	s := startUnix(t)
	s.SetGrace(patience)
	waiting, idle := s.dial(t), s.dial(t)
	idle.send(post(getVersion))
	idle.receive("POST")
	fresh := s.dial(t)
	waiting.send(post(call("test.wait")))
	expect(t, s.waiting, "begun")
	s.Close()
	expect(t, s.waiting, "ended")
	if _, body := waiting.receive("POST"); !strings.Contains(body, "SHUTDOWN_STATE") {
		t.Errorf("the call was answered with %s", body)
	}
	if !waiting.closed() || !idle.closed() || !fresh.closed() {
		t.Error("connections were left open")
	}
	s.Close()
}

func TestCloseCutsOffCallsThatDoNotEnd(t *testing.T) {
	s := startUnix(t)
	defer close(s.release)
	c := s.dial(t)
	c.send(post(call("test.slow")))
	expect(t, s.waiting, "begun")
	s.Close()
	if !c.closed() {
		t.Error("the connection was left open")
	}
}

func TestCloseBeforeServe(t *testing.T) {
	l, err := httpd.Listen(core.ServerSpec{Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	// The port may be another program's when it is free: who waits at it is told.
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(patience))
	l.Close()
	l.Serve(&httpd.Backend{})
	if c := (&client{t, nc, bufio.NewReader(nc)}); !c.closed() {
		t.Error("the port is still open")
	}
}

func BenchmarkCall(b *testing.B) {
	bare := func(b *testing.B) net.Addr {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		answer := []byte(version)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/xml")
			w.Write(answer)
		})}
		go server.Serve(l)
		b.Cleanup(func() { server.Close() })
		return l.Addr()
	}
	ours := func(b *testing.B) net.Addr {
		l, err := httpd.Listen(core.ServerSpec{Host: "127.0.0.1", Section: "inet_http_server"})
		if err != nil {
			b.Fatal(err)
		}
		registry := namespace.New(func() rpcinterface.SupervisorState { return rpcinterface.SupervisorRunning })
		registry.Set("test", (&server{}).methods())
		l.Serve(&httpd.Backend{Call: registry.Call, Logger: quiet{}})
		b.Cleanup(l.Close)
		return l.Addr()
	}
	for _, side := range []struct {
		name string
		open func(*testing.B) net.Addr
	}{{"bare", bare}, {"ours", ours}} {
		b.Run(side.name, func(b *testing.B) {
			address := side.open(b).String()
			raw := []byte(post(getVersion))
			b.ReportAllocs()
			b.SetParallelism(8) // 16 connections on two cores
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", address)
				if err != nil {
					b.Error(err)
					return
				}
				defer c.Close()
				answer := make([]byte, 4096)
				for pb.Next() {
					if _, err := c.Write(raw); err != nil {
						b.Error(err)
						return
					}
					for n := 0; !bytes.HasSuffix(answer[:n], []byte("</methodResponse>\n")); {
						m, err := c.Read(answer[n:])
						if err != nil {
							b.Error(err)
							return
						}
						n += m
					}
				}
			})
		})
	}
}

type quiet struct{}

func (quiet) Log(rpcinterface.LogLevel, string)    {}
func (quiet) Enabled(l rpcinterface.LogLevel) bool { return l >= rpcinterface.LevelInfo }
