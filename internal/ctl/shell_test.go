package ctl

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/internal/pythontest"
)

func TestSplitVerbatim(t *testing.T) {
	for _, test := range []struct {
		line string
		want []string
	}{
		{"", nil},
		{"  a.b  1\tx ", []string{"a.b", "1", "x"}},
		{`a.b "two words" [1, "]", {"a": 2}] {"k": "v w"}`, []string{"a.b", `"two words"`, `[1, "]", {"a": 2}]`, `{"k": "v w"}`}},
		{`a.b "no end`, []string{"a.b", `"no`, "end"}},
		{`a.b [1, 2`, []string{"a.b", "[1,", "2"}},
		{`a.b "x"y`, []string{"a.b", `"x"`, "y"}},
	} {
		if got := splitVerbatim(test.line); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.line, got, test.want)
		}
	}
}

// FuzzSplitVerbatim: every argument that has a blank in it is JSON, and but for
// blanks nothing is lost.
func FuzzSplitVerbatim(f *testing.F) {
	for _, seed := range []string{"", "a b", `"a b" c`, `["`, `{"a": [1, 2]}x`, "\x1c\u3000é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if !utf8.ValidString(line) {
			t.Skip() // parts of it may be valid, put together
		}
		words := splitVerbatim(line)
		for _, word := range words {
			if strings.ContainsFunc(word, pytext.IsSpace) && !json.Valid([]byte(word)) {
				t.Errorf("%q: argument %q", line, word)
			}
		}
		blanks := func(r rune) rune {
			if pytext.IsSpace(r) {
				return -1
			}
			return r
		}
		if got, want := strings.Map(blanks, strings.Join(words, "")), strings.Map(blanks, line); got != want {
			t.Errorf("%q became %q", line, words)
		}
	})
}

// The lists of help are laid out as Python's cmd does.
func TestColumnsBesidePython(t *testing.T) {
	var lists [][]string
	for _, list := range [][]string{{"one"}, {"a", "bb", "ccc"}, commandNames()} {
		for i := range list {
			lists = append(lists, list[:i+1])
		}
	}
	widths := []int{4, 10, 33, 79}
	var want [][][]string
	pythontest.Run(t, `
import cmd, io, json, sys
lists, widths = json.load(sys.stdin)
def layout(words, width):
    out = io.StringIO()
    cmd.Cmd(stdout=out).columnize(words, width)
    return out.getvalue().splitlines()
print(json.dumps([[layout(words, width) for width in widths] for words in lists]))
`, []any{lists, widths}, &want)
	for i, words := range lists {
		for j, width := range widths {
			if got := columns(words, width); !slices.Equal(got, want[i][j]) {
				t.Errorf("%q in %d columns:\n%s\nwant:\n%s", words, width, strings.Join(got, "\n"), strings.Join(want[i][j], "\n"))
			}
		}
	}
}

func TestDocumentation(t *testing.T) {
	for _, test := range []struct {
		text string
		want []string
	}{
		{"", []string{""}},
		{"\n  One.\r\n\n    Two\n      three \n\n", []string{"One.", "", "Two", "  three"}},
		{" A\nb\n  c", []string{"A", "b", "  c"}},
	} {
		if got := documentation(test.text); !slices.Equal(got, test.want) {
			t.Errorf("%q: %q, want %q", test.text, got, test.want)
		}
	}
}
