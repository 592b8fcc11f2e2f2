package xmlrpc

import (
	"bytes"
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// maxInt is more than the longest text of an integer that Python reads: 4300 digits,
// which may take four bytes each, an underscore between them, and a sign.
const maxInt = 32 << 10

// parseInt reads an integer as Python's int does.
func parseInt(text []byte) (rpcinterface.Value, bool) {
	if len(text) > maxInt && len(bytes.TrimSpace(text)) > maxInt {
		return nil, false
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return rpcinterface.Int(n), true
	}
	n, err := pytext.ParseInt(string(text), 10)
	return rpcinterface.Int(n), err == nil
}

// parseDouble reads a number as Python's float does.
func parseDouble(text []byte) (rpcinterface.Value, bool) {
	s, ok := withoutUnderscores(pytext.Strip(string(text)))
	if !ok {
		return nil, false
	}
	if unsigned := strings.ToLower(s[len(s)-len(strings.TrimLeft(s, "+-")):]); unsigned == "nan" && len(s) <= len("-nan") {
		return rpcinterface.Double(math.NaN()), true
	}
	if strings.ContainsAny(s, "xXpP") {
		return nil, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil, false
	}
	return rpcinterface.Double(f), true
}

// withoutUnderscores takes out the underscores that Python allows between digits.
// It is false where one stands elsewhere.
func withoutUnderscores(s string) (string, bool) {
	if !strings.Contains(s, "_") {
		return s, true
	}
	isDigit := func(i int) bool { return i >= 0 && i < len(s) && '0' <= s[i] && s[i] <= '9' }
	for i := range len(s) {
		if s[i] == '_' && (!isDigit(i-1) || !isDigit(i+1)) {
			return "", false
		}
	}
	return strings.ReplaceAll(s, "_", ""), true
}

// timeForm is what Python's strptime makes of %Y%m%dT%H:%M:%S. Its alternatives
// are tried in this order, and it need not reach the end of the text: a text that
// goes on is refused afterwards.
var timeForm = regexp.MustCompile(`^(\d\d\d\d)(1[0-2]|0[1-9]|[1-9])(3[01]|[12]\d|0[1-9]|[1-9]| [1-9])[tT](2[0-3]|[01]\d|\d):([0-5]\d|\d):(6[01]|[0-5]\d|\d)`)

// parseTime reads a date and time.
func parseTime(text []byte) (rpcinterface.Value, bool) {
	m := timeForm.FindSubmatch(text)
	if m == nil || len(m[0]) != len(text) {
		return nil, false
	}
	var n [6]int
	for i := range n {
		n[i], _ = strconv.Atoi(string(bytes.TrimSpace(m[i+1]))) // the form admits digits alone
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	// A date that does not exist comes out as another one.
	if n[0] == 0 || t.Day() != n[2] || t.Second() != n[5] {
		return nil, false
	}
	return rpcinterface.Time(t), true
}

// parseBase64 decodes as Python's binascii.a2b_base64 does: whatever is not of the
// alphabet is passed over, and so is all that follows complete padding.
func parseBase64(text []byte) (rpcinterface.Value, bool) {
	out := make([]byte, 0, len(text)/4*3+3)
	var bits uint32
	quad, pads := 0, 0
	for _, c := range text {
		if c == '=' {
			if quad >= 2 {
				if pads++; quad+pads >= 4 {
					quad = 0
					break
				}
			}
			continue
		}
		v, ok := base64Digit(c)
		if !ok {
			continue
		}
		pads = 0
		bits = bits<<6 | v
		switch quad {
		case 1:
			out = append(out, byte(bits>>4))
		case 2:
			out = append(out, byte(bits>>2))
		case 3:
			out = append(out, byte(bits))
		}
		quad = (quad + 1) % 4
	}
	if quad != 0 || !utf8.Valid(out) {
		return nil, false
	}
	return rpcinterface.String(out), true
}

func base64Digit(c byte) (uint32, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return uint32(c - 'A'), true
	case 'a' <= c && c <= 'z':
		return uint32(c-'a') + 26, true
	case '0' <= c && c <= '9':
		return uint32(c-'0') + 52, true
	case c == '+':
		return 62, true
	case c == '/':
		return 63, true
	}
	return 0, false
}
