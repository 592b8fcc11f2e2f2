package config

import (
	"fmt"
	"unicode/utf8"
)

// truncated is the reason where the text ends within a character.
const truncated = "unexpected end of data"

// checkUTF8 says where a text is not UTF-8, in the words of Python's decoder.
// Positions are bytes from the start of the text.
func checkUTF8(text []byte) error {
	for i := 0; i < len(text); {
		if text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if r != utf8.RuneError || size > 1 {
			i += size
			continue
		}
		reason, n := badSequence(text[i:])
		at := i
		if reason == truncated { // which Python counts from the part that is left over
			at = 0
		}
		if n == 1 {
			return fmt.Errorf("'utf-8' codec can't decode byte 0x%02x in position %d: %s", text[i], at, reason)
		}
		return fmt.Errorf("'utf-8' codec can't decode bytes in position %d-%d: %s", at, at+n-1, reason)
	}
	return nil
}

// badSequence gives the reason and the length of the invalid sequence that text
// begins with.
func badSequence(text []byte) (reason string, n int) {
	need, low, high := 0, byte(0x80), byte(0xbf)
	switch c := text[0]; {
	case 0xc2 <= c && c <= 0xdf:
		need = 1
	case 0xe0 <= c && c <= 0xef:
		need = 2
		if c == 0xe0 {
			low = 0xa0
		} else if c == 0xed {
			high = 0x9f
		}
	case 0xf0 <= c && c <= 0xf4:
		need = 3
		if c == 0xf0 {
			low = 0x90
		} else if c == 0xf4 {
			high = 0x8f
		}
	default:
		return "invalid start byte", 1
	}
	for n = 1; n <= need; n++ {
		if n == len(text) {
			return truncated, n
		}
		if text[n] < low || text[n] > high {
			break
		}
		low, high = 0x80, 0xbf
	}
	return "invalid continuation byte", n
}
