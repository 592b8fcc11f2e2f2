package ctl

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxTemplateWidth bounds the columns that a template asks for.
const maxTemplateWidth = 1000

// template shows a line of a result: pieces of text and places for values.
type template []piece

// piece is a text, or a place where text is "".
type piece struct {
	text   string
	member string // of the struct; "" for the value itself
	width  int    // in columns, at least
}

// parseTemplate reads "{}", "{member}", "{member:width}" and "{{". A brace that
// closes nothing is a brace.
func parseTemplate(text string) (template, error) {
	var t template
	for text != "" {
		open := strings.IndexByte(text, '{')
		switch {
		case open < 0:
			return append(t, piece{text: text}), nil
		case open > 0:
			t = append(t, piece{text: text[:open]})
			text = text[open:]
		case strings.HasPrefix(text, "{{"):
			t = append(t, piece{text: "{"})
			text = text[2:]
		default:
			inner, rest, ok := strings.Cut(text[1:], "}")
			if !ok {
				return nil, fmt.Errorf("'%s' has no '}'", text)
			}
			p, err := parsePlace(inner)
			if err != nil {
				return nil, err
			}
			t = append(t, p)
			text = rest
		}
	}
	return t, nil
}

func parsePlace(inner string) (piece, error) {
	member, width, ok := strings.Cut(inner, ":")
	p := piece{member: member}
	if !ok {
		return p, nil
	}
	n, err := strconv.ParseUint(width, 10, 32)
	if err != nil || n > maxTemplateWidth {
		return piece{}, fmt.Errorf("'{%s}' has no width from 0 to %d", inner, maxTemplateWidth)
	}
	p.width = int(n)
	return p, nil
}

// showResult prints a result by a template, "" for JSON: an array has a line for
// each element, anything else is one line.
func (s *session) showResult(text string, t template, v any) error {
	lines, ok := v.([]any)
	if !ok {
		lines = []any{v}
	}
	for _, line := range lines {
		if text == "" {
			if err := s.printJSON(line); err != nil {
				return err
			}
			continue
		}
		for _, p := range t {
			shown, err := p.show(line)
			if err != nil {
				return fmt.Errorf("cannot show result: %w", err)
			}
			s.stdout.WriteString(shown)
		}
		s.stdout.WriteByte('\n')
	}
	return nil
}

// show gives what stands at a piece for a value. A member that is not there is
// empty.
func (p piece) show(v any) (string, error) {
	if p.text != "" {
		return plain(p.text), nil
	}
	if p.member != "" {
		members, _ := v.(map[string]any)
		v = members[p.member]
	}
	text, err := valueText(v)
	if err != nil {
		return "", err
	}
	return text + strings.Repeat(" ", max(0, p.width-utf8.RuneCountInString(text))), nil
}

// valueText gives a value as people read it: strings and times as they are, the
// rest as JSON. The codec gives an empty string as nil.
func valueText(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return plain(v), nil
	case time.Time:
		return v.Format("2006-01-02 15:04:05"), nil
	}
	text, err := appendJSON(nil, v)
	return string(text), err
}
