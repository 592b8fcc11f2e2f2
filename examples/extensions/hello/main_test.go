package main

import (
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func plugin() sdk.Plugin {
	return sdk.Plugin{Factory: sdk.FactoryOf(newHello), Sources: source}
}

func TestGreet(t *testing.T) {
	ns := sdktest.Start(t, plugin(), sdktest.NewHost(), nil)
	ns.Want("greet", "Hello, Jo", "Jo")
	ns.WantFault("greet", sdk.NewFault(sdk.CodeIncorrectParameters))
	ns.WantFault("greet", sdk.NewFault(sdk.CodeIncorrectParameters, "name: string wanted, not int"), 1)
	m := ns.Describe().Methods[0]
	if m.Name != "greet" || len(m.Signature) != 2 || m.Help == "" {
		t.Errorf("described as %+v", m)
	}
}

func TestGreeting(t *testing.T) {
	ns := sdktest.Start(t, plugin(), sdktest.NewHost(), sdktest.Options{"greeting": "Hi"})
	ns.Want("greet", "Hi, Jo", "Jo")
	if _, err := sdktest.Configure(t, plugin(), sdktest.NewHost(), sdktest.Options{"greting": "Hi"}); err == nil {
		t.Error("a key that it does not know is accepted")
	}
}
