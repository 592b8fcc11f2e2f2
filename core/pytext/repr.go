package pytext

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Str gives the value as str() does: a string is itself, everything else is as
// Repr shows it, but for a time ("2024-01-02 03:04:05").
func Str(v rpcinterface.Value) string {
	switch v := v.(type) {
	case rpcinterface.String:
		return string(v)
	case rpcinterface.Time:
		return time.Time(v).Format(time.DateTime)
	}
	return Repr(v)
}

// Repr gives the value as repr() does: True, None, 1000.0, 'a', b'a', ['a'],
// {'k': 1}, datetime.datetime(2024, 1, 2, 3, 4).
func Repr(v rpcinterface.Value) string {
	return string(appendRepr(nil, v))
}

// ReprString is repr() of a string: single quotes unless only those occur within,
// escapes for what does not print.
func ReprString(s string) string {
	return string(appendReprString(nil, s))
}

// ReprBytes is repr() of bytes: b'a\xffb'.
func ReprBytes(b []byte) string {
	return string(appendReprBytes(nil, b))
}

func appendRepr(dst []byte, v rpcinterface.Value) []byte {
	switch v := v.(type) {
	case rpcinterface.Int:
		return strconv.AppendInt(dst, int64(v), 10)
	case rpcinterface.Bool:
		if v {
			return append(dst, "True"...)
		}
		return append(dst, "False"...)
	case rpcinterface.String:
		return appendReprString(dst, string(v))
	case rpcinterface.Double:
		return appendFloat(dst, float64(v))
	case rpcinterface.Bytes:
		return appendReprBytes(dst, v)
	case rpcinterface.Time:
		return appendTime(dst, time.Time(v))
	case rpcinterface.Array:
		dst = append(dst, '[')
		for i, e := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendRepr(dst, e)
		}
		return append(dst, ']')
	case rpcinterface.Struct:
		dst = append(dst, '{')
		for i, m := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = appendReprString(dst, m.Name)
			dst = append(dst, ": "...)
			dst = appendRepr(dst, m.Value)
		}
		return append(dst, '}')
	default:
		return append(dst, "None"...)
	}
}

// appendFloat writes the shortest digits that read back the same, with an
// exponent from 1e16 on and below 1e-4, and ".0" where nothing else shows that it
// is no integer.
func appendFloat(dst []byte, x float64) []byte {
	switch {
	case math.IsNaN(x):
		return append(dst, "nan"...)
	case math.IsInf(x, 1):
		return append(dst, "inf"...)
	case math.IsInf(x, -1):
		return append(dst, "-inf"...)
	}
	if abs := math.Abs(x); abs != 0 && (abs < 1e-4 || abs >= 1e16) {
		return strconv.AppendFloat(dst, x, 'e', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, x, 'f', -1, 64)
	if !strings.Contains(string(dst[start:]), ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

func appendTime(dst []byte, t time.Time) []byte {
	fields := []int{t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute()}
	if t.Second() != 0 {
		fields = append(fields, t.Second())
	}
	dst = append(dst, "datetime.datetime("...)
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = strconv.AppendInt(dst, int64(f), 10)
	}
	return append(dst, ')')
}

func quoteFor(hasSingle, hasDouble bool) byte {
	if hasSingle && !hasDouble {
		return '"'
	}
	return '\''
}

func appendReprString(dst []byte, s string) []byte {
	quote := quoteFor(strings.Contains(s, "'"), strings.Contains(s, `"`))
	dst = append(dst, quote)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\udc`...)
			dst = appendHex(dst, uint32(s[0]), 2)
		case r < utf8.RuneSelf:
			dst = appendASCII(dst, byte(r), quote)
		case isPrintable(r):
			dst = append(dst, s[:size]...)
		case r <= 0xff:
			dst = append(dst, `\x`...)
			dst = appendHex(dst, uint32(r), 2)
		case r <= 0xffff:
			dst = append(dst, `\u`...)
			dst = appendHex(dst, uint32(r), 4)
		default:
			dst = append(dst, `\U`...)
			dst = appendHex(dst, uint32(r), 8)
		}
		s = s[size:]
	}
	return append(dst, quote)
}

func appendReprBytes(dst []byte, b []byte) []byte {
	quote := quoteFor(strings.Contains(string(b), "'"), strings.Contains(string(b), `"`))
	dst = append(dst, 'b', quote)
	for _, c := range b {
		dst = appendASCII(dst, c, quote)
	}
	return append(dst, quote)
}

// appendASCII writes one character as repr does, a byte above ASCII as \xNN.
func appendASCII(dst []byte, c, quote byte) []byte {
	switch {
	case c == quote || c == '\\':
		return append(dst, '\\', c)
	case c == '\n':
		return append(dst, `\n`...)
	case c == '\r':
		return append(dst, `\r`...)
	case c == '\t':
		return append(dst, `\t`...)
	case c < ' ' || c >= 0x7f:
		dst = append(dst, `\x`...)
		return appendHex(dst, uint32(c), 2)
	}
	return append(dst, c)
}

func appendHex(dst []byte, v uint32, digits int) []byte {
	const hex = "0123456789abcdef"
	for i := digits - 1; i >= 0; i-- {
		dst = append(dst, hex[v>>(4*i)&0xf])
	}
	return dst
}

// isPrintable is str.isprintable() for one character.
func isPrintable(r rune) bool {
	return r == ' ' || unicode.IsPrint(r)
}
