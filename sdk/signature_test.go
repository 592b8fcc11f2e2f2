package sdk

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

type undocumented struct{}

func (undocumented) Everything(context.Context, int8, bool, string, float32, []byte, time.Time, []string,
	map[string]int, struct{ A int }, *int, Optional[uint16]) (Struct, error) {
	return nil, nil
}
func (undocumented) Nothing() error     { return nil }
func (undocumented) Any(Value) int      { return 0 }
func (undocumented) AnyResult() Value   { return nil }
func (undocumented) When(Time) Array    { return nil }
func (undocumented) Named() hclog.Level { return 0 }

// Where the documentation tells no signature the Go types do.
func TestSignatureOfTypes(t *testing.T) {
	p := Implement(Plugin{Factory: FactoryOf(func(Host, Config) (undocumented, error) { return undocumented{}, nil })}, hclog.NewNullLogger())
	d, err := p.Describe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"everything": "struct int boolean string double base64 dateTime.iso8601 array struct struct int int",
		"nothing":    "boolean",
		"any":        "",
		"anyResult":  "",
		"when":       "array dateTime.iso8601",
		"named":      "int",
	}
	for _, m := range d.Methods {
		if got := strings.Join(m.Signature, " "); got != want[m.Name] {
			t.Errorf("%s has the signature %q, want %q", m.Name, got, want[m.Name])
		}
		delete(want, m.Name)
	}
	if len(want) > 0 {
		t.Errorf("not described: %v", slices.Sorted(maps.Keys(want)))
	}
}
