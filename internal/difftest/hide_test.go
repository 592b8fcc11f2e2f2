package difftest

import (
	"regexp"
	"strings"
)

// hideText replaces in text what is different in each run.
func (p *player) hideText(s string) string {
	s = strings.ReplaceAll(s, p.dir, "$D")
	s = strings.ReplaceAll(s, p.program.path, "SUPERVISORD")
	s = strings.ReplaceAll(s, bin, "$BIN")
	for _, h := range hidden {
		s = h.pattern.ReplaceAllString(s, h.by)
	}
	return s
}

var hidden = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`\bpid \d+`), "pid PID"},
	{regexp.MustCompile(`\bpid:\d+`), "pid:PID"},
	{regexp.MustCompile(`('\w+') \(\d+\)`), "$1 (PID)"},
	{regexp.MustCompile(`(?m)^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} `), "TIME "},
	{regexp.MustCompile(`\buptime (\d+ days?, )?\d+:\d\d:\d\d`), "uptime TIME"},
	{regexp.MustCompile(`\b[A-Z][a-z]{2} \d\d \d\d:\d\d [AP]M\b`), "TIME"},
	{regexp.MustCompile(`(---[\w-]+)-[a-z0-9_]{8}\.log`), "$1-RANDOM.log"},
}

// hide does the same for values.
func (p *player) hide(v any) any {
	switch v := v.(type) {
	case string:
		return p.hideText(v)
	case binary:
		return binary(p.hideText(string(v)))
	case array:
		out := make(array, len(v))
		for i, e := range v {
			out[i] = p.hide(e)
		}
		return out
	case object:
		out := make(object, len(v))
		for i, m := range v {
			out[i] = member{m.name, p.hideMember(m)}
		}
		return out
	case fault:
		return fault{v.code, p.hide(v.text)}
	}
	return v
}

func (p *player) hideMember(m member) any {
	n, ok := m.value.(int64)
	if !ok || n == 0 {
		return p.hide(m.value)
	}
	switch m.name {
	case "pid":
		return word("PID")
	case "start", "stop", "now":
		return word("TIME")
	}
	return m.value
}
