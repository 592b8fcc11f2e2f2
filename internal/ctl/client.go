package ctl

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/kolo/xmlrpc"
)

// client makes XML-RPC calls to one server. The codec is kolo/xmlrpc's; the HTTP
// side is our own, as its Client answers faults as text and handles one call at
// a time.
type client struct {
	url      string // as configured: http[s]://HOST[:PORT] or unix:///PATH
	base     string // what the requests' paths are put behind
	username *string
	password *string
	http     *http.Client
	invalid  error // the URL cannot be used: every call says so
}

// statusError is an HTTP answer other than 200.
type statusError struct {
	method string
	code   int
	status string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("cannot call %s: the server answered %s", e.method, e.status)
}

// newClient makes a client of a server URL; one that cannot be used is an error
// of each call, so that help needs no server. No deadline is set: a start may
// wait as long as the program's startsecs. Proxies of the environment are not
// asked. The credentials are sent only when both user name and password are
// known.
func newClient(serverURL string, username, password *string) *client {
	c := &client{url: serverURL, username: username, password: password}
	transport := &http.Transport{}
	if path, ok := strings.CutPrefix(serverURL, "unix://"); ok {
		c.base = "http://localhost"
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	} else {
		c.base, c.invalid = baseURL(serverURL)
	}
	c.http = &http.Client{Transport: transport}
	return c
}

// baseURL gives "http://HOST:PORT" of a server URL; a path in it is dropped. With
// https the certificate must be one that the system trusts, or stand in the file
// that SSL_CERT_FILE names.
func baseURL(serverURL string) (string, error) {
	if !strings.HasPrefix(serverURL, "http://") && !strings.HasPrefix(serverURL, "https://") {
		return "", fmt.Errorf("Unknown protocol for serverurl %s", serverURL)
	}
	u, err := url.Parse(serverURL)
	if err != nil {
		return "", fmt.Errorf("cannot read server URL: %w", err)
	}
	if u.Hostname() == "" {
		return "", fmt.Errorf("cannot read server URL %s: no host", serverURL)
	}
	return u.Scheme + "://" + u.Host, nil
}

// authorize adds the credentials to a request.
func (c *client) authorize(r *http.Request) {
	if c.username != nil && c.password != nil {
		r.SetBasicAuth(*c.username, *c.password)
	}
}

// call calls a method ("supervisor.getPID") and stores its result in the
// variable that result points to. A fault is an xmlrpc.FaultError, an HTTP
// status other than 200 a *statusError.
func (c *client) call(ctx context.Context, result any, method string, args ...any) error {
	if c.invalid != nil {
		return c.invalid
	}
	// The codec writes the method's name as it is.
	var name strings.Builder
	xml.EscapeText(&name, []byte(method))
	if args == nil {
		args = []any{} // nil would leave out <params>, which not every server accepts
	}
	request, err := xmlrpc.NewRequest(c.base+"/RPC2", name.String(), args)
	if err != nil {
		return fmt.Errorf("cannot encode call of %s: %w", method, err)
	}
	c.authorize(request)
	answer, err := c.http.Do(request.WithContext(ctx))
	if err != nil {
		return fmt.Errorf("cannot call %s: %w", method, unwrapURLError(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return &statusError{method: method, code: answer.StatusCode, status: answer.Status}
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return fmt.Errorf("cannot read answer of %s: %w", method, err)
	}
	err = decode(body, result)
	if _, ok := err.(xmlrpc.FaultError); err != nil && !ok {
		return fmt.Errorf("cannot decode answer of %s: %w", method, err)
	}
	return err
}

// decode stores the result that a response carries; a fault is an
// xmlrpc.FaultError.
func decode(response xmlrpc.Response, result any) error {
	if err := response.Err(); err != nil {
		return err
	}
	return response.Unmarshal(result)
}

// unwrapURLError drops the "Post "http://localhost/RPC2"" that net/http puts in
// front: it names a host that is made up for unix sockets.
func unwrapURLError(err error) error {
	if u, ok := err.(*url.Error); ok {
		return u.Err
	}
	return err
}
