package httpd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/core/xmlrpc"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	// maxBody is the largest body of a call.
	maxBody = 8 << 20
	// maxKept is the largest buffer that is kept for the next call: what is told of
	// ten thousand processes fits. One that has to grow anew costs several times the
	// call. The garbage collector takes what nobody used.
	maxKept = 16 << 20
	// maxShown is how many bytes of a bad body the log shows.
	maxShown = 4 << 10
)

// buffers are the memory of a call, for the next one.
var buffers = sync.Pool{New: func() any { return new(buffer) }}

type buffer struct {
	in      bytes.Buffer
	decoder xmlrpc.Decoder
	out     []byte
}

func (b *buffer) free() {
	if b.in.Cap() <= maxKept && cap(b.out) <= maxKept {
		buffers.Put(b)
	}
}

// serveCall answers an XML-RPC call.
func (h *handler) serveCall(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		errorPage(w, http.StatusBadRequest)
		return
	}
	// Browsers alone tell of origins: a page of another site must not call with the
	// login that the browser has, or where none is needed.
	if h.origin.Check(r) != nil {
		errorPage(w, http.StatusForbidden)
		return
	}
	b := buffers.Get().(*buffer)
	defer b.free()
	if status := readBody(&b.in, r); status != http.StatusOK {
		if status != http.StatusLengthRequired {
			w.Header().Set("Connection", "close")
		}
		errorPage(w, status)
		return
	}
	method, params, err := b.decoder.Call(b.in.Bytes())
	if err != nil {
		why := "unmarshallable"
		if errors.Is(err, xmlrpc.ErrNoMethod) {
			why = "no method name"
		}
		h.Logger.Log(rpcinterface.LevelErro, fmt.Sprintf("XML-RPC request data %s is invalid: %s", shown(b.in.Bytes()), why))
		errorPage(w, http.StatusBadRequest)
		return
	}
	value, err := h.call(r, method, params)
	var crash *panicError
	if errors.As(err, &crash) {
		h.Logger.Log(rpcinterface.LevelCrit, fmt.Sprintf("Handling XML-RPC request with data %s raised an unexpected exception: %v", shown(b.in.Bytes()), err))
		errorPage(w, http.StatusInternalServerError)
		return
	}
	if err == nil {
		b.out, err = xmlrpc.AppendResponse(b.out[:0], value)
	}
	if err != nil {
		b.out = xmlrpc.AppendFault(b.out[:0], rpcinterface.AsFault(err))
	}
	Answer(w, http.StatusOK, "text/xml", b.out)
}

// readBody reads the body of a call, and gives the status of a refusal. One whose
// length is told and too large is not read at all.
func readBody(into *bytes.Buffer, r *http.Request) (status int) {
	into.Reset()
	switch {
	case r.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge
	case r.ContentLength == 0 && r.Header["Content-Length"] == nil:
		return http.StatusLengthRequired
	}
	body := io.Reader(r.Body)
	if r.ContentLength < 0 {
		body = io.LimitReader(body, maxBody+1)
	}
	switch _, err := into.ReadFrom(body); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return http.StatusRequestTimeout
	case err != nil:
		return http.StatusBadRequest
	}
	if into.Len() > maxBody {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusOK
}

// call makes the call and tells the log of it.
func (h *handler) call(r *http.Request, method string, params []rpcinterface.Value) (value rpcinterface.Value, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	caller := rpcinterface.Caller{Server: h.Section}
	if h.login.required {
		caller.User = h.login.user
	}
	if !h.Unix {
		caller.Peer = r.RemoteAddr
	}
	tracing := h.Logger.Enabled(rpcinterface.LevelTrac)
	if tracing {
		h.Logger.Log(rpcinterface.LevelTrac, fmt.Sprintf("XML-RPC method called: %s()", method))
	}
	value, err = h.Call(core.WithClient(h.ctx, r.Context()), method, params, caller)
	if tracing {
		outcome := "returned successfully"
		if fault := rpcinterface.AsFault(err); fault != nil {
			outcome = fmt.Sprintf("returned fault: [%d] %s", fault.Code, fault.Message)
		}
		h.Logger.Log(rpcinterface.LevelTrac, fmt.Sprintf("XML-RPC method %s() %s", method, outcome))
	}
	return value, err
}

// panicError is a defect of a built-in method.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("%v\n%s", e.value, e.stack) }

// shown is a body as the log shows it.
func shown(body []byte) string {
	more := ""
	if len(body) > maxShown {
		end := maxShown
		for end > 0 && !utf8.RuneStart(body[end]) {
			end--
		}
		body, more = body[:end], "..."
	}
	if utf8.Valid(body) {
		return pytext.ReprString(string(body)) + more
	}
	return pytext.ReprBytes(body) + more
}
