// Command hello is an extension of supervisord: a namespace with one method.
package main

import (
	"embed"

	"github.com/plugvisor/plugvisor/sdk"
)

//go:embed main.go
var source embed.FS

type hello struct{ greeting string }

// Greet greets somebody.
//
// @param string name   Whom
// @return string       The greeting
func (h *hello) Greet(name string) string { return h.greeting + ", " + name }

func newHello(_ sdk.Host, cfg sdk.Config) (*hello, error) {
	return &hello{cfg.String("greeting", "Hello")}, nil
}

func main() {
	sdk.Serve(sdk.Plugin{Version: "1.0", Factory: sdk.FactoryOf(newHello), Sources: source})
}
