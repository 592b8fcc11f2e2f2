package pytext

import (
	_ "embed"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/internal/pythontest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestRepr(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 0, 0, time.UTC)
	for _, tc := range []struct {
		in        rpcinterface.Value
		repr, str string
	}{
		{nil, "None", "None"},
		{rpcinterface.Nil{}, "None", "None"},
		{rpcinterface.Bool(true), "True", "True"},
		{rpcinterface.Bool(false), "False", "False"},
		{rpcinterface.Int(-7), "-7", "-7"},
		{rpcinterface.Double(1000), "1000.0", "1000.0"},
		{rpcinterface.String("it's"), `"it's"`, "it's"},
		{rpcinterface.String("a\xff"), `'a\udcff'`, "a\xff"},
		{rpcinterface.Bytes("a\xffb"), `b'a\xffb'`, `b'a\xffb'`},
		{rpcinterface.Time(at), "datetime.datetime(2024, 1, 2, 3, 4)", "2024-01-02 03:04:00"},
		{rpcinterface.Time(at.Add(5 * time.Second)), "datetime.datetime(2024, 1, 2, 3, 4, 5)", "2024-01-02 03:04:05"},
		{rpcinterface.Array{rpcinterface.String("a"), nil}, "['a', None]", "['a', None]"},
		{rpcinterface.Struct{{Name: "k", Value: rpcinterface.Int(1)}, {Name: "l", Value: rpcinterface.Array{}}}, "{'k': 1, 'l': []}", "{'k': 1, 'l': []}"},
	} {
		if got := Repr(tc.in); got != tc.repr {
			t.Errorf("Repr(%#v) = %s, want %s", tc.in, got, tc.repr)
		}
		if got := Str(tc.in); got != tc.str {
			t.Errorf("Str(%#v) = %s, want %s", tc.in, got, tc.str)
		}
	}
}

