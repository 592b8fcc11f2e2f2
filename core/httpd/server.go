package httpd

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Backend is what a server serves. All of it may be used by many goroutines.
type Backend struct {
	// Call makes one call. Its context ends with the listener, not with the client,
	// which core.ClientOf tells of.
	Call func(ctx context.Context, method string, params []rpcinterface.Value, caller rpcinterface.Caller) (rpcinterface.Value, error)
	// MainLog gives the path of the daemon's log, "" for none.
	MainLog func() string
	// ProcessLog gives the path of a process's log, by the name that clients give
	// ("group:process") and the channel "stdout" or "stderr".
	ProcessLog func(name, channel string) (path string, ok bool)
	// Follow writes the last head bytes of a file and what is added to it, until
	// ctx ends or write fails.
	Follow func(ctx context.Context, path string, head int64, write func([]byte) error) error
	// Metrics and Healthz serve /metrics and /healthz, to clients that need a login
	// only where the server's configuration does not open them.
	Metrics, Healthz http.Handler
	// Handler serves every other path, to authenticated clients. Where one of the
	// handlers is nil there is nothing.
	Handler http.Handler
	Logger  core.Logger
}

// running is the server on a listener.
type running struct {
	http *http.Server
	done chan struct{} // closed when no connection is taken any more
}

func (l *Listener) run(b *Backend) *running {
	h := &handler{Backend: b, ServerSpec: l.spec, ctx: l.ctx, login: newLogin(l.spec.Username, l.spec.Password),
		name: []string{"Medusa/1.12"}, // what the reference says
	}
	r := &running{done: make(chan struct{}), http: &http.Server{
		Handler:                      h,
		MaxHeaderBytes:               maxHead,
		DisableGeneralOptionsHandler: true,
		ConnState:                    l.track,
		ConnContext:                  keepConn,
		BaseContext:                  func(net.Listener) context.Context { return l.ctx },
		ErrorLog:                     log.New(errorLog{b.Logger}, "", 0),
	}}
	l.crowd.logger = b.Logger
	go func() {
		defer close(r.done)
		// It ends with the error that says so, at Close.
		_ = r.http.Serve(mendingListener{l.socket, l.tls, l.crowd})
	}()
	return r
}

// track counts the connections that have a request under way.
func (l *Listener) track(nc net.Conn, state http.ConnState) {
	c := nc.(*conn)
	active := state == http.StateActive
	switch {
	case active == c.active:
		return
	case active:
		l.active.Add(1)
	case l.active.Add(-1) == 0:
		select {
		case l.drained <- struct{}{}:
		default:
		}
	}
	c.active = active
}

// mendingListener hands out its connections as conn, in TLS where it has a
// configuration for that, and no more of them than there is room for.
type mendingListener struct {
	net.Listener
	tls   *tls.Config
	crowd *crowd
}

func (m mendingListener) Accept() (net.Conn, error) {
	for {
		socket, err := m.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: socket, socket: socket}
		if m.tls != nil {
			c.Conn = secureConn{tls.Server(socket, m.tls)}
		}
		if m.crowd.enter(c) {
			// For the first head: net/http lifts it when that has come. Its own
			// ReadHeaderTimeout would cost a timer for each request.
			_ = c.SetReadDeadline(time.Now().Add(headerTimeout)) // fails where the client has gone
			return c, nil
		}
		socket.Close()
	}
}

// errorLog takes net/http's own messages to the main log.
type errorLog struct{ logger core.Logger }

func (e errorLog) Write(line []byte) (int, error) {
	e.logger.Log(rpcinterface.LevelErro, strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// handler serves the requests of one listener.
type handler struct {
	*Backend
	core.ServerSpec
	ctx    context.Context
	login  login
	origin http.CrossOriginProtection
	name   []string // the field Server; never written to
}

// ServeHTTP is http.Handler's.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.Logger.Enabled(rpcinterface.LevelTrac) {
		counted := &account{ResponseWriter: w}
		defer h.logAccess(r, counted, time.Now())
		w = counted
	}
	w.Header()["Server"] = h.name
	c := connOf(r)
	limitBody(w, r, c)
	if h.CertFile != "" {
		describeTLS(r, c)
	}
	serve, open := h.service(r)
	if !open {
		switch h.login.check(r) {
		case loginMissing:
			w.Header().Set("WWW-Authenticate", `Basic realm="default"`)
			w.Header().Set("Connection", "close")
			errorPage(w, http.StatusUnauthorized)
			return
		case loginMalformed:
			errorPage(w, http.StatusBadRequest)
			return
		}
		c.admit()
	}
	serve(h, w, r)
}

// service answers the requests of some paths.
type service func(*handler, http.ResponseWriter, *http.Request)

// service finds who serves a path, and whether to anybody. A path belongs to one of
// the reference's services by how it begins, as there.
func (h *handler) service(r *http.Request) (serve service, open bool) {
	switch path := r.URL.Path; {
	case strings.HasPrefix(path, "/RPC2"):
		return (*handler).serveCall, false
	case strings.HasPrefix(path, "/logtail"):
		return (*handler).serveProcessLog, false
	case strings.HasPrefix(path, "/mainlogtail"):
		return (*handler).serveMainLog, false
	case r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "text/xml"):
		// twiddler's manual calls the path of a SupervisorTransport superfluous, and
		// writes http://127.0.0.1/whatever.
		return (*handler).serveCall, false
	case path == "/metrics" && h.Metrics != nil:
		return (*handler).serveMetrics, h.OpenMetrics
	case path == "/healthz" && h.Healthz != nil:
		return (*handler).serveHealthz, h.OpenHealthz
	}
	return (*handler).serveOther, false
}

func (h *handler) serveMetrics(w http.ResponseWriter, r *http.Request) {
	defer limitAnswer(w, metricsTimeout)()
	h.Metrics.ServeHTTP(w, r)
}

func (h *handler) serveHealthz(w http.ResponseWriter, r *http.Request) { h.Healthz.ServeHTTP(w, r) }

func (h *handler) serveOther(w http.ResponseWriter, r *http.Request) {
	if h.Handler != nil {
		h.Handler.ServeHTTP(w, r)
		return
	}
	NoPage(w, r)
}

// NoPage answers, as the reference does, that there is nothing at a path.
func NoPage(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		errorPage(w, http.StatusNotFound)
		return
	}
	errorPage(w, http.StatusBadRequest)
}

// errorPage answers with the reference's page for a status.
func errorPage(w http.ResponseWriter, status int) {
	page := fmt.Sprintf("<head>\r\n<title>Error response</title>\r\n</head>\r\n<body>\r\n<h1>Error response</h1>\r\n"+
		"<p>Error code %d.\r\n<p>Message: %s.\r\n</body>\r\n", status, http.StatusText(status))
	Answer(w, status, "text/html", []byte(page))
}

// Answer writes an answer whole. A client has to read it in its time.
func Answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	header, fields := w.Header(), []string{contentType, strconv.Itoa(len(body))}
	header["Content-Type"] = fields[0:1:1]
	header["Content-Length"] = fields[1:2:2]
	w.WriteHeader(status)
	writeAnswer(w, body)
}
