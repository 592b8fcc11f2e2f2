package difftest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// XML-RPC values as this client has them. It is a codec of its own, for the
// daemon's is what is tested: it keeps types apart and members in order.
type (
	array   []any
	object  []member
	binary  []byte
	word    string // what stands for something that differs in each run
	nothing struct{}
	fault   struct {
		code any
		text any
	}
	failure string // an answer that is no XML-RPC
)

type member struct {
	name  string
	value any
}

// parseJSON reads values as the scenarios have them.
func parseJSON(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case nil:
		return nothing{}, nil
	case json.Number:
		if strings.ContainsAny(string(t), ".eE") {
			return t.Float64()
		}
		return strconv.ParseInt(string(t), 10, 64)
	case json.Delim:
		if t == '[' {
			list := array{}
			for d.More() {
				v, err := parseJSON(d)
				if err != nil {
					return nil, err
				}
				list = append(list, v)
			}
			_, err := d.Token()
			return list, err
		}
		members := object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseJSON(d)
			if err != nil {
				return nil, err
			}
			members = append(members, member{name.(string), v})
		}
		if _, err := d.Token(); err != nil {
			return nil, err
		}
		if len(members) == 1 && members[0].name == "$base64" {
			return binary(fmt.Sprint(members[0].value)), nil
		}
		return members, nil
	}
	return token, nil
}

// parseCall reads "ns.method(JSON, …)".
func parseCall(text string) (method string, params array, err error) {
	method, rest, ok := strings.Cut(text, "(")
	if !ok || !strings.HasSuffix(rest, ")") || !strings.Contains(method, ".") || strings.Contains(method, " ") {
		return "", nil, fmt.Errorf("cannot understand %q", text)
	}
	d := json.NewDecoder(strings.NewReader("[" + strings.TrimSuffix(rest, ")") + "]"))
	d.UseNumber()
	v, err := parseJSON(d)
	if err != nil {
		return "", nil, fmt.Errorf("cannot read the parameters of %q: %w", text, err)
	}
	return method, v.(array), nil
}

// request is the body of a call.
func request(method string, params array) []byte {
	var b bytes.Buffer
	b.WriteString("<?xml version='1.0'?><methodCall><methodName>")
	xml.EscapeText(&b, []byte(method))
	b.WriteString("</methodName><params>")
	for _, p := range params {
		b.WriteString("<param>")
		encode(&b, p)
		b.WriteString("</param>")
	}
	b.WriteString("</params></methodCall>")
	return b.Bytes()
}

func encode(b *bytes.Buffer, v any) {
	b.WriteString("<value>")
	switch v := v.(type) {
	case nothing:
		b.WriteString("<nil/>")
	case bool:
		fmt.Fprintf(b, "<boolean>%d</boolean>", map[bool]int{true: 1}[v])
	case int64:
		fmt.Fprintf(b, "<int>%d</int>", v)
	case float64:
		fmt.Fprintf(b, "<double>%v</double>", v)
	case string:
		b.WriteString("<string>")
		xml.EscapeText(b, []byte(v))
		b.WriteString("</string>")
	case binary:
		b.WriteString("<base64>" + base64.StdEncoding.EncodeToString(v) + "</base64>")
	case array:
		b.WriteString("<array><data>")
		for _, e := range v {
			encode(b, e)
		}
		b.WriteString("</data></array>")
	case object:
		b.WriteString("<struct>")
		for _, m := range v {
			b.WriteString("<member><name>")
			xml.EscapeText(b, []byte(m.name))
			b.WriteString("</name>")
			encode(b, m.value)
			b.WriteString("</member>")
		}
		b.WriteString("</struct>")
	}
	b.WriteString("</value>")
}

// element is XML as it is.
type element struct {
	XMLName xml.Name
	Text    string    `xml:",chardata"`
	Inner   []element `xml:",any"`
}

func (e *element) child(name string) *element {
	for i := range e.Inner {
		if e.Inner[i].XMLName.Local == name {
			return &e.Inner[i]
		}
	}
	return &element{}
}

