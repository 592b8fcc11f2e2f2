package xmlrpc

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	responseHead = "<?xml version='1.0'?>\n<methodResponse>\n"
	responseTail = "</methodResponse>\n"
)

// AppendResponse appends the response that answers v. Strings are written as text:
// bytes that are not UTF-8 and characters that XML does not allow become U+FFFD.
// Nil goes out as an empty string. An integer that does not fit into 32 bits is an
// error, a *rpcinterface.Fault FAILED that names the struct member it stands in;
// dst is then returned as it was.
func AppendResponse(dst []byte, v rpcinterface.Value) ([]byte, error) {
	e := encoder{out: append(dst, responseHead+"<params>\n<param>\n"...)}
	if e.value(v); e.tooBig {
		return dst, e.fault()
	}
	return append(e.out, "</param>\n</params>\n"+responseTail...), nil
}

// AppendFault appends the response that answers a fault.
func AppendFault(dst []byte, f *rpcinterface.Fault) []byte {
	dst = append(dst, responseHead+"<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>"...)
	dst = strconv.AppendInt(dst, int64(f.Code), 10)
	dst = append(dst, "</int></value>\n</member>\n<member>\n<name>faultString</name>\n<value><string>"...)
	dst = appendText(dst, f.Message)
	return append(dst, "</string></value>\n</member>\n</struct></value>\n</fault>\n"+responseTail...)
}

// sampled is how many elements of an array tell how much room the others take.
const sampled = 16

// encoder writes one response.
type encoder struct {
	out    []byte
	member string // the innermost struct member that is being written
	tooBig bool
}

func (e *encoder) fault() *rpcinterface.Fault {
	what := "value"
	if e.member != "" {
		what = fmt.Sprintf("value of %q", e.member)
	}
	return rpcinterface.NewFault(rpcinterface.CodeFailed, what+" does not fit into 32 bits")
}

func (e *encoder) value(v rpcinterface.Value) {
	switch v := v.(type) {
	case rpcinterface.Int:
		if v < math.MinInt32 || v > math.MaxInt32 {
			e.tooBig = true
			return
		}
		e.out = append(e.out, "<value><int>"...)
		e.out = strconv.AppendInt(e.out, int64(v), 10)
		e.out = append(e.out, "</int></value>\n"...)
	case rpcinterface.Bool:
		digit := byte('0')
		if v {
			digit = '1'
		}
		e.out = append(e.out, "<value><boolean>"...)
		e.out = append(e.out, digit)
		e.out = append(e.out, "</boolean></value>\n"...)
	case rpcinterface.String:
		e.out = append(e.out, "<value><string>"...)
		e.out = appendText(e.out, string(v))
		e.out = append(e.out, "</string></value>\n"...)
	case rpcinterface.Double:
		e.out = append(e.out, "<value><double>"...)
		e.out = appendDouble(e.out, float64(v))
		e.out = append(e.out, "</double></value>\n"...)
	case rpcinterface.Bytes:
		e.out = append(e.out, "<value><base64>\n"...)
		e.out = appendBase64(e.out, v)
		e.out = append(e.out, "</base64></value>\n"...)
	case rpcinterface.Time:
		e.out = append(e.out, "<value><dateTime.iso8601>"...)
		e.out = time.Time(v).AppendFormat(e.out, "20060102T15:04:05")
		e.out = append(e.out, "</dateTime.iso8601></value>\n"...)
	case rpcinterface.Array:
		e.out = append(e.out, "<value><array><data>\n"...)
		begin := len(e.out)
		for i, element := range v {
			if i == sampled && len(v) > 2*sampled {
				// One that is grown bit by bit has been copied several times, and what
				// it was is garbage.
				each := (len(e.out)-begin)/sampled + 1
				e.out = slices.Grow(e.out, (len(v)-sampled)*(each+each/8))
			}
			if e.value(element); e.tooBig {
				return
			}
		}
		e.out = append(e.out, "</data></array></value>\n"...)
	case rpcinterface.Struct:
		outer := e.member
		e.out = append(e.out, "<value><struct>\n"...)
		for _, m := range v {
			e.member = m.Name
			e.out = append(e.out, "<member>\n<name>"...)
			e.out = appendText(e.out, m.Name)
			e.out = append(e.out, "</name>\n"...)
			if e.value(m.Value); e.tooBig {
				return
			}
			e.out = append(e.out, "</member>\n"...)
		}
		e.out = append(e.out, "</struct></value>\n"...)
		e.member = outer
	default:
		e.out = append(e.out, "<value><string></string></value>\n"...)
	}
}

// appendText appends character data. Carriage returns stay as they are, as in the
// reference, so that a reader of XML sees them as newlines.
func appendText(dst []byte, s string) []byte {
	done := 0
	for i := 0; ; {
		i += plain(s[i:])
		if i == len(s) {
			return append(dst, s[done:]...)
		}
		size := 1
		instead := ""
		switch s[i] {
		case '\n', '\t', '\r':
			i++
			continue
		case '&':
			instead = "&amp;"
		case '<':
			instead = "&lt;"
		case '>':
			instead = "&gt;"
		default:
			var r rune
			r, size = utf8.DecodeRuneInString(s[i:])
			if isCharacter(r) && (r != utf8.RuneError || size > 1) {
				i += size
				continue
			}
			instead = "\uFFFD"
		}
		dst = append(dst, s[done:i]...)
		dst = append(dst, instead...)
		i += size
		done = i
	}
}

// plain is how many bytes at the beginning of s are printable ASCII that is no
// markup. Of logs that is nearly all, so eight bytes are looked at in one go.
func plain(s string) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// A top bit is set by a byte that is not ASCII, or from which a borrow came:
		// below ' ', or 0 once & or the bit-wise pair of < and > is taken away.
		amp, angle := w^'&'*ones, (w|2*ones)^'>'*ones
		if (w|(w-' '*ones)|(amp-ones)&^amp|(angle-ones)&^angle)&tops != 0 {
			break
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '&' || c == '<' || c == '>' {
			break
		}
	}
	return i
}

// appendDouble appends a number as Python's repr writes it.
func appendDouble(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f):
		return append(dst, "nan"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(dst, f, 'e', -1, 64)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	dst = append(dst, s...)
	if !strings.Contains(s, ".") {
		dst = append(dst, ".0"...)
	}
	return dst
}

// appendBase64 appends lines of 57 bytes each, as Python's base64.encodebytes does.
func appendBase64(dst, data []byte) []byte {
	const line = 57
	for len(data) > 0 {
		n := min(line, len(data))
		dst = base64.StdEncoding.AppendEncode(dst, data[:n])
		dst = append(dst, '\n')
		data = data[n:]
	}
	return dst
}
