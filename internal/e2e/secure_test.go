package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certify writes a certificate for the site's address and its key to cert.pem and
// key.pem.
func (s *site) certify(serial int64) {
	s.t.Helper()
	host, _, err := net.SplitHostPort(s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		NotBefore:    time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(host)},
		IsCA:        true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		s.t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(s.path(name), pem.EncodeToMemory(block), 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// serial is that of the certificate that the server shows now.
func (s *site) serial() int64 {
	s.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(s.read("cert.pem")))
	c, err := tls.Dial("tcp", s.addr, &tls.Config{RootCAs: roots})
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

const secureServer = `
[supervisord]
logfile=%%(here)s/supervisord.log
pidfile=%%(here)s/supervisord.pid
childlogdir=%%(here)s

[inet_http_server]
port=%s
username=us
password=pw
certfile=%%(here)s/cert.pem
keyfile=%%(here)s/key.pem

[supervisorctl]

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[program:url]
command=/bin/sh -c "echo $SUPERVISOR_SERVER_URL"
startsecs=0
autorestart=false
stdout_logfile=%%(here)s/url.log

`

// A server with a certificate is called with https, shows a new certificate after
// SIGHUP, and a broken one ends the start with place and remedy.
func TestTLS(t *testing.T) {
	t.Parallel()
	needPython(t)
	s := newBareSite(t)
	s.write(fmt.Sprintf(secureServer, s.addr))
	s.certify(1)
	d := s.start()
	d.wait("exited: url (exit status 0; expected)")
	if got, want := s.read("url.log"), "https://"+s.addr+"\n"; got != want {
		t.Errorf("programs are told of %q, want %q", got, want)
	}
	script := "import ssl, xmlrpc.client\n" +
		"context = ssl.create_default_context(cafile='cert.pem')\n" +
		"print(xmlrpc.client.ServerProxy('https://us:pw@" + s.addr + "/RPC2', context=context).supervisor.getProcessInfo('url')['statename'])\n"
	if out, code := s.run(python, "-c", script); out != "EXITED\n" || code != 0 {
		t.Errorf("Python: %s", out)
	}
	ctl := []string{"SSL_CERT_FILE=" + s.path("cert.pem"), filepath.Join(s.bin, "supervisorctl"), "-s", "https://" + s.addr, "-u", "us", "-p", "pw"}
	if out, code := s.run("env", append(ctl, "pid")...); out != fmt.Sprintf("%d\n", d.pid) || code != 0 {
		t.Errorf("supervisorctl: %q, exit code %d", out, code)
	}
	if out, code := s.run("env", append(ctl[1:], "pid")...); code == 0 {
		t.Errorf("supervisorctl takes a certificate that nobody trusts: %q", out)
	}
	if got := s.serial(); got != 1 {
		t.Errorf("certificate %d", got)
	}
	s.certify(2)
	seen := d.log.count()
	d.signal(syscall.SIGHUP)
	d.waitFrom(seen, "supervisord started with pid")
	if got := s.serial(); got != 2 {
		t.Errorf("certificate %d after SIGHUP, want the new one", got)
	}
	d.signal(syscall.SIGTERM)
	d.exit(0)

	if err := os.Remove(s.path("key.pem")); err != nil {
		t.Fatal(err)
	}
	out, code := s.run(s.supervisord(), "-c", s.conf)
	const want = "Error: Cannot open an HTTP server: section [inet_http_server]: cannot read keyfile DIR/key.pem: no such file or directory; certfile names "
	if got := strings.ReplaceAll(out, s.dir, "DIR"); code != 2 || !strings.HasPrefix(got, want) || strings.Count(got, "\n") != 2 {
		t.Errorf("without a key: exit code %d\n%s", code, got)
	}
}
