package pytext

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxDigits is sys.get_int_max_str_digits(): longer decimal texts are refused.
const maxDigits = 4300

// maxRepr is how many characters of the text an error of int() shows.
const maxRepr = 200

// ParseInt is int(s, base) for base 8 or 10: white space around, a sign, single
// underscores between digits, decimal digits of any script, and for base 8 the
// prefix 0o. Integers beyond 64 bits become the nearest that fits. The error is
// the text of Python's ValueError.
func ParseInt(s string, base int) (int64, error) {
	if n, err := strconv.ParseInt(s, base, 64); err == nil {
		return n, nil // what Go takes, Python takes
	}
	digits, negative, ok := intDigits(s, base)
	if !ok {
		repr := ReprString(s)
		if utf8.RuneCountInString(repr) > maxRepr {
			repr = string([]rune(repr)[:maxRepr])
		}
		return 0, fmt.Errorf("invalid literal for int() with base %d: %s", base, repr)
	}
	if base == 10 && len(digits) > maxDigits {
		return 0, fmt.Errorf("Exceeds the limit (%d digits) for integer string conversion: value has %d digits; "+
			"use sys.set_int_max_str_digits() to increase the limit", maxDigits, len(digits)) //nolint:staticcheck // Python's text
	}
	n, _ := new(big.Int).SetString(digits, base)
	if negative {
		n.Neg(n)
	}
	switch {
	case n.IsInt64():
		return n.Int64(), nil
	case negative:
		return math.MinInt64, nil
	}
	return math.MaxInt64, nil
}

// intDigits gives the ASCII digits of the text of an integer.
func intDigits(s string, base int) (digits string, negative, ok bool) {
	s, err := asciiDigits(s)
	if err != nil {
		return "", false, false
	}
	s = strings.Trim(s, " \t\n\v\f\r")
	if s != "" && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if base == 8 && len(s) > 2 && s[0] == '0' && s[1]|0x20 == 'o' {
		s = strings.TrimPrefix(s[2:], "_")
	}
	var out strings.Builder
	underscore := true // none may come first
	for i := range len(s) {
		if s[i] == '_' {
			if underscore {
				return "", false, false
			}
			underscore = true
			continue
		}
		if s[i] < '0' || int(s[i]-'0') >= base {
			return "", false, false
		}
		underscore = false
		out.WriteByte(s[i])
	}
	return out.String(), negative, !underscore
}

// asciiDigits turns the decimal digits and white space of other scripts into
// ASCII's.
func asciiDigits(s string) (string, error) {
	var out strings.Builder
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			out.WriteByte(byte(r))
		case IsSpace(r):
			out.WriteByte(' ')
		default:
			d, ok := decimal(r)
			if !ok {
				return "", errors.New("not a digit")
			}
			out.WriteByte('0' + d)
		}
	}
	return out.String(), nil
}

// decimal gives the value of a decimal digit. Unicode assigns them in runs of ten
// that begin with zero.
func decimal(r rune) (byte, bool) {
	for _, run := range unicode.Nd.R16 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	for _, run := range unicode.Nd.R32 {
		if rune(run.Lo) <= r && r <= rune(run.Hi) {
			return byte((r - rune(run.Lo)) % 10), true
		}
	}
	return 0, false
}
