package ctl

import (
	"fmt"
	"strings"
	"unicode"
)

// plain makes a text that somebody else wrote, an extension say, fit for a
// terminal: what would move the cursor, colour text, or turn its direction is
// written as "\u001b". Line ends and tabs stay. Within JSON the meaning is the same.
func plain(text string) string {
	if !strings.ContainsFunc(text, unprintable) {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	var b strings.Builder
	for _, r := range text {
		if unprintable(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// oneLine is plain for what has to stay in its line.
func oneLine(text string) string {
	return strings.NewReplacer("\n", `\n`, "\t", " ").Replace(plain(text))
}

func unprintable(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case unicode.IsControl(r), r == '\u2028', r == '\u2029':
		return true
	default:
		return unicode.Is(unicode.Bidi_Control, r)
	}
}
