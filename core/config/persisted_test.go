package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func options(pairs ...string) rpcinterface.Struct {
	var out rpcinterface.Struct
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, rpcinterface.Member{Name: pairs[i], Value: rpcinterface.String(pairs[i+1])})
	}
	return out
}

func samplePersisted() *Persisted {
	return &Persisted{
		Groups: []rpcinterface.GroupInfo{{Name: "batch", Priority: 999}, {Name: "früh", Priority: -3}},
		Programs: []PersistedProgram{
			{Group: "web", Name: "worker", Options: options(
				"command", "/bin/sh -c \"echo '100%%; it''s#1'; exec cat\"",
				"environment", "A=\"1\",\nB=\"zwei\n\ndrei\",C=\"é€😀\"",
				"numprocs", "3", "process_name", "%(program_name)s_%(process_num)02d",
				"directory", "", "stdout_logfile", "\n/tmp/x")},
			{Name: "alone", Options: options("command", ";no comment", "x:y", "kept")},
			{Name: "bare"},
		},
	}
}

func TestPersistedRoundTrip(t *testing.T) {
	want := samplePersisted()
	want.Programs[1].Options = options("command", ";no comment")
	text := want.Format()
	got, err := ParsePersisted("/f", text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read as %+v\nwritten %+v\n%s", got, want, text)
	}
	if again := got.Format(); again != text {
		t.Errorf("written again as\n%s\nat first\n%s", again, text)
	}
	for _, line := range []string{"[group:früh]\nprograms=\npriority=-3\n", "[program:worker]\nplugvisor.group=web\ncommand=", "[program:alone]\ncommand="} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
	empty, err := ParsePersisted("/f", new(Persisted).Format())
	if err != nil || !reflect.DeepEqual(empty, new(Persisted)) {
		t.Errorf("nothing is read as %+v, %v", empty, err)
	}
}

// What a file cannot hold is noticed before it is written.
func TestCheckPersisted(t *testing.T) {
	for _, tc := range []struct {
		program PersistedProgram
		want    string // "" where it can be written
	}{
		{samplePersisted().Programs[0], ""},
		{PersistedProgram{Name: "x", Options: options("command", "a ; b")}, "program 'x' cannot be written to a file: command='a ; b' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("command", "a\n# b")}, "program 'x' cannot be written to a file: command='a\\n# b' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("command", " a")}, "program 'x' cannot be written to a file: command=' a' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("command", "a\n  b")}, "program 'x' cannot be written to a file: command='a\\n  b' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("command", "a\r\nb")}, "program 'x' cannot be written to a file: command='a\\r\\nb' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("a=b", "c")}, "program 'x' cannot be written to a file: a=b='c' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("command", "a\n\n")}, "program 'x' cannot be written to a file: command='a\\n\\n' is read as another value"},
		{PersistedProgram{Name: "x", Options: options("plugvisor.group", "web")}, "program 'x' cannot be written to a file: its name, or its group's, is read as another"},
		{PersistedProgram{Name: "x]\ncommand=b\n[program:y", Options: options("command", "a")}, "program 'x]\\ncommand=b\\n[program:y' cannot be written to a file: it is not read as one section"},
		{PersistedProgram{Name: "x ;y", Options: options("command", "a")}, "program 'x ;y' cannot be written to a file: "},
		{PersistedProgram{Name: "x", Group: "a\nb", Options: options("command", "a")}, "program 'x' cannot be written to a file: "},
		{PersistedProgram{Name: "x", Group: "a:b", Options: options("command", "a")}, "program 'x' cannot be written to a file: "},
		{PersistedProgram{Name: "x", Options: options("a", "\xff")}, "program 'x' cannot be written to a file: 'utf-8' codec can't decode"},
		{PersistedProgram{Name: "x", Options: options("", "v")}, "program 'x' cannot be written to a file: "},
		{PersistedProgram{Name: "x", Options: options("[a", "v]")}, "program 'x' cannot be written to a file: "},
	} {
		err := CheckPersisted(tc.program)
		if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.HasPrefix(err.Error(), tc.want)) {
			t.Errorf("%+v: %v, want %q", tc.program, err, tc.want)
		}
	}
	for name, ok := range map[string]bool{"g": true, "é": true, "": false, "a b": false, "a:b": false, "a\nb": false, " a": false, "x ;y": false} {
		if err := CheckPersistedGroup(rpcinterface.GroupInfo{Name: name, Priority: 5}); (err == nil) != ok {
			t.Errorf("group %q: %v", name, err)
		}
	}
}

