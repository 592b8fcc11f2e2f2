package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a real run of go test makes of a module with every kind of outcome.
func TestRun(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"go.mod":           "module example.com/m\n\ngo 1.26\n",
		"good/a_test.go":   "package good\nimport \"testing\"\nfunc TestGood(t *testing.T) { t.Log(\"quiet\") }\nfunc TestSub(t *testing.T) { t.Run(\"one\", func(t *testing.T) {}) }\n",
		"skip/a_test.go":   "package skip\nimport \"testing\"\nfunc TestSkip(t *testing.T) { t.Skip(\"cannot find: the thing\") }\n",
		"bad/a_test.go":    "package bad\nimport \"testing\"\nfunc TestBad(t *testing.T) { t.Error(\"loud\") }\n",
		"die/a_test.go":    "package die\nimport (\"os\"; \"testing\")\nfunc TestDie(t *testing.T) { println(\"last words\"); os.Exit(3) }\n",
		"broken/a.go":      "package broken\nvar x int = \"s\"\n",
		"broken/b_test.go": "package broken\nimport \"testing\"\nfunc TestNever(t *testing.T) {}\n",
		"none/a.go":        "package none\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	t.Setenv("GOFLAGS", "-mod=mod")

	for _, test := range []struct {
		patterns   string
		requireAll bool
		ok         bool
		last       string
		contains   []string
		without    string
	}{
		{patterns: "./good ./none", ok: true, last: "3 passed, 0 failed, 0 skipped", without: "quiet"},
		{patterns: "./good ./skip", ok: true, last: "3 passed, 0 failed, 1 skipped", contains: []string{"  example.com/m/skip TestSkip: cannot find: the thing\n"}},
		{patterns: "./skip", requireAll: true, ok: false, last: "0 passed, 0 failed, 1 skipped"},
		{patterns: "./bad ./good", ok: false, last: "3 passed, 1 failed, 0 skipped", contains: []string{"--- example.com/m/bad TestBad\n", "loud", "FAIL example.com/m/bad", "ok   example.com/m/good"}},
		{patterns: "./die", ok: false, last: "0 passed, 1 failed, 0 skipped", contains: []string{"last words"}},
		{patterns: "./broken", ok: false, last: "0 passed, 1 failed, 0 skipped", contains: []string{"cannot use \"s\""}},
	} {
		t.Run(strings.ReplaceAll(test.patterns, "./", ""), func(t *testing.T) {
			var out strings.Builder
			ok, err := run(&out, strings.Fields(test.patterns), "", test.requireAll)
			if err != nil {
				t.Fatal(err)
			}
			if ok != test.ok {
				t.Errorf("ok is %t", ok)
			}
			if !strings.HasSuffix(out.String(), test.last+"\n") {
				t.Errorf("last line is not %q", test.last)
			}
			for _, want := range test.contains {
				if !strings.Contains(out.String(), want) {
					t.Errorf("no %q", want)
				}
			}
			if test.without != "" && strings.Contains(out.String(), test.without) {
				t.Errorf("%q is shown", test.without)
			}
			if t.Failed() {
				t.Logf("output:\n%s", out.String())
			}
		})
	}
}
