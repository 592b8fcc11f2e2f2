package rpcinterface

import (
	"fmt"
	"testing"
)

func TestSplitNamespec(t *testing.T) {
	for in, want := range map[string]string{
		"a": "a a false", "g:p": "g p false", "g:*": "g  true", "g:": "g  true", "": "  false", "g:a:b": "g a:b false", "g:a*": "g a* false", ":p": " p false",
	} {
		group, process, all := SplitNamespec(in)
		if got := fmt.Sprintf("%s %s %v", group, process, all); got != want {
			t.Errorf("SplitNamespec(%q) = %q, want %q", in, got, want)
		}
	}
}