// A damaged file is refused whole, with its place.
func TestDamagedPersisted(t *testing.T) {
	for text, want := range map[string]string{
		"command=x\n":                          "no section headers",
		"[program:x]\ncommand\n":               "'/f'\n\t[line  2]: 'command\\n'",
		"[program:x]\na=1\n[program:x]\n":      "it stands twice in section 'program:x' (file: '/f')",
		"[program:x]\na=1\nA=2\n":              "a stands twice in section 'program:x' (file: '/f')",
		"[supervisord]\n":                      "it is neither [group:x] nor [program:x] in section 'supervisord' (file: '/f')",
		"[group:x]\nprograms=a\n":              "programs is not empty; a program says itself what group it is in, with plugvisor.group in section 'group:x' (file: '/f')",
		"[group:x]\npriority=high\n":           "priority='high' is not a number in section 'group:x' (file: '/f')",
		"[group:x]\ncolour=red\n":              "a group has no key colour in section 'group:x' (file: '/f')",
		"[group:a b]\n":                        "in section 'group:a b' (file: '/f')",
		"[group: a]\n":                         "in section 'group: a' (file: '/f')",
		"[program:x]\nplugvisor.group=a\n b\n": "plugvisor.group='a\\nb' is not a name in section 'program:x' (file: '/f')",
		"[program:x]\na=\xff\n":                "'utf-8' codec can't decode",
	} {
		p, err := ParsePersisted("/f", text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, p, err, want)
		}
	}
}

// TestTruncatedPersisted cuts a file off at each byte.
func TestTruncatedPersisted(t *testing.T) {
	whole := samplePersisted().Format()
	for i := 1; i < len(whole)-1; i++ {
		if p, err := ParsePersisted("/f", whole[:i]); err == nil {
			t.Errorf("the first %d bytes are read as %+v", i, p)
		}
	}
	if _, err := ParsePersisted("/f", whole[:len(whole)-1]); err != nil {
		t.Errorf("without its last line end: %v", err)
	}
	if _, err := ParsePersisted("/f", "[program:x]\ncommand=by hand\n"); err != nil {
		t.Errorf("a file that a person wrote: %v", err)
	}
}

func TestUniqueOptions(t *testing.T) {
	got := Unique(rpcinterface.Struct{
		{Name: "A", Value: rpcinterface.Int(1)}, {Name: "b", Value: rpcinterface.String("")},
		{Name: "a", Value: rpcinterface.Int(2)}, {Name: "c", Value: rpcinterface.Nil{}},
	})
	want := rpcinterface.Struct{{Name: "a", Value: rpcinterface.Int(2)}, {Name: "b", Value: rpcinterface.String("")}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Whatever a file holds, it is read or refused with a text; and what is read is the
// same when it was written and read again.
func FuzzPersisted(f *testing.F) {
	f.Add(samplePersisted().Format())
	f.Add("[group:a]\npriority=+7\n[program:b]\nplugvisor.group=a\nx=1\n 2\n\n 3\n")
	f.Add("[program:[x]\n[a=b\n k=v ; c\n")
	f.Add("[program:x]\nplugvisor.group=\u2028a\ny: z=1\u0085\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := ParsePersisted("/f", text)
		if err != nil {
			if strings.TrimSpace(err.Error()) == "" {
				t.Errorf("%q is refused without a text", text)
			}
			return
		}
		written := p.Format()
		again, err := ParsePersisted("/f", written)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Errorf("%q is read as %+v, written as %q, and read as %+v, %v", text, p, written, again, err)
		}
	})
}