func TestParseInt(t *testing.T) {
	for _, tc := range []struct {
		in   string
		base int
		want int64
		err  string
	}{
		{"1_000", 10, 1000, ""},
		{" 7 ", 10, 7, ""},
		{"+3", 10, 3, ""},
		{"007", 10, 7, ""},
		{"0o22", 8, 18, ""},
		{"99999999999999999999", 10, 1<<63 - 1, ""},
		{"-99999999999999999999", 10, -1 << 63, ""},
		{"x", 10, 0, "invalid literal for int() with base 10: 'x'"},
		{"9", 8, 0, "invalid literal for int() with base 8: '9'"},
	} {
		got, err := ParseInt(tc.in, tc.base)
		if got != tc.want || errText(err) != tc.err {
			t.Errorf("ParseInt(%q, %d) = %d, %v; want %d, %q", tc.in, tc.base, got, err, tc.want, tc.err)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// names is a Mapping in the order of its members.
type names rpcinterface.Struct

func (n names) Lookup(name string) (rpcinterface.Value, bool) {
	return rpcinterface.Struct(n).Get(name)
}

func (n names) Names() []string {
	var out []string
	for _, m := range n {
		out = append(out, m.Name)
	}
	return out
}

var formatArgs = names{
	{Name: "here", Value: rpcinterface.String("/etc")},
	{Name: "c", Value: rpcinterface.String("é")},
	{Name: "a(b)", Value: rpcinterface.String(`it's "quoted"`)},
	{Name: "", Value: rpcinterface.String("")},
	{Name: "n", Value: rpcinterface.Int(10)},
	{Name: "m", Value: rpcinterface.Int(-255)},
	{Name: "z", Value: rpcinterface.Int(0)},
}

func TestFormat(t *testing.T) {
	for _, tc := range []struct{ in, want, err string }{
		{"plain", "plain", ""},
		{"%(n)04x|%(here)5s|%(here)-6s|%(c)r", "000a| /etc|/etc  |'é'", ""},
		{"%%Y", "%Y", ""},
		{"%s", `{'here': '/etc', 'c': 'é', 'a(b)': 'it\'s "quoted"', '': '', 'n': 10, 'm': -255, 'z': 0}`, ""},
		{"%s%s", "", "not enough arguments for format string"},
		{"50%", "", "incomplete format"},
		{"%(n", "", "incomplete format key"},
		{"%Y", "", "unsupported format character 'Y' (0x59) at index 1"},
		{"%(here)d", "", "%d format: a real number is required, not str"},
		{"%(here)x", "", "%x format: an integer is required, not str"},
		{"%(nope)s", "", "'nope'"},
		{"%(n)99999999999999999999s", "", "width too big"},
	} {
		got, err := Format(tc.in, formatArgs)
		if got != tc.want || errText(err) != tc.err {
			t.Errorf("Format(%q) = %q, %v; want %q, %q", tc.in, got, err, tc.want, tc.err)
		}
	}
	_, err := Format("%(nope)s", formatArgs)
	if _, ok := err.(*KeyError); !ok {
		t.Errorf("a missing key is %T, want *KeyError", err)
	}
}

//go:embed testdata/pytext.py
var driver string

// TestAgainstPython compares with Python's own on random texts.
func TestAgainstPython(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	pick := func(words []string, most int) string {
		var b strings.Builder
		for range rng.IntN(most + 1) {
			b.WriteString(words[rng.IntN(len(words))])
		}
		return b.String()
	}
	type input struct {
		Kind, Text string
		Base       int
		Float      float64
	}
	var in []input
	texts := []string{"a", "'", `"`, `\`, "\n", "\t", "\r", "\x00", "\x1f", "\x7f", " ", "é", "\u00a0", "\u00ad", "\u2028", "\ufeff", "€", "😀", "\U000e0001", "~"}
	ints := []string{"0", "1", "7", "9", "_", "_", "-", "+", " ", "\n", "\x1c", "o", "0o", "O", "x", "٣", "９", "\u00a0", "é", ".", "12345678901234567890"}
	formats := []string{"%", "%", "%(", "%(n)", "%(m)", "%(z)", "%(here)", "%(c)", "%(a(b))", "%()", "%(nope)", ")", "(", "-", "+", " ", "#", "0", "1", "5", "12", "*", ".", "h", "l", "L",
		"s", "r", "a", "d", "i", "u", "o", "x", "X", "e", "E", "f", "F", "g", "G", "c", "%%", "q", "é", "text", "s", "d"}
	for range 4000 {
		in = append(in,
			input{Kind: "repr", Text: pick(texts, 8)},
			input{Kind: "bytes", Text: pick(texts, 8)},
			input{Kind: "int", Text: pick(ints, 5), Base: 8 + 2*rng.IntN(2)},
			input{Kind: "float", Float: rng.NormFloat64() * []float64{1e-7, 1e-3, 1, 1e5, 1e15, 1e16, 1e22}[rng.IntN(7)]},
			input{Kind: "format", Text: pick(formats, 7)},
			input{Kind: "format", Text: "%" + pick(formats[5:7], 1) + pick(formats[13:26], 4) + pick(formats[26:42], 1)},
			input{Kind: "format", Text: "%(" + []string{"n", "m", "here", "c"}[rng.IntN(4)] + ")" + pick(formats[13:23], 4) + formats[26+rng.IntN(16)]},
		)
	}
	for r := range rune(0x3000) {
		in = append(in, input{Kind: "space", Text: string(r)})
	}
	in = append(in, input{Kind: "int", Text: strings.Repeat("x'", 300), Base: 10}, input{Kind: "int", Text: strings.Repeat("9", 4301), Base: 10})
	var want []string
	pythontest.Run(t, driver, map[string]any{"args": formatArgs, "cases": in}, &want)
	if len(want) != len(in) {
		t.Fatalf("%d answers to %d cases", len(want), len(in))
	}
	for i, c := range in {
		var got string
		var err error
		switch c.Kind {
		case "repr":
			got = ReprString(c.Text)
		case "bytes":
			got = ReprBytes([]byte(c.Text))
		case "float":
			got = Repr(rpcinterface.Double(c.Float))
		case "int":
			var n int64
			n, err = ParseInt(c.Text, c.Base)
			got = Repr(rpcinterface.Int(n))
		case "format":
			got, err = Format(c.Text, formatArgs)
		case "space":
			got = Repr(rpcinterface.Bool(IsSpace([]rune(c.Text)[0])))
		}
		if err != nil {
			got = "error: " + err.Error()
		}
		if got != want[i] {
			t.Errorf("%s %q (base %d, %v): %q, Python has %q", c.Kind, c.Text, c.Base, c.Float, got, want[i])
		}
	}
}

func FuzzFormat(f *testing.F) {
	for _, s := range []string{"%(n)04x", "%s", "%(here)5s", "%(c)r", "%", "%(", "%*.*d", "%(n)*d", "é%é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, format string) {
		out, err := Format(format, formatArgs)
		if err == nil && !strings.Contains(format, "%") && out != format {
			t.Errorf("Format(%q) = %q", format, out)
		}
	})
}

func FuzzParseInt(f *testing.F) {
	for _, s := range []string{"1_000", " 7 ", "0o22", "٣", "-", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := ParseInt(s, 10); err == nil {
			if again, err := ParseInt(Repr(rpcinterface.Int(n)), 10); err != nil || again != n {
				t.Errorf("ParseInt(%q) = %d does not read back", s, n)
			}
		}
	})
}
