package httpd

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// headerTimeout is how long a new connection may take to send its first head, and
	// for TLS its handshake before. A later head may take any time: it costs what an
	// idle connection does.
	headerTimeout = time.Minute
	// bodyTimeout is how long a request's body may take to come.
	bodyTimeout = time.Minute
	// answerTimeout is how long a client may take to read an answer, and answerRate
	// the bytes a second that it must read beyond that.
	answerTimeout = time.Minute
	answerRate    = 4 << 10
	// metricsTimeout is the same for /metrics, with the collecting.
	metricsTimeout = 5 * time.Minute
	// patientAnswer is an answer that a connection's buffers hold: who does not read
	// it costs what an idle connection does.
	patientAnswer = 64 << 10
)

// timedBody is a request's body with a time limit, which is over with its end.
type timedBody struct {
	io.ReadCloser
	w http.ResponseWriter
}

// limitBody bounds the time in which the body is to come. The limit stays when it was
// passed, or the body was not read to its end, and then ends the connection.
// One that has come already, as those of most calls have, needs no limit.
func limitBody(w http.ResponseWriter, r *http.Request, c *conn) {
	if r.ContentLength == 0 || c.handedOut() {
		return
	}
	if http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) == nil {
		r.Body = &timedBody{r.Body, w}
	}
}

// Read is io.Reader's.
func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = http.NewResponseController(b.w).SetReadDeadline(time.Time{}) // a connection that has gone needs none
	}
	return n, err
}

// writeAnswer writes a body, which a client has to read in its time.
func writeAnswer(w http.ResponseWriter, body []byte) {
	if len(body) <= patientAnswer {
		_, _ = w.Write(body) // a client that has gone needs no answer
		return
	}
	defer limitAnswer(w, answerTimeout+time.Duration(len(body)/answerRate)*time.Second)()
	_, _ = w.Write(body)
}

// limitAnswer bounds the time in which the client reads the answer, until the
// function that it gives is called after the last write.
func limitAnswer(w http.ResponseWriter, d time.Duration) (end func()) {
	client := http.NewResponseController(w)
	_ = client.SetWriteDeadline(time.Now().Add(d))
	return func() {
		if client.Flush() == nil { // else the connection is over
			_ = client.SetWriteDeadline(time.Time{})
		}
	}
}
