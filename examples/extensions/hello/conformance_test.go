package main

import (
	"os"
	"testing"

	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		main()
	}
	os.Exit(m.Run())
}

// TestConformance runs this test's executable as the extension.
func TestConformance(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	sdktest.Conformance(t, sdktest.Options{"greeting": "Hi"}, exe, "serve")
}
