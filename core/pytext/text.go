package pytext

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsSpace is str.isspace() for one character: Unicode's white space and the four
// ASCII separators.
func IsSpace(r rune) bool {
	return 0x1c <= r && r <= 0x1f || unicode.IsSpace(r)
}

// Strip is str.strip().
func Strip(s string) string { return strings.TrimFunc(s, IsSpace) }

// RStrip is str.rstrip().
func RStrip(s string) string { return strings.TrimRightFunc(s, IsSpace) }

// Split is str.split() without a separator: the words between white space.
func Split(s string) []string { return strings.FieldsFunc(s, IsSpace) }

// Decode reads bytes as UTF-8, as the reference does for its log and events: what
// is no UTF-8 reads "Undecodable: b'…'".
func Decode(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return "Undecodable: " + ReprBytes(b)
}
