package httpd_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/httpd"
)

// certificate makes a certificate for 127.0.0.1, and its key, both as PEM.
func certificate(t *testing.T) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: "test"},
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

// startTLS serves with a certificate of its own, and gives what a client trusts.
func startTLS(t *testing.T, handler http.Handler) (*server, *tls.Config) {
	t.Helper()
	cert, key := certificate(t)
	file := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(file, append(cert, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	s := start(t, core.ServerSpec{Section: "inet_http_server", CertFile: file, KeyFile: file}, handler)
	return s, &tls.Config{RootCAs: roots}
}

func dialTLS(t *testing.T, s *server, trust *tls.Config) *client {
	t.Helper()
	nc, err := tls.Dial("tcp", s.Addr().String(), trust)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(patience))
	return &client{t, nc, bufio.NewReader(nc)}
}

func TestTLS(t *testing.T) {
	s, trust := startTLS(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil || r.TLS.Version < tls.VersionTLS12 {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	writeLog(t, s, "p.stdout", "out")
	c := dialTLS(t, s, trust)
	bare := strings.Replace(post(getVersion), "Host: x\r\n", "", 1)
	for range 2 { // the connection is kept, and its requests are mended
		c.send("\r\n" + bare)
		if r, body := c.receive("POST"); r.StatusCode != 200 || body != version {
			t.Fatalf("%s %s", r.Status, body)
		}
	}
	c.send(request("GET / HTTP/1.1", ""))
	if r, _ := c.receive("GET"); r.StatusCode != 200 {
		t.Errorf("the handler was told nothing of TLS: %s", r.Status)
	}
	if _, got := c.begin(request("GET /logtail/p HTTP/1.1", "")+"\r\n", 3); got != "out" {
		t.Errorf("tail: %q", got)
	}
	expect(t, s.tails, "begun")
	c.Close()
	expect(t, s.tails, "ended")

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	r, err := client.Post("https://"+s.Addr().String()+"/RPC2", "text/xml", strings.NewReader(getVersion))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r.Body)
	r.Body.Close()
	if err != nil || string(body) != version || r.Proto != "HTTP/1.1" {
		t.Errorf("%s %s %v", r.Proto, body, err)
	}
}

func TestTLSVersions(t *testing.T) {
	s, trust := startTLS(t, nil)
	for version, good := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := trust.Clone()
		config.MinVersion, config.MaxVersion = version, version
		c, err := tls.Dial("tcp", s.Addr().String(), config)
		if err == nil {
			c.Close()
		}
		if (err == nil) != good {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
	}
}

func TestPlainHTTPToTLS(t *testing.T) {
	s, _ := startTLS(t, nil)
	r, body := s.ask(t, post(getVersion))
	if r.StatusCode != 400 || !strings.Contains(body, "HTTPS") {
		t.Errorf("%s %q", r.Status, body)
	}
	c := s.dial(t)
	c.send("junk that is neither\r\n\r\n")
	if line, _ := c.in.ReadString('\n'); strings.Contains(line, "HTTP") {
		t.Errorf("junk was answered with %q", line)
	}
}

func TestCertificateErrors(t *testing.T) {
	dir := t.TempDir()
	cert, key := certificate(t)
	_, other := certificate(t)
	for name, data := range map[string][]byte{"cert": cert, "key": key, "other": other, "junk": []byte("junk")} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const remedy = "; certfile names a PEM file with the certificate and its chain, keyfile one with its private key, " +
		"without a passphrase (default: certfile), both readable by the user that supervisord runs as"
	for _, tt := range []struct{ cert, key, want string }{
		{"none", "key", "cannot read certfile DIR/none: no such file or directory"},
		{"cert", "none", "cannot read keyfile DIR/none: no such file or directory"},
		{"cert", "", "cannot read keyfile DIR/: is a directory"},
		{"cert", "other", "cannot use certfile DIR/cert with keyfile DIR/other: private key does not match public key"},
		{"junk", "key", "cannot use certfile DIR/junk with keyfile DIR/key: failed to find any PEM data in certificate input"},
		{"cert", "cert", "cannot use certfile DIR/cert with keyfile DIR/cert: found a certificate rather than a key in the PEM for the private key"},
	} {
		l, err := httpd.Listen(core.ServerSpec{Section: "inet_http_server", Host: "127.0.0.1", CertFile: dir + "/" + tt.cert, KeyFile: dir + "/" + tt.key})
		if err == nil {
			l.Close()
		}
		want := "Cannot open an HTTP server: section [inet_http_server]: " + strings.ReplaceAll(tt.want, "DIR", dir) + remedy
		var known *httpd.ListenError
		if !errors.As(err, &known) || err.Error() != want {
			t.Errorf("%s, %s: %v\nwant %s", tt.cert, tt.key, err, want)
		}
	}
}