// response reads the answer to a call.
func response(body io.Reader) any {
	var root element
	if err := xml.NewDecoder(body).Decode(&root); err != nil {
		return failure(fmt.Sprintf("no XML: %v", err))
	}
	if f := root.child("fault"); f.XMLName.Local != "" {
		o, _ := decode(f.child("value")).(object)
		if len(o) == 2 && o[0].name == "faultCode" && o[1].name == "faultString" {
			return fault{o[0].value, o[1].value}
		}
		return failure("a fault without code and text")
	}
	params := root.child("params").Inner
	if len(params) != 1 {
		return failure(fmt.Sprintf("%d values", len(params)))
	}
	return decode(params[0].child("value"))
}

func decode(value *element) any {
	if len(value.Inner) == 0 {
		return value.Text
	}
	e := &value.Inner[0]
	switch e.XMLName.Local {
	case "int", "i4":
		n, err := strconv.ParseInt(e.Text, 10, 32)
		if err != nil {
			return failure(err.Error())
		}
		return n
	case "boolean":
		return e.Text == "1"
	case "string":
		return e.Text
	case "double":
		f, err := strconv.ParseFloat(e.Text, 64)
		if err != nil {
			return failure(err.Error())
		}
		return f
	case "base64":
		data, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Text))
		if err != nil {
			return failure(err.Error())
		}
		return binary(data)
	case "array":
		list := array{}
		for i := range e.child("data").Inner {
			list = append(list, decode(&e.child("data").Inner[i]))
		}
		return list
	case "struct":
		o := object{}
		for i := range e.Inner {
			o = append(o, member{e.Inner[i].child("name").Text, decode(e.Inner[i].child("value"))})
		}
		return o
	}
	return failure("a value of type " + e.XMLName.Local)
}

// only keeps the members of structs that are named.
func only(names []string, v any) any {
	switch v := v.(type) {
	case array:
		list := make(array, len(v))
		for i, e := range v {
			list[i] = only(names, e)
		}
		return list
	case object:
		kept := object{}
		for _, name := range names {
			for _, m := range v {
				if m.name == name {
					kept = append(kept, m)
				}
			}
		}
		return kept
	}
	return v
}

// width is how long a line of an answer may be before it is broken.
const width = 110

// show writes a value as JSON, broken into lines where it is long: an array's
// elements have lines of their own, a struct's members share them.
func show(v any) string { return format(v, "") }

func format(v any, indent string) string {
	flat := line(v)
	if fits(indent + flat) {
		return flat
	}
	indent += " "
	var b strings.Builder
	switch v := v.(type) {
	case array:
		for i, e := range v {
			if i > 0 {
				b.WriteString(",\n" + indent)
			}
			b.WriteString(format(e, indent))
		}
		return "[" + b.String() + "]"
	case object:
		row := indent
		for i, m := range v {
			text := quote(m.name) + ": " + format(m.value, indent)
			switch {
			case i == 0:
			case fits(row + ", " + text):
				b.WriteString(", ")
				row += ", "
			default:
				b.WriteString(",\n" + indent)
				row = indent
			}
			b.WriteString(text)
			row += text
		}
		return "{" + b.String() + "}"
	}
	return flat
}

func fits(text string) bool { return utf8.RuneCountInString(text) <= width }

// line writes a value as JSON on one line.
func line(v any) string {
	switch v := v.(type) {
	case array:
		list := make([]string, len(v))
		for i, e := range v {
			list[i] = line(e)
		}
		return "[" + strings.Join(list, ", ") + "]"
	case object:
		list := make([]string, len(v))
		for i, m := range v {
			list[i] = quote(m.name) + ": " + line(m.value)
		}
		return "{" + strings.Join(list, ", ") + "}"
	case fault:
		return fmt.Sprintf("fault %v %v", v.code, v.text)
	case nothing:
		return "null"
	case binary:
		return `{"$base64": ` + quote(string(v)) + "}"
	case string:
		return quote(v)
	case float64:
		text := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return text
	}
	return fmt.Sprint(v) // a bool, an int64, a word, a failure
}

func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return err.Error()
	}
	return strings.TrimSuffix(b.String(), "\n")
}
