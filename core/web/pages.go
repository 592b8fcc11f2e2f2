package web

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Supervisor is what the pages show.
type Supervisor interface {
	State() rpcinterface.SupervisorState
	Identification() string
	Groups() []rpcinterface.GroupInfo
	// Processes is sorted by the names of group and process.
	Processes() []rpcinterface.ProcessInfo
	Process(name string) (rpcinterface.ProcessInfo, error)
	// MembersChanged gives a channel that is closed at the next change of groups or
	// of their members.
	MembersChanged() <-chan struct{}
}

// Subscription is one reader of events.
type Subscription interface {
	// Next waits for the next event. Dropped is how many were lost before it.
	Next(ctx context.Context) (e rpcinterface.SequencedEvent, dropped uint64, err error)
	Close()
}

// Config is what the pages are made of. All of it may be used by many goroutines.
type Config struct {
	Supervisor Supervisor
	// Methods is a supervisor namespace of the pages' own, for actions and logs.
	Methods rpcinterface.Namespace
	// Dynamic lists the processes that were added at run time, as clients address
	// them. It may be nil: there are none then.
	Dynamic func() []string
	// Extensions may be nil: there are none then.
	Extensions Extensions
	// Subscribe begins to read events of the kinds, from the next one on.
	Subscribe func(kinds []core.EventKind) Subscription
	// Answer writes an answer whole, and bounds the time that a client takes to read it.
	Answer func(w http.ResponseWriter, status int, contentType string, body []byte)
	// Other serves what is no page: other paths, and methods that pages do not have.
	Other http.Handler
}

// Pages is the web interface.
type Pages struct {
	Config
	origins *http.CrossOriginProtection
}

// New makes the web interface.
func New(cfg Config) *Pages {
	return &Pages{Config: cfg, origins: http.NewCrossOriginProtection()}
}

// Handler serves the pages of one server. getActions says whether actions may come
// by GET, as the reference's do; else only by POST.
func (p *Pages) Handler(getActions bool) http.Handler {
	return &handler{Pages: p, getActions: getActions}
}

type handler struct {
	*Pages
	getActions bool
}

// ServeHTTP is http.Handler's.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "+
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	header.Set("X-Content-Type-Options", "nosniff")
	// Not no-referrer: with that, browsers hide the origin of forms.
	header.Set("Referrer-Policy", "same-origin")
	if serve := h.page(r); serve != nil {
		serve(w, r)
		return
	}
	if !h.serveStatic(w, r) {
		h.Other.ServeHTTP(w, r)
	}
}

// page finds the page of a request; nil for none. Pages take GET and POST, but a
// name that is a file too in the reference answers HEAD as well.
func (h *handler) page(r *http.Request) http.HandlerFunc {
	name := strings.TrimLeft(r.URL.Path, "/")
	form := r.Method == http.MethodGet || r.Method == http.MethodPost
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case (name == "" || name == "index.html") && form:
		return h.serveIndex
	case name == "status.html" && read:
		return h.serveStatus
	case name == "tail.html" && (form || read):
		return h.serveTail
	case name == "maintail.html" && read:
		return h.serveMainTail
	case name == "extensions.html" && read:
		return h.serveExtensions
	case name == "updates" && r.Method == http.MethodGet:
		return h.serveUpdates
	case name == "ok.html" && form:
		return h.serveOK
	}
	return nil
}

// serveOK answers whoever asks whether the server is there.
func (h *handler) serveOK(w http.ResponseWriter, _ *http.Request) {
	h.Answer(w, http.StatusOK, "text/plain", []byte("OK"))
}

// render answers with a page.
func (h *handler) render(w http.ResponseWriter, name string, data any) {
	var page bytes.Buffer
	if err := templates().ExecuteTemplate(&page, name, data); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	noCache(w.Header())
	h.Answer(w, http.StatusOK, "text/html;charset=utf-8", page.Bytes())
}

func (h *handler) redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	h.Answer(w, http.StatusMovedPermanently, "text/html", nil)
}

// noCache says what the reference says of its pages.
func noCache(header http.Header) {
	header.Set("Pragma", "no-cache")
	header.Set("Cache-Control", "no-cache")
	header.Set("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
}
