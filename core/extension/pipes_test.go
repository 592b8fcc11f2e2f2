package extension

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// TestPipes: a plugin is spoken to over pipes, and over its sockets where what started
// it has not passed the pipes on.
func TestPipes(t *testing.T) {
	dir := shortTempDir(t)
	for name, test := range map[string]struct {
		script string // "": none
		pipes  bool
	}{
		"as it is":                           {"", true},
		"a shell before it":                  {"#!/bin/sh\nexec '%s' test-plugin ok\n", true},
		"descriptors closed":                 {"#!/bin/sh\nexec 3<&- 4<&- 5<&- 6<&-\nexec '%s' test-plugin ok\n", false},
		"a descriptor used for a file":       {"#!/bin/sh\nexec 3</dev/null\nexec '%s' test-plugin ok\n", false},
		"a descriptor used for another pipe": {"#!/bin/sh\n: | exec '%s' test-plugin ok 3<&0\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			spec := section("x", "ok")
			spec.Grants = &rpcinterface.Grants{rpcinterface.GrantProgramsWrite}
			if test.script != "" {
				spec.Factory = filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
				if err := os.WriteFile(spec.Factory, fmt.Appendf(nil, test.script, os.Args[0]), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
			pid := r.mustCall(t, "x.pid")
			r.mustCall(t, "x.add", "web", "p")
			// It listens on one, and those over which it speaks.
			want := 3
			if test.pipes {
				want = 1
			}
			if got := openSocketsOf(t, int(pid.(rpcinterface.Int))); got != want {
				t.Errorf("it has %d sockets, want %d", got, want)
			}
		})
	}
}

func openSocketsOf(t *testing.T, pid int) (n int) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("cannot list descriptors of %d: %v", pid, err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
