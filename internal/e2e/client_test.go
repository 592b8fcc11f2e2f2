package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/kolo/xmlrpc"
)

// client makes calls from Go over a unix socket, one connection each.
type client struct{ http http.Client }

func newClient(sock string) *client {
	return &client{http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", sock)
		},
	}}}
}

func (c *client) call(result any, method string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if args == nil {
		args = []any{}
	}
	request, err := xmlrpc.NewRequest("http://localhost/RPC2", method, args)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(request.WithContext(ctx))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if err := xmlrpc.Response(body).Err(); err != nil {
		return err
	}
	return xmlrpc.Response(body).Unmarshal(result)
}

// answer makes a call that must succeed.
func answer[T any](s *site, method string, args ...any) (result T) {
	s.t.Helper()
	if err := s.ctl.call(&result, method, args...); err != nil {
		s.t.Fatalf("%s%v: %v", method, args, err)
	}
	return result
}

// outcome makes a call and gives its result, or "CODE TEXT" of its fault.
func outcome(s *site, method string, args ...any) string {
	var result any
	err := s.ctl.call(&result, method, args...)
	var fault xmlrpc.FaultError
	switch {
	case errors.As(err, &fault):
		return fmt.Sprintf("%d %s", fault.Code, fault.String)
	case err != nil:
		return err.Error()
	}
	return fmt.Sprint(result)
}

// expect makes a call whose outcome must be this.
func expect(s *site, want, method string, args ...any) {
	s.t.Helper()
	if got := outcome(s, method, args...); got != want {
		s.t.Errorf("%s%v is %q, want %q", method, args, got, want)
	}
}

// info is what the tests read of a ProcessInfo.
type info struct {
	Name      string `xmlrpc:"name"`
	Group     string `xmlrpc:"group"`
	StateName string `xmlrpc:"statename"`
	PID       int    `xmlrpc:"pid"`
}

// pids gives the pid of each process that runs.
func (s *site) pids() map[string]int {
	s.t.Helper()
	all := map[string]int{}
	for _, p := range answer[[]info](s, "supervisor.getAllProcessInfo") {
		if p.StateName == "RUNNING" {
			all[p.Group+":"+p.Name] = p.PID
		}
	}
	return all
}

// need skips the test when it has not what it compares with, unless nothing may
// be skipped.
func need(t *testing.T, ok bool, what string) {
	t.Helper()
	if ok {
		return
	}
	if requireAll() {
		t.Fatalf("%s is required", what)
	}
	t.Skipf("%s is not installed", what)
}
