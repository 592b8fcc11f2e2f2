package httpd

import (
	"maps"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// tailHead is how many bytes of a log come before what is added to it.
const tailHead = 1024

// serveProcessLog answers /logtail/NAME and /logtail/NAME/CHANNEL.
func (h *handler) serveProcessLog(w http.ResponseWriter, r *http.Request) {
	path := ""
	if name, channel, ok := logOf(r.URL.Path); ok {
		if found, ok := h.ProcessLog(name, channel); ok {
			path = found
		}
	}
	// Buffering by a proxy would hold the log back.
	h.serveTail(w, r, path, http.Header{"X-Accel-Buffering": {"no"}})
}

// serveMainLog answers /mainlogtail.
func (h *handler) serveMainLog(w http.ResponseWriter, r *http.Request) {
	h.serveTail(w, r, h.MainLog(), nil)
}

// logOf reads the name of a process and the channel out of a path. As in the
// reference, parameters after a ";" do not count, and what still has escapes is
// unescaped once more.
func logOf(path string) (name, channel string, ok bool) {
	if i := strings.IndexAny(path, ";?#"); i >= 0 {
		path = path[:i]
	}
	if again, err := url.PathUnescape(path); err == nil {
		path = again
	}
	_, rest, ok := strings.Cut(strings.TrimLeft(path, "/"), "/")
	if !ok {
		return "", "", false
	}
	name, channel, ok = strings.Cut(rest, "/")
	if !ok {
		channel = "stdout"
	}
	return name, channel, channel == "stdout" || channel == "stderr"
}

// headOf is how many bytes of a log a request wants to have at first. The reference
// knows no query here.
func headOf(r *http.Request) int64 {
	if head, err := strconv.ParseUint(r.URL.Query().Get("limit"), 10, 63); err == nil {
		return int64(head)
	}
	return tailHead
}

// serveTail sends the end of a file and follows it until the client leaves or the
// listener is closed.
func (h *handler) serveTail(w http.ResponseWriter, r *http.Request, path string, fields http.Header) {
	if r.Method != http.MethodGet {
		errorPage(w, http.StatusBadRequest)
		return
	}
	info, err := os.Stat(path)
	if err != nil {
		errorPage(w, http.StatusNotFound)
		return
	}
	header := w.Header()
	maps.Copy(header, fields)
	header.Set("Last-Modified", info.ModTime().UTC().Format(http.TimeFormat))
	header.Set("Content-Type", "text/plain;charset=utf-8")
	w.WriteHeader(http.StatusOK)
	client := http.NewResponseController(w)
	if client.Flush() != nil {
		return
	}
	err = h.Follow(r.Context(), path, headOf(r), func(data []byte) error {
		if _, err := w.Write(data); err != nil {
			return err
		}
		return client.Flush()
	})
	if err != nil && r.Context().Err() == nil {
		// The answer cannot be taken back: cutting it off says that it is not whole.
		panic(http.ErrAbortHandler)
	}
}
