package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	// minTail is what a log page shows at least, in bytes.
	minTail = 1 << 10
	// maxTail is what it shows at most.
	maxTail = 4 << 20
	// followTail is where a page that follows begins, unless it was asked for more.
	followTail = 64 << 10
)

// tailPage is what the template of a log page is given.
type tailPage struct {
	Title, Heading string
	Text           string
	// Name is the process's, "" for none and for the main log.
	Name    string
	Channel string // "stdout" or "stderr"
	Limit   int64
	// Stream is the path at which scripts follow the log from its last Follow bytes on,
	// "" for none.
	Stream string
	Follow int64
	// Row is the process's row, nil when there is no such process.
	Row *row
}

// serveTail serves the end of a process's log (supervisor.web, TailView). The field
// channel, which chooses stderr, is ours.
func (h *handler) serveTail(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuseForm(w, err)
		return
	}
	page := tailPage{Name: f["processname"], Channel: "stdout"}
	page.limit(f)
	if page.Name == "" {
		page.Title, page.Text = "Supervisor tail of process None", "No process name found"
		h.render(w, "tail", page)
		return
	}
	method := "readProcessStdoutLog"
	if f["channel"] == "stderr" {
		page.Channel, method = "stderr", "readProcessStderrLog"
	}
	page.Title, page.Heading = "Supervisor tail of process "+page.Name, page.Name
	page.Text = h.read(r, "No file for "+page.Name, method, rpcinterface.String(page.Name),
		rpcinterface.Int(-page.Limit), rpcinterface.Int(0))
	if info, err := h.Supervisor.Process(page.Name); err == nil {
		page.Row = &row{makeProcess(&info), h.getActions}
		page.Stream = "logtail/" + page.Row.Path() + "/" + page.Channel
	}
	h.render(w, "tail", page)
}

// serveMainTail serves the end of the daemon's own log.
func (h *handler) serveMainTail(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuseForm(w, err)
		return
	}
	page := tailPage{Title: "Supervisor main log", Heading: "Main log", Stream: "mainlogtail"}
	page.limit(f)
	page.Text = h.read(r, "There is no main log", "readLog", rpcinterface.Int(-page.Limit), rpcinterface.Int(0))
	h.render(w, "tail", page)
}

// limit reads how much of the log the page shows.
func (p *tailPage) limit(f form) {
	p.Limit, p.Follow = minTail, followTail
	if n, err := strconv.ParseUint(f["limit"], 10, 63); err == nil || errors.Is(err, strconv.ErrRange) {
		p.Limit = min(max(int64(n), minTail), maxTail)
		p.Follow = p.Limit
	}
}

// read reads a log as text for people.
func (h *handler) read(r *http.Request, noFile, method string, params ...rpcinterface.Value) string {
	text, fault := caller{ctx: context.WithoutCancel(r.Context()), methods: h.Methods}.call(method, params...)
	switch {
	case fault == nil:
		s, _ := text.(rpcinterface.String)
		return strings.ToValidUTF8(string(s), "\uFFFD")
	case fault.Code == rpcinterface.CodeNoFile:
		return noFile
	}
	return "ERROR: " + unexpected(fault.Code, fault.Message)
}
