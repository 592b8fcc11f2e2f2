package config

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
)

// block is one section as it stands in a file. A name may come again in another
// block, a key again in one.
type block struct {
	name string
	keys []*keyLine
}

type keyLine struct {
	name  string
	lines []string
}

func (k *keyLine) value() string { return pytext.RStrip(strings.Join(k.lines, "\n")) }

// scan reads the lines of a file as Python's RawConfigParser does with
// inline_comment_prefixes (";", "#") and strict off:
//
//   - a comment begins with ; or #, at the start of a line or after white space,
//     wherever in the line that is;
//   - a line that is indented deeper than the key's continues its value, and blank
//     lines within are kept;
//   - a section's name is what stands between [ and the line's last ];
//   - a key ends at the first = or :, in lower case.
//
// The error has Python's text. It names every line that is wrong, but for one
// that comes before any section, which is named alone.
func scan(file, text string) ([]*block, error) {
	s := scanner{file: file}
	for number, line := range lines(text) {
		if err := s.line(number+1, line); err != nil {
			return nil, err
		}
	}
	if len(s.bad) > 0 {
		return nil, fmt.Errorf("Source contains parsing errors: %s%s", pytext.ReprString(file), strings.Join(s.bad, "")) //nolint:staticcheck // Python's text
	}
	return s.blocks, nil
}

// lines splits a text at its line ends, which stay. \r\n and \r count as \n.
func lines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	text = strings.ReplaceAll(text, "\r", "\n")
	out := strings.SplitAfter(text, "\n")
	if out[len(out)-1] == "" {
		out = out[:len(out)-1]
	}
	return out
}

type scanner struct {
	file   string
	blocks []*block
	key    *keyLine // the one that further lines may continue
	indent int      // of the last header or key, in characters
	bad    []string
}

func (s *scanner) line(number int, line string) error {
	content, comment := cutComment(line)
	value := pytext.Strip(content)
	if value == "" {
		if !comment && s.key != nil {
			s.key.lines = append(s.key.lines, "")
		}
		return nil
	}
	indent := utf8.RuneCountInString(line) - utf8.RuneCountInString(strings.TrimLeftFunc(line, pytext.IsSpace))
	if s.key != nil && indent > s.indent {
		s.key.lines = append(s.key.lines, value)
		return nil
	}
	s.indent = indent
	if name, ok := header(value); ok {
		s.blocks = append(s.blocks, &block{name: name})
		s.key = nil
		return nil
	}
	if len(s.blocks) == 0 {
		return errors.New("File contains no section headers.\nfile: " + pytext.ReprString(s.file) + //nolint:staticcheck // Python's text
			fmt.Sprintf(", line: %d\n", number) + pytext.ReprString(line))
	}
	i := strings.IndexAny(value, "=:")
	if i <= 0 {
		s.bad = append(s.bad, fmt.Sprintf("\n\t[line %2d]: %s", number, pytext.ReprString(line)))
		if i == 0 { // a key without a name is not continued
			s.key = nil
		}
		return nil
	}
	s.key = &keyLine{name: strings.ToLower(pytext.RStrip(value[:i])), lines: []string{pytext.Strip(value[i+1:])}}
	b := s.blocks[len(s.blocks)-1]
	b.keys = append(b.keys, s.key)
	return nil
}

// header gives the section's name when the line, without white space around it,
// begins with a header.
func header(value string) (string, bool) {
	end := strings.LastIndexByte(value, ']')
	if value[0] != '[' || end < 2 {
		return "", false
	}
	return value[1:end], true
}

// cutComment gives the line up to its comment, and whether it has one. As in
// Python the first ; and the first # are looked at, then the second of each and
// so on, until one of them begins a comment: in `a;b ; c # d` that is the #.
func cutComment(line string) (content string, comment bool) {
	if trimmed := strings.TrimLeftFunc(line, pytext.IsSpace); trimmed != "" && (trimmed[0] == ';' || trimmed[0] == '#') {
		return "", true
	}
	semicolon, hash := -1, -1
	for {
		semicolon, hash = indexFrom(line, ';', semicolon), indexFrom(line, '#', hash)
		start := len(line)
		for _, i := range []int{semicolon, hash} {
			if i < start && startsComment(line, i) {
				start = i
			}
		}
		if start < len(line) {
			return line[:start], true
		}
		if semicolon == len(line) && hash == len(line) {
			return line, false
		}
	}
}

// indexFrom gives the place of the next c behind i, or the line's length.
func indexFrom(line string, c byte, i int) int {
	if i < len(line) {
		if n := strings.IndexByte(line[i+1:], c); n >= 0 {
			return i + 1 + n
		}
	}
	return len(line)
}

func startsComment(line string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:i])
	return i == 0 || pytext.IsSpace(before)
}
