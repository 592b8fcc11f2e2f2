package e2e

import (
	"reflect"
	"testing"

	"github.com/kolo/xmlrpc"
)

// TestKolo is a Go program that uses kolo/xmlrpc's Client.
func TestKolo(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler+"[group:g]\n"+program("hello", "/bin/echo hello"))
	c, err := xmlrpc.NewClient("http://"+d.addr+"/RPC2", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var version string
	var pid int
	var done bool
	var state struct {
		Code int    `xmlrpc:"statecode"`
		Name string `xmlrpc:"statename"`
	}
	var names []string
	for _, step := range []struct {
		method string
		args   any
		result any
		want   any
	}{
		// Without arguments the client leaves out <params>.
		{"twiddler.getAPIVersion", nil, &version, "1.0"},
		{"supervisor.getPID", nil, &pid, d.pid},
		{"supervisor.getState", nil, &state, struct {
			Code int    `xmlrpc:"statecode"`
			Name string `xmlrpc:"statename"`
		}{1, "RUNNING"}},
		{"supervisor.startProcess", []any{"hello", true}, &done, true},
		{"twiddler.addProgramToGroup", []any{"g", "p", map[string]any{"command": "/bin/true", "autostart": false}}, &done, true},
		{"twiddler.getGroupNames", nil, &names, []string{"g", "hello"}},
	} {
		if err := c.Call(step.method, step.args, step.result); err != nil {
			t.Fatalf("%s: %v", step.method, err)
		}
		if got := reflect.ValueOf(step.result).Elem().Interface(); !reflect.DeepEqual(got, step.want) {
			t.Errorf("%s answers %v, want %v", step.method, got, step.want)
		}
	}
	err = c.Call("twiddler.removeProcessFromGroup", []any{"g", "nope"}, &done)
	if err == nil || err.Error() != "Fault(10): BAD_NAME: nope" {
		t.Errorf("removing what is not there: %v", err)
	}
}
