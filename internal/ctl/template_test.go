package ctl

import (
	"bufio"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/kolo/xmlrpc"
)

// shown gives what a result is shown as.
func shown(t testing.TB, text string, v any) (string, error) {
	t.Helper()
	parsed, err := parseTemplate(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	s := &session{stdout: bufio.NewWriter(&b)}
	err = s.showResult(text, parsed, v)
	s.stdout.Flush()
	return b.String(), err
}

func TestTemplate(t *testing.T) {
	for _, test := range []struct {
		template string
		value    any
		want     string
	}{
		{"", "a\nb", "\"a\\nb\"\n"},
		{"{}", "a\nb", "a\nb\n"},
		{"{}", nil, "\n"}, // how the codec gives an empty string
		{"{}", 2.0, "2.0\n"},
		{"{}", []any{int64(1), "b"}, "1\nb\n"},
		{"{}", []any{[]any{int64(1), "b"}}, "[1, \"b\"]\n"},
		{"{}", time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "2026-01-02 03:04:05\n"},
		{"{}", []any{}, ""},
		{"{:5}|", "é", "é    |\n"},
		{"{a:2}{a:0}{a:5}|", map[string]any{"a": "abc"}, "abcabcabc  |\n"},
		{"{{}{{{}}} }", "x", "{}{x}} }\n"},
		{"{a}", map[string]any{"b": "x"}, "\n"},
		{"{a}", "no struct", "\n"},
		{"plain", []any{"x", "y"}, "plain\nplain\n"},
		{"\x1b[1m{}\r", "\x1b]0;title\x07\u009b\u202e", `\u001b[1m\u001b]0;title\u0007\u009b\u202e\u000d` + "\n"},
	} {
		if got, err := shown(t, test.template, test.value); got != test.want || err != nil {
			t.Errorf("%q of %v: %q, %v; want %q", test.template, test.value, got, err, test.want)
		}
	}
	for _, bad := range []string{"{", "a{b", "{a:}", "{a:x}", "{a:-1}", "{a:1001}", "{a:99999999999999999999}", "{a:1:2}", "{{{"} {
		if _, err := parseTemplate(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// FuzzTemplate: whatever an extension brings, what is shown moves no cursor, and is
// little beside what it was made of.
func FuzzTemplate(f *testing.F) {
	for _, seed := range []string{"", "{}", "{a:20}|{b}", "{{", "{a:1000}", "\x1b[2J{}", "{:9}\u009b"} {
		f.Add(seed, "a\x1b\x7f")
	}
	f.Fuzz(func(t *testing.T, template, text string) {
		got, err := shown(t, template, []any{text, map[string]any{"a": text, "b": int64(1)}})
		if err != nil {
			return
		}
		if strings.ContainsFunc(got, unprintable) || !utf8.ValidString(got) {
			t.Errorf("%q with %q shows %q", template, text, got)
		}
		if most := 2 * (maxTemplateWidth + 6*(len(text)+2)) * (len(template) + 1); len(got) > most+100 {
			t.Errorf("%q with %q shows %d bytes", template, text, len(got))
		}
	})
}

// FuzzParams: words become values that the codec can write, or an error that tells
// which.
func FuzzParams(f *testing.F) {
	for _, kind := range []string{"string", "int", "boolean", "double", "json", "array", "struct"} {
		f.Add(kind, "a=1\n-5\n\"x y\"", true, false)
	}
	f.Fuzz(func(t *testing.T, kind, words string, optional, quoted bool) {
		c := pluginCommand{Name: "c", Arguments: []pluginArgument{{"first", "string", false}, {"last", kind, optional}}}
		if c.check() != nil {
			return
		}
		list := strings.Split(words, "\n")
		params, err := c.params(list, quoted)
		switch {
		case err != nil:
			if err.Error() == "" {
				t.Error("an error without a text")
			}
		case len(params) > 2:
			t.Errorf("%d parameters", len(params))
		default:
			if _, err := xmlrpc.EncodeMethodCall("m", params...); err != nil {
				t.Errorf("cannot encode %#v: %v", params, err)
			}
		}
	})
}
