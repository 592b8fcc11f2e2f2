package ctl

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// argument gives the XML-RPC value that a word of the command line stands for:
// its JSON where the whole word is JSON, else the word as a string. A number
// without point and exponent is an int.
func argument(word string) (any, error) {
	d := json.NewDecoder(strings.NewReader(word))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return word, nil
	}
	if _, err := d.Token(); err != io.EOF {
		return word, nil
	}
	return encodable(v)
}

// encodable turns decoded JSON into what the XML-RPC codec writes.
func encodable(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("XML-RPC has no null")
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			n, err := strconv.ParseInt(string(v), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("integer %s is too large", v)
			}
			return n, nil
		}
		f, err := v.Float64()
		if err != nil {
			return nil, fmt.Errorf("number %s is too large", v)
		}
		return f, nil
	case []any:
		for i, e := range v {
			e, err := encodable(e)
			if err != nil {
				return nil, err
			}
			v[i] = e
		}
		return v, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			e, err := encodable(e)
			if err != nil {
				return nil, err
			}
			// The codec writes names as they are.
			var b strings.Builder
			xml.EscapeText(&b, []byte(name))
			out[b.String()] = e
		}
		return out, nil
	default: // string, bool
		return v, nil
	}
}

// row is a struct as the server sent it, with all its members.
type row = map[string]any

// printRows writes structs as one JSON array.
func (s *session) printRows(rows []row) error {
	list := make([]any, len(rows))
	for i, r := range rows {
		list[i] = r
	}
	return s.printJSON(list)
}

// printJSON writes a value in one line to standard output.
func (s *session) printJSON(v any) error {
	text, err := appendJSON(nil, v)
	if err != nil {
		return fmt.Errorf("cannot show result: %w", err)
	}
	s.stdout.Write(append(text, '\n'))
	return nil
}

// appendJSON writes a decoded XML-RPC value as JSON on one line, members in the
// order of their names. Types stay visible: a double has a point or an exponent,
// an int has neither. base64 stays the text it was, a time is an ISO 8601 string
// without zone. The codec gives an empty string as nil, and no server of this API
// sends nil, so nil is written as "".
func appendJSON(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, `""`...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case float64:
		return appendDouble(b, v)
	case string:
		return appendString(b, v), nil
	case time.Time:
		return appendString(b, v.Format("2006-01-02T15:04:05")), nil
	case []any:
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ", "...)
			}
			var err error
			if b, err = appendJSON(b, e); err != nil {
				return nil, err
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		b = append(b, '{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ", "...)
			}
			b = append(appendString(b, name), ": "...)
			var err error
			if b, err = appendJSON(b, v[name]); err != nil {
				return nil, err
			}
		}
		return append(b, '}'), nil
	default:
		return nil, fmt.Errorf("value of type %T", v)
	}
}

func appendDouble(b []byte, f float64) ([]byte, error) {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, fmt.Errorf("JSON has no %v", f)
	}
	text := strconv.FormatFloat(f, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return append(b, text...), nil
}

func appendString(b []byte, s string) []byte {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	e.Encode(s) // a string always encodes
	return append(b, plain(strings.TrimSuffix(buf.String(), "\n"))...)
}
