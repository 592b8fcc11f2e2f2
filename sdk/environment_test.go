package sdk

import (
	"os"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// What the supervisor tells the process is gone when the author's code runs.
func TestEnvironment(t *testing.T) {
	for name, want := range map[string]bool{
		"PLUGVISOR_PLUGIN": false, lifeline: false, "PLUGIN_CLIENT_CERT": false, "PLUGIN_UNIX_SOCKET_DIR": false,
		"PLUGIN_OF_THE_OPERATOR": true,
	} {
		t.Setenv(name, "x")
		found := false
		p := Implement(Plugin{Version: "1", Factory: FactoryOf(func(Host, Config) (*struct{}, error) {
			_, found = os.LookupEnv(name)
			return new(struct{}), nil
		})}, hclog.NewNullLogger())
		if err := (started{p}).Configure(t.Context(), rpcinterface.Config{Name: "x"}, nil); err != nil {
			t.Fatal(err)
		}
		if found != want {
			t.Errorf("%s: %v, want %v", name, found, want)
		}
	}
}
