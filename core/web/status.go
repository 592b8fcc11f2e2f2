package web

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// statusPage is what the template of the status page is given.
type statusPage struct {
	view
	Identification string
	Version        string
	Message        string
	// GetActions: actions are links, as in the reference; else they are buttons.
	GetActions bool
	// Extensions is how many there are.
	Extensions int
}

// Empty says that there is no process at all.
func (s statusPage) Empty() bool {
	return !slices.ContainsFunc(s.Groups, func(g group) bool { return len(g.Processes) > 0 })
}

// Sections are the groups for their template.
func (s statusPage) Sections() []section {
	sections := make([]section, len(s.Groups))
	for i, g := range s.Groups {
		sections[i] = section{g, s.GetActions}
	}
	return sections
}

// BlankRow is a row that scripts fill in.
func (statusPage) BlankRow() row { return row{} }

// BlankSection is a group that scripts fill in.
func (statusPage) BlankSection() section { return section{} }

// section is what the template of a group is given.
type section struct {
	group
	links bool
}

// Running counts the members that are running.
func (s section) Running() (n int) {
	for _, p := range s.Processes {
		if p.State == rpcinterface.ProcessRunning.String() {
			n++
		}
	}
	return n
}

// Rows are the members for their template.
func (s section) Rows() []row {
	rows := make([]row, len(s.Processes))
	for i, p := range s.Processes {
		rows[i] = row{p, s.links}
	}
	return rows
}

// Buttons are the actions on the group.
func (s section) Buttons() []button {
	return []button{
		{Action: "startgroup", Label: "Start", Name: s.Name},
		{Action: "restartgroup", Label: "Restart", Name: s.Name},
		{Action: "stopgroup", Label: "Stop", Name: s.Name},
	}
}

// row is what the template of a process is given.
type row struct {
	process
	links bool // actions are links
}

// Buttons are the actions on the process.
func (r row) Buttons() []button {
	buttons := make([]button, len(r.Actions))
	for i, action := range r.Actions {
		buttons[i] = button{Action: action, Label: labels[action], Name: r.Name, Link: r.links}
	}
	return buttons
}

// button is what the template of an action is given.
type button struct {
	Action, Label, Name string
	Link                bool
}

var labels = map[string]string{"start": "Start", "stop": "Stop", "restart": "Restart", "clearlog": "Clear log",
	"enableextension": "Enable", "disableextension": "Disable", "restartextension": "Restart"}

// serveIndex serves the status page, and does what is asked of it.
func (h *handler) serveIndex(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuseForm(w, err)
		return
	}
	if f["action"] != "" {
		h.serveAction(w, r, f)
		return
	}
	h.showStatus(w, f["message"])
}

// serveStatus serves the status page under the name of the reference's template,
// which does nothing.
func (h *handler) serveStatus(w http.ResponseWriter, _ *http.Request) { h.showStatus(w, "") }

func (h *handler) showStatus(w http.ResponseWriter, message string) {
	h.render(w, "status", statusPage{
		view:           h.look(),
		Identification: h.Supervisor.Identification(),
		Version:        supervisorns.Version,
		Message:        message,
		GetActions:     h.getActions,
		Extensions:     len(h.extensions()),
	})
}

func refuseForm(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if large := new(http.MaxBytesError); errors.As(err, &large) {
		status = http.StatusRequestEntityTooLarge
	}
	http.Error(w, http.StatusText(status), status)
}

// serveAction does what a form asks for. The answer leads to the status page, or that
// of extensions, which tells of the outcome; to whoever prefers JSON it is the outcome.
func (h *handler) serveAction(w http.ResponseWriter, r *http.Request, f form) {
	post := r.Method == http.MethodPost
	switch {
	case !h.sameOrigin(r):
		http.Error(w, "Actions are refused to pages of other origins.", http.StatusForbidden)
		return
	case !post && !h.getActions:
		http.Error(w, "Actions come by POST only (web_get_actions=false).", http.StatusForbidden)
		return
	}
	// Whoever asked may leave; a restart must not end between stop and start.
	o, refused := h.act(context.WithoutCancel(r.Context()), f, post)
	if refused != nil {
		if refused.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", http.MethodPost)
		}
		http.Error(w, refused.reason, refused.status)
		return
	}
	noCache(w.Header())
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		h.answerJSON(w, o)
		return
	}
	page := "/"
	if a, _ := findAction(f["action"]); a.of == ofExtension {
		page = "/extensions.html"
	}
	h.redirect(w, serverURL(r)+page+"?message="+quote(o.Message))
}

func (h *handler) answerJSON(w http.ResponseWriter, o outcome) {
	body, err := json.Marshal(o)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h.Answer(w, http.StatusOK, "application/json", body)
}

// sameOrigin says whether a request comes from a page of this server or from no page
// at all. Other than for CrossOriginProtection, a GET may change state too.
func (h *handler) sameOrigin(r *http.Request) bool {
	asPost := *r
	asPost.Method = http.MethodPost
	return h.origins.Check(&asPost) == nil
}

// serverURL is the server as the client calls it, else by the address that took the
// connection.
func serverURL(r *http.Request) string {
	scheme, standard := "http://", ":80"
	if r.TLS != nil {
		scheme, standard = "https://", ":443"
	}
	host := r.Host
	if host == "" {
		host = "localhost"
		if addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
			host = addr.String()
		}
	}
	return scheme + strings.TrimSuffix(strings.TrimSuffix(host, standard), ":")
}
