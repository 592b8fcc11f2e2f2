package web

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/internal/pythontest"
)

func readFormOf(t testing.TB, method, query, body string) form {
	t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL.RawQuery = query
	f, err := readForm(httptest.NewRecorder(), r)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestForm(t *testing.T) {
	for _, tt := range []struct {
		method, query, body string
		want                form
	}{
		{http.MethodGet, "a=1&b=2", "", form{"a": "1", "b": "2"}},
		{http.MethodGet, "a=1&a=2", "a=3", form{"a": "1"}},
		{http.MethodPost, "a=1&b=2", "a=3&a=4", form{"a": "4", "b": "2"}},
		{http.MethodPost, "a=1", "a=", form{"a": "1"}},
		{http.MethodGet, "a=&b&=c&&d=e=f", "", form{"": "c", "d": "e=f"}},
	} {
		if got := readFormOf(t, tt.method, tt.query, tt.body); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s ?%s %s: %v, want %v", tt.method, tt.query, tt.body, got, tt.want)
		}
	}
}

// queries are parts of queries that are easily read wrong.
var queries = []string{
	"a=b+c", "a=b%20c", "a=%2B%26%3D%25", "a=%C3%A9", "a=%", "a=%4", "a=%zz%41", "a=1;b=2", "%61=1", "a+b=c", "a=%00", "a=é", "=", "&&", "a==", "a=%e2%82",
}

// TestFormAsInPython compares with parse_qsl.
func TestFormAsInPython(t *testing.T) {
	var want []map[string]string
	pythontest.Run(t, `
import json, sys
from urllib.parse import parse_qsl
def first(q):
    out = {}
    for k, v in parse_qsl(q):
        out.setdefault(k, v)
    return out
json.dump([first(q) for q in json.load(sys.stdin)], sys.stdout)
`, queries, &want)
	for i, query := range queries {
		if got := readFormOf(t, http.MethodGet, query, ""); !reflect.DeepEqual(got, form(want[i])) {
			t.Errorf("%s: %q, want %q", query, got, want[i])
		}
	}
}

// FuzzForm: what comes out is text, whatever came in, and what quote writes is read
// back.
func FuzzForm(f *testing.F) {
	for _, query := range queries {
		f.Add(query)
	}
	f.Add("a=\xff%ff")
	f.Fuzz(func(t *testing.T, query string) {
		for name, value := range fields(query) {
			if !utf8.ValidString(name) || !utf8.ValidString(value) {
				t.Errorf("%q: %q=%q", query, name, value)
			}
		}
		text := strings.ToValidUTF8(query, "?")
		if got := readFormOf(t, http.MethodGet, "a="+quote(text), ""); got["a"] != text {
			t.Errorf("%q becomes %q", text, got["a"])
		}
	})
}
