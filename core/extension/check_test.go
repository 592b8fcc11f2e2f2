package extension

import (
	"testing"

	"github.com/plugvisor/plugvisor/core"
)

func TestCheck(t *testing.T) {
	m := &Manager{cfg: Config{Bundled: []string{"twiddler"}}}
	spec := func(factory string, required, enabled bool) core.ExtensionSpec {
		return core.ExtensionSpec{Name: "x", Section: "rpcinterface:x", Factory: factory, Required: required, Enabled: enabled}
	}
	good := []core.ExtensionSpec{spec("twiddler", true, true), spec("/none", false, true), spec("/none", true, false)}
	if err := m.Check(good, listeners("x:any")); err != nil {
		t.Error(err)
	}
	if err := m.Check(good, listeners("y:any")); err == nil {
		t.Error("a handler of an extension that neither runs nor stands in the file")
	}
	const want = "/none cannot be resolved within [rpcinterface:x]: there is no file /none; give the path of a plugin's executable"
	if err := m.Check(append(good, spec("/none", true, true)), nil); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
