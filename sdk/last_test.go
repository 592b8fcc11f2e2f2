package sdk_test

import (
	"context"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

// ender has methods that end with a verb.
type ender struct {
	host  sdk.Host
	ended []string
}

// then keeps the name of a fault's code: its text may be told or not.
func (e *ender) then(err error) {
	name, _, _ := strings.Cut(sdk.AsFault(err).Error(), ":")
	e.ended = append(e.ended, name)
}

func (e *ender) Start(ctx context.Context, name string) (string, error) {
	return "started " + name, sdk.Last(ctx, e.host, func(host sdk.Host) error {
		return host.StartProcess(ctx, name, true)
	}, func(err error) {
		if err == nil {
			e.ended = append(e.ended, "well")
		} else {
			e.then(err)
		}
	})
}

func (e *ender) Call(ctx context.Context, method string) error {
	return sdk.Last(ctx, e.host, func(host sdk.Host) error {
		_, err := host.Call(ctx, "", method, nil)
		return err
	}, nil)
}

func (e *ender) PanicInVerb(ctx context.Context) error {
	return sdk.Last(ctx, e.host, func(sdk.Host) error { panic("verb") }, nil)
}

func (e *ender) PanicAfterwards(ctx context.Context) error {
	return sdk.Last(ctx, e.host, func(host sdk.Host) error { return host.Log(ctx, sdk.LevelInfo, "x") },
		func(error) { panic("afterwards") })
}

func (e *ender) Ended() []string { return e.ended }

func TestLast(t *testing.T) {
	host := sdktest.NewHost()
	host.SetProcess(sdk.ProcessInfo{Group: "g", Name: "p"})
	var made *ender
	ns := sdktest.Start(t, sdk.Plugin{Factory: sdk.FactoryOf(func(host sdk.Host, _ sdk.Config) (*ender, error) {
		made = &ender{host: host}
		return made, nil
	})}, host, nil)

	ns.Want("start", "started g:p", "g:p")
	ns.Want("ended", []any{"well"})
	ns.WantFault("start", sdk.NewFault(sdk.CodeAlreadyStarted, "g:p"), "g:p")
	ns.Want("ended", []any{"well", "ALREADY_STARTED"})

	// A call of another namespace is on behalf of the caller, as in the method.
	ns.Token = "token"
	host.Answer(func(string, []sdk.Value) (sdk.Value, error) { return sdk.Nil{}, nil })
	ns.Want("call", true, "other.method")
	if asked := host.Asked("Call"); len(asked) != 1 || asked[0].Args[0] != "token" {
		t.Errorf("asked %v", asked)
	}

	// Panics end nothing but the call.
	ns.WantFault("panicInVerb", sdk.NewFault(sdk.CodeFailed, "panic in panicInVerb: verb"))
	ns.Want("panicAfterwards", true)
	ns.Want("ended", []any{"well", "ALREADY_STARTED"})

	// Outside of a call the verb is done.
	if _, err := made.Start(t.Context(), "g:other"); err == nil || !strings.HasPrefix(err.Error(), "BAD_NAME") {
		t.Errorf("got %v", err)
	}
	if last := made.ended[len(made.ended)-1]; last != "BAD_NAME" {
		t.Errorf("told %v", made.ended)
	}
}
