package httpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"

	"github.com/plugvisor/plugvisor/core"
)

// loadCertificate reads the files of a server that speaks TLS. The result is nil for
// one that does not. They are read when the socket is opened: a new certificate
// counts from the next restart (SIGHUP) on.
func loadCertificate(spec core.ServerSpec) (*tls.Config, error) {
	if spec.CertFile == "" {
		return nil, nil
	}
	certificate, err := readPEM("certfile", spec.CertFile)
	if err != nil {
		return nil, certificateError(spec, err)
	}
	key, err := readPEM("keyfile", spec.KeyFile)
	if err != nil {
		return nil, certificateError(spec, err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, certificateError(spec, fmt.Errorf("cannot use certfile %s with keyfile %s: %s",
			spec.CertFile, spec.KeyFile, strings.TrimPrefix(err.Error(), "tls: ")))
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}, nil
}

func readPEM(option, path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		var reason *fs.PathError
		if errors.As(err, &reason) {
			err = reason.Err
		}
		return nil, fmt.Errorf("cannot read %s %s: %w", option, path, err)
	}
	return data, nil
}

func certificateError(spec core.ServerSpec, err error) error {
	return &ListenError{fmt.Sprintf("Cannot open an HTTP server: section [%s]: %v; certfile names a PEM file with the certificate and its chain, "+
		"keyfile one with its private key, without a passphrase (default: certfile), both readable by the user that supervisord runs as", spec.Section, err), err}
}

// secureConn is the server's end of a TLS connection. It tells a client that speaks
// plain HTTP what is wrong.
type secureConn struct{ *tls.Conn }

// Read is net.Conn's.
func (c secureConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	var other tls.RecordHeaderError
	if errors.As(err, &other) && other.Conn != nil && looksLikeHTTP(string(other.RecordHeader[:])) {
		_, _ = io.WriteString(other.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nThis server speaks HTTPS only.\n")
	}
	return n, err
}

func looksLikeHTTP(head string) bool {
	switch head {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH":
		return true
	}
	return false
}

// describeTLS fills in Request.TLS, which net/http leaves alone since it is not
// handed a tls.Conn.
func describeTLS(r *http.Request, c *conn) {
	if secure, ok := c.Conn.(secureConn); ok {
		state := secure.ConnectionState()
		r.TLS = &state
	}
}
