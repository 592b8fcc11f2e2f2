package config

import (
	_ "embed"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/internal/pythontest"
)

//go:embed testdata/python.py
var driver string

type pythonCase struct {
	Do   string `json:"do"`
	With any    `json:"with"`
}

// compare runs the cases with Python and with ours.
func compare(t *testing.T, cases []pythonCase, ours func(i int) (any, error)) {
	t.Helper()
	var want []struct {
		OK    any
		Error *string
	}
	pythontest.Run(t, driver, cases, &want)
	if len(want) != len(cases) {
		t.Fatalf("%d answers to %d cases", len(want), len(cases))
	}
	for i, c := range cases {
		got, err := ours(i)
		switch {
		case err != nil && (want[i].Error == nil || *want[i].Error != err.Error()):
			t.Errorf("%s %q: error %q, Python has %v %q", c.Do, c.With, err, want[i].OK, deref(want[i].Error))
		case err == nil && (want[i].Error != nil || !reflect.DeepEqual(plainJSON(t, got), want[i].OK)):
			t.Errorf("%s %q: %q, Python has %q %q", c.Do, c.With, got, want[i].OK, deref(want[i].Error))
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// pick strings words together at random.
func pick(rng *rand.Rand, words []string, most int) string {
	var b strings.Builder
	for range rng.IntN(most + 1) {
		b.WriteString(words[rng.IntN(len(words))])
	}
	return b.String()
}

// parseTexts reads texts into one document, as parse in python.py does.
func parseTexts(texts []string) (any, error) {
	d := newDocument()
	for _, text := range texts {
		if err := d.merge("a file", []byte(text), false); err != nil {
			return nil, err
		}
	}
	out := []any{}
	for _, s := range d.sections() {
		keys := []any{}
		for _, k := range d.keys(s) {
			value, _ := d.get(s, k.Name())
			keys = append(keys, []string{k.Name(), value})
		}
		out = append(out, []any{s.Name(), keys})
	}
	return out, nil
}

func TestScanAgainstPython(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"\n", "\n", "\n", "\n\n", "\r\n", "\r", " ", " ", "\t", "[", "]", "[a]\n", "[a]\n", "[b.c:d]\n", "[DEFAULT]\n", "[A]", "=", "=", ":", ";", "#", " ;", " #", "; x", "a", "b", "Key", "É", "ß",
		"k=v\n", "k = v ; c\n", "  more\n", "'", `"`, "\\", "%(x)s", "%", "\x1c", "\u00a0", "\u2028", "\x0b", "\x00", "é", "😀", "rem ", "a.b-c", "\ufeff"}
	lines := []string{"[a]", "[b]", "[a]", "[DEFAULT]", "  [c]", "[x] ; c", "k=v", "k : v", "  k2=w", "\tl=\t x", "k=", "K = 1", "  more", "    deeper ; c", "", "", "  ", "; c", "  # c", "k=a;b ; c # d", "k=#", "novalue", "=v", "rem x", "[]", "k=1 #2 ;3", "q=';'"}
	var cases []pythonCase
	for range 2000 {
		var texts []string
		for range 1 + rng.IntN(2) {
			text := pick(rng, pieces, 14)
			if rng.IntN(2) == 0 {
				text = "[s]\n"
				for range rng.IntN(12) {
					text += lines[rng.IntN(len(lines))] + "\n"
				}
			}
			texts = append(texts, text)
		}
		cases = append(cases, pythonCase{"parse", texts})
	}
	compare(t, cases, func(i int) (any, error) { return parseTexts(cases[i].With.([]string)) })
}

func TestLexersAgainstPython(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	pieces := []string{"A", "b1", "_", "=", ",", " ", " ", "\t", "\n", "\r", `"`, `"`, "'", "'", `\`, "#", ";", "~", "/x", "é", "×", "€", "(", ".", "&", "\x0b", "A=1,", `B="2"`}
	var cases []pythonCase
	for range 2000 {
		text := pick(rng, pieces, 9)
		cases = append(cases, pythonCase{"split", text}, pythonCase{"pairs", text})
	}
	compare(t, cases, func(i int) (any, error) {
		text := cases[i].With.(string)
		words, err := SplitCommand(text)
		if cases[i].Do == "pairs" {
			words, err = (&lexer{in: []rune(text)}).tokens()
		}
		return append([]string{}, words...), err
	})
}

func TestPathsAgainstPython(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	pieces := []string{"/", "/", "//", ".", "..", "a", "bc", " "}
	var cases []pythonCase
	for range 1000 {
		text := pick(rng, pieces, 7)
		cases = append(cases, pythonCase{"normpath", text}, pythonCase{"dirname", text})
	}
	bytes := []string{"61", "c3a9", "e282ac", "f09f9880", "80", "c0", "c3", "e2", "e282", "f0", "f09f", "eda080", "ff", "f4", "90", "e0", "bf"}
	for range 1000 {
		cases = append(cases, pythonCase{"utf8", pick(rng, bytes, 5)})
	}
	compare(t, cases, func(i int) (any, error) {
		text := cases[i].With.(string)
		switch cases[i].Do {
		case "normpath":
			return normPath(text), nil
		case "dirname":
			return dirname(text), nil
		}
		raw, err := hex.DecodeString(text)
		if err != nil {
			return nil, err
		}
		return string(raw), checkUTF8(raw)
	})
}

func TestGlobAgainstPython(t *testing.T) {
	names := []string{"a.conf", "b.conf", ".h.conf", "d/a.conf", "d/.x", "e/a.conf", "e/f/g.conf", ".k/a.conf", "a[1]", "a]", "é", "-", "!"}
	patterns := []string{"*", "*.conf", "?.conf", "[ab].conf", "[!a].conf", "[a-b]*", "d/*", "*/a.conf", "*/*", "*/f/*", ".*", ".*/*", "a.conf", "nope", "d/", "*/", "d", "**/a.conf", "a[[]1]", "a[]]", "[", "[!]", "[]a]*", "a[1]", "?", "[!-]", "[b-a]", "[--!]", "d/../*.conf", "", "*/nope", "[!!]", "*a*.*"}
	dir := t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cases := []pythonCase{{"glob", map[string]any{"names": names, "patterns": patterns}}}
	compare(t, cases, func(int) (any, error) {
		var out [][]string
		for _, p := range patterns {
			found := []string{}
			for _, path := range glob(systemFiles{}, dir+"/"+p) {
				found = append(found, strings.TrimPrefix(path, dir+"/"))
			}
			slices.Sort(found)
			out = append(out, found)
		}
		return out, nil
	})
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"[a]\nk=v\n", "[a]\nk=\n  v ; c\n\n  w\n", "=", "[a]\n=5\n x\n", "[a\n", "k=a;b ; c # d", "\ufeff[a]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		blocks, err := scan("f", text)
		if err != nil {
			return
		}
		// What was read, written plainly, reads the same.
		var plain strings.Builder
		for _, b := range blocks {
			fmt.Fprintf(&plain, "[%s]\n", b.name)
			for _, k := range b.keys {
				if strings.Contains(k.value(), "\n") || strings.ContainsAny(b.name+k.name+k.value(), ";#") {
					return
				}
				fmt.Fprintf(&plain, "%s=%s\n", k.name, k.value())
			}
		}
		again, err := scan("f", plain.String())
		if err != nil || len(again) != len(blocks) {
			t.Fatalf("%q reads as %q: %v", text, plain.String(), err)
		}
		for i, b := range blocks {
			for j, k := range b.keys {
				if got := again[i].keys[j]; got.name != k.name || got.value() != k.value() {
					t.Errorf("%q: key %q=%q reads back %q=%q", text, k.name, k.value(), got.name, got.value())
				}
			}
		}
	})
}

func FuzzEnvironment(f *testing.F) {
	for _, s := range []string{`A=1,B="2"`, "A=", `A="\"`, "A='", "#", `\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		vars, err := parseEnvironment(s)
		seen := map[string]bool{}
		for _, v := range vars {
			if err != nil || seen[v.Name] {
				t.Errorf("parseEnvironment(%q) = %v, %v", s, vars, err)
			}
			seen[v.Name] = true
		}
	})
}

// TestSignalsAgainstPython: names to numbers, and numbers to the name shown, of
// which the one listed last wins.
func TestSignalsAgainstPython(t *testing.T) {
	var answer []struct{ OK [2]map[string]any }
	pythontest.Run(t, driver, []pythonCase{{"signals", nil}}, &answer)
	numbers, names := answer[0].OK[0], answer[0].OK[1]
	valid := map[int64]bool{}
	for name, number := range numbers {
		want := int(number.(float64))
		valid[int64(want)] = true
		if got, ok := signalNumber(name); !ok || got != want {
			t.Errorf("signalNumber(%s) = %d, %v; Python has %d", name, got, ok, want)
		}
	}
	for n := int64(-2); n < 70; n++ {
		if isSignal(n) != valid[n] {
			t.Errorf("isSignal(%d) = %v", n, isSignal(n))
		}
		if name, ok := names[fmt.Sprint(n)]; ok && core.SignalName(int(n)) != name {
			t.Errorf("core.SignalName(%d) = %s, Python has %s", n, core.SignalName(int(n)), name)
		}
	}
	if got := core.SignalName(33); got != "signal 33" {
		t.Errorf("core.SignalName(33) = %s", got)
	}
}
