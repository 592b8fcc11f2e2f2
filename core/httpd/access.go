package httpd

import (
	"fmt"
	"net/http"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// account counts an answer, for its line in the log.
type account struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader is http.ResponseWriter's.
func (a *account) WriteHeader(status int) {
	if status >= http.StatusOK && a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write is http.ResponseWriter's.
func (a *account) Write(data []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	n, err := a.ResponseWriter.Write(data)
	a.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (a *account) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// logAccess writes the line that the reference writes of a request at the level
// trace. Unlike there, a path with "error" in it is no error, the bytes are those of
// the body, and a tail has its line when it ends.
func (h *handler) logAccess(r *http.Request, a *account, began time.Time) {
	from := r.RemoteAddr
	if h.Unix {
		from = "localhost:0"
	}
	h.Logger.Log(rpcinterface.LevelTrac, fmt.Sprintf("%s - - [%s] \"%s %s %s\" %d %d",
		from, began.Format("02/Jan/2006:15:04:05 -0700"), r.Method, r.RequestURI, r.Proto, a.status, a.bytes))
}
