package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// root is the repository's directory.
var root = filepath.Join("..", "..")

// row is a line of a table.
type row struct {
	heading string   // without its signs
	names   []string // what it is about
	status  string
	tests   string
}

var code = regexp.MustCompile("`([^`]+)`")

// spans gives what stands in backticks.
func spans(text string) (out []string) {
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

func heading(line string) (string, bool) {
	text := strings.TrimLeft(line, "#")
	return strings.TrimSpace(strings.ReplaceAll(text, "`", "")), text != line
}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// rows reads all tables of the page.
func rows(t *testing.T) (out []row) {
	t.Helper()
	var under string
	for line := range strings.Lines(readDoc(t, "compatibility-table.md")) {
		line = strings.TrimSpace(line)
		if h, ok := heading(line); ok {
			under = h
			continue
		}
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 3 {
			t.Errorf("not three cells: %s", line)
			continue
		}
		out = append(out, row{under, spans(cells[0]), strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])})
	}
	return out
}

// namesUnder gives what the tables under a heading are about.
func namesUnder(t *testing.T, heading string) (out []string) {
	t.Helper()
	for _, r := range rows(t) {
		if r.heading == heading {
			out = append(out, r.names...)
		}
	}
	return out
}

// compare says what the table under a heading lacks, and what it has that is not.
func compare(t *testing.T, heading string, want []string) {
	t.Helper()
	if len(want) == 0 {
		t.Errorf("%s: nothing is found in the source", heading)
	}
	got := namesUnder(t, heading)
	for _, name := range want {
		if !slices.Contains(got, name) {
			t.Errorf("%s: %s has no row", heading, name)
		}
	}
	for i, name := range got {
		if !slices.Contains(want, name) {
			t.Errorf("%s: there is no %s", heading, name)
		}
		if slices.Contains(got[:i], name) {
			t.Errorf("%s: %s has two rows", heading, name)
		}
	}
}

var link = regexp.MustCompile(`^(?:differs|refused): \[([^\]]+)\]\(compatibility\.md#([a-z0-9-]+)\)$`)

// TestStatuses: a status is one of four, and leads to the table of its difference.
func TestStatuses(t *testing.T) {
	var headings []string
	for line := range strings.Lines(readDoc(t, "compatibility.md")) {
		if h, ok := heading(line); ok {
			headings = append(headings, h)
		}
	}
	for _, r := range rows(t) {
		if r.status == "works" || r.status == "new" {
			continue
		}
		m := link.FindStringSubmatch(r.status)
		if m == nil {
			t.Errorf("%s %v: unknown status %q", r.heading, r.names, r.status)
			continue
		}
		if !slices.Contains(headings, m[1]) || m[2] != strings.ReplaceAll(strings.ToLower(m[1]), " ", "-") {
			t.Errorf("%s %v: %q leads nowhere", r.heading, r.names, r.status)
		}
	}
}
