package web

import (
	"io"
	"net/http"
	"net/url"
	"strings"
)

// maxForm is the largest body of a form, in bytes.
const maxForm = 64 << 10

// form is the fields of a request. An empty field counts as absent.
type form map[string]string

// readForm reads the fields as the reference does (supervisor.web,
// continue_request): of a name that comes twice the query's first counts and the
// body's last, and the body beats the query.
func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	f := form{}
	for name, value := range fields(r.URL.RawQuery) {
		if _, ok := f[name]; !ok {
			f[name] = value
		}
	}
	if r.Method != http.MethodPost {
		return f, nil
	}
	var body strings.Builder
	if _, err := io.Copy(&body, http.MaxBytesReader(w, r.Body, maxForm)); err != nil {
		return nil, err
	}
	for name, value := range fields(body.String()) {
		f[name] = value
	}
	return f, nil
}

// fields gives the fields of a query in order, as Python's parse_qsl does: what has
// no value is left out, and what is no escape stays as it is.
func fields(query string) func(yield func(name, value string) bool) {
	return func(yield func(name, value string) bool) {
		for pair := range strings.SplitSeq(query, "&") {
			name, value, _ := strings.Cut(pair, "=")
			if value != "" && !yield(unquote(name), unquote(value)) {
				return
			}
		}
	}
}

func unquote(s string) string {
	s = strings.ReplaceAll(s, "+", " ")
	if !strings.Contains(s, "%") {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if c, err := url.PathUnescape(s[i : i+3]); err == nil {
				b.WriteString(c)
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// quote writes text into a query as Python's quote does.
func quote(text string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(text))
}
