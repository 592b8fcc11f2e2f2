package xmlrpc

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Limits that no sane document meets.
const (
	maxDepth      = 512
	maxAttributes = 256
	maxNamespaces = 64
	maxExpansion  = 1 << 20 // bytes that entities of a DOCTYPE may add
)

// ErrNoMethod: the document is well-formed and names no method.
var ErrNoMethod = errors.New("cannot read call: no method name")

// DecodeCall reads a method call. The body is UTF-8, whatever encoding it
// declares. Its rules apply to an element wherever it stands:
//
//   - methodName is the text before its first child, blanks included; params are
//     the texts of its children; the last of each in the document counts, and
//     params may be missing. The root may have any name.
//   - value, param and array stand for their first child; a value without
//     children for its text. data stands for all its children. A struct takes two
//     children of each of its children as name and value; a later member of the
//     same name replaces an earlier one.
//   - An element of another name (nil, i8) stands for its own text, and for nil
//     where it has none.
//   - boolean is true for "1" and false for anything else. Integers and doubles
//     are written as for Python's int and float (in ASCII); integers beyond 64
//     bits are cut to the nearest. base64 becomes a string and has to be UTF-8.
func DecodeCall(body []byte) (method string, params []rpcinterface.Value, err error) {
	return new(Decoder).Call(body)
}

// Decoder reads calls one after the other and uses its memory again. The zero value
// is ready to use; it is for one goroutine at a time.
type Decoder struct{ decoder }

// Call is DecodeCall. Nothing of the body or of the values is kept.
func (x *Decoder) Call(body []byte) (method string, params []rpcinterface.Value, err error) {
	if err := checkCharacters(body); err != nil {
		return "", nil, err
	}
	if bytes.IndexByte(body, '\r') >= 0 {
		body = unifyLines(body)
	}
	d := &x.decoder
	d.src = body
	defer d.reset()
	if err := d.document(); err != nil {
		return "", nil, err
	}
	if d.method == "" {
		return "", nil, ErrNoMethod
	}
	return d.method, d.params, nil
}

// maxKept is how many elements, values or bytes there is room kept for.
const maxKept = 256

// reset forgets the document.
func (d *decoder) reset() {
	*d = decoder{
		stack: emptied(d.stack), values: emptied(d.values), joined: emptied(d.joined),
		attributes: emptied(d.attributes), namespaces: emptied(d.namespaces),
	}
}

// emptied is the room of s, without what was in it.
func emptied[T any](s []T) []T {
	if cap(s) > maxKept {
		return nil
	}
	clear(s[:cap(s)])
	return s[:0]
}

// checkCharacters refuses what is no character of XML, wherever it stands.
func checkCharacters(body []byte) error {
	if !utf8.Valid(body) {
		return errors.New("cannot read call: it is not UTF-8")
	}
	for i, c := range body {
		switch {
		case c < ' ' && c != '\t' && c != '\n' && c != '\r',
			c == 0xEF && (bytes.HasPrefix(body[i:], []byte("\uFFFE")) || bytes.HasPrefix(body[i:], []byte("\uFFFF"))):
			return fmt.Errorf("cannot read call: invalid character at byte %d", i)
		}
	}
	return nil
}

// unifyLines gives a copy with one newline for each end of line.
func unifyLines(body []byte) []byte {
	body = bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n"))
	for i, c := range body {
		if c == '\r' {
			body[i] = '\n'
		}
	}
	return body
}

// rule tells what an element stands for.
type rule uint8

const (
	ruleOwnText rule = iota // any name without a rule
	ruleMethodName
	ruleParams
	// Elements of the rules from here on are replaced by their value: they no
	// longer have children when their parent looks at them.
	ruleValue
	ruleParam
	ruleArray
	ruleData
	ruleStruct
	ruleInt
	ruleBoolean
	ruleString
	ruleDouble
	ruleDateTime
	ruleBase64
)

func ruleOf(name []byte) rule {
	switch string(name) {
	case "methodName":
		return ruleMethodName
	case "params":
		return ruleParams
	case "value":
		return ruleValue
	case "param":
		return ruleParam
	case "array":
		return ruleArray
	case "data":
		return ruleData
	case "struct":
		return ruleStruct
	case "int", "i4":
		return ruleInt
	case "boolean":
		return ruleBoolean
	case "string":
		return ruleString
	case "double":
		return ruleDouble
	case "dateTime.iso8601":
		return ruleDateTime
	case "base64":
		return ruleBase64
	}
	return ruleOwnText
}

// keeps is how many children's values an element needs.
func (r rule) keeps(parent rule) int {
	switch r {
	case ruleValue, ruleParam, ruleArray:
		return 1
	case ruleData, ruleParams:
		return math.MaxInt
	case ruleOwnText, ruleMethodName:
		if parent == ruleStruct {
			return 2
		}
	}
	return 0
}

// element is an element whose end has not been seen yet.
type element struct {
	name       []byte
	rule       rule
	keep       int
	children   int
	values     int // where its children's values begin in decoder.values
	namespaces int // how many were declared before it
	text       text
}

// text is the character data of an element before its first child: a part of the
// source, or of decoder.joined where it is not in one piece.
type text struct {
	from, to int
	joined   bool
}

// decoder reads one document.
type decoder struct {
	src []byte
	pos int

	stack      []element
	values     []rpcinterface.Value // of the children of the elements on the stack
	joined     []byte               // texts that are not in one piece
	attributes []attribute
	namespaces []namespace
	entities   map[string]string
	expanded   int

	method string
	params []rpcinterface.Value
}

func (d *decoder) fail(what string) error {
	return fmt.Errorf("cannot read call: %s at byte %d", what, d.pos)
}

// open begins an element. Plain ones are in no XML namespace.
func (d *decoder) open(name []byte, plain bool, namespaces int) error {
	if len(d.stack) == maxDepth {
		return d.fail("elements are nested too deep")
	}
	e := element{name: name, values: len(d.values), namespaces: namespaces}
	e.text.from, e.text.to = d.pos, d.pos
	if plain {
		e.rule = ruleOf(name)
	}
	parent := ruleOwnText
	if n := len(d.stack); n > 0 {
		parent = d.stack[n-1].rule
	}
	e.keep = e.rule.keeps(parent)
	d.stack = append(d.stack, e)
	return nil
}

// addText adds source text to the innermost element.
func (d *decoder) addText(from, to int) {
	e := &d.stack[len(d.stack)-1]
	switch {
	case e.children > 0 || from == to:
	case e.text.joined:
		d.joined = append(d.joined, d.src[from:to]...)
		e.text.to = len(d.joined)
	case e.text.from == e.text.to:
		e.text = text{from: from, to: to}
	case e.text.to == from:
		e.text.to = to
	default:
		d.joinText(e)
		d.addText(from, to)
	}
}

// addString adds text that is not in the source to the innermost element.
func (d *decoder) addString(s string) {
	e := &d.stack[len(d.stack)-1]
	if e.children > 0 || s == "" {
		return
	}
	d.joinText(e)
	d.joined = append(d.joined, s...)
	e.text.to = len(d.joined)
}

// joinText moves an element's text out of the source.
func (d *decoder) joinText(e *element) {
	if e.text.joined {
		return
	}
	from := len(d.joined)
	d.joined = append(d.joined, d.src[e.text.from:e.text.to]...)
	e.text = text{from: from, to: len(d.joined), joined: true}
}

func (d *decoder) textOf(e *element) []byte {
	if e.text.joined {
		return d.joined[e.text.from:e.text.to]
	}
	return d.src[e.text.from:e.text.to]
}

// close ends the innermost element and hands its value to its parent.
func (d *decoder) close() error {
	e := &d.stack[len(d.stack)-1]
	var parent *element
	if n := len(d.stack); n > 1 {
		parent = &d.stack[n-2]
	}
	wanted := parent != nil && parent.children < parent.keep

	value, err := d.valueOf(e, wanted)
	if err != nil {
		return err
	}
	switch {
	case parent == nil:
	case parent.rule == ruleStruct:
		name, err := d.memberName(e)
		if err != nil {
			return err
		}
		value := d.values[e.values+1]
		d.values = append(d.values[:e.values], name, value)
	case wanted:
		d.values = append(d.values[:e.values], value)
	default:
		d.values = d.values[:e.values]
	}
	if parent != nil {
		parent.children++
	}
	if e.text.joined {
		d.joined = d.joined[:e.text.from]
	}
	d.namespaces = d.namespaces[:e.namespaces]
	d.stack = d.stack[:len(d.stack)-1]
	return nil
}

// valueOf is what an element stands for. Elements that stand for their own text
// have a value only where it is wanted.
func (d *decoder) valueOf(e *element, wanted bool) (rpcinterface.Value, error) {
	children := d.values[e.values:]
	switch e.rule {
	case ruleValue, ruleParam, ruleArray:
		if e.children > 0 {
			return children[0], nil
		}
		if e.rule != ruleValue {
			return nil, d.fail("element without children")
		}
		return rpcinterface.String(d.textOf(e)), nil
	case ruleData:
		return rpcinterface.Array(slices.Clone(children)), nil
	case ruleStruct:
		return structOf(children), nil
	case ruleInt:
		return d.scalar(parseInt(d.textOf(e)))
	case ruleBoolean:
		return rpcinterface.Bool(string(d.textOf(e)) == "1"), nil
	case ruleString:
		return rpcinterface.String(d.textOf(e)), nil
	case ruleDouble:
		return d.scalar(parseDouble(d.textOf(e)))
	case ruleDateTime:
		return d.scalar(parseTime(d.textOf(e)))
	case ruleBase64:
		return d.scalar(parseBase64(d.textOf(e)))
	case ruleMethodName:
		d.method = string(d.textOf(e))
	case ruleParams:
		d.params = slices.Clone(children)
	}
	if !wanted {
		return nil, nil
	}
	if s := d.textOf(e); len(s) > 0 {
		return rpcinterface.String(s), nil
	}
	return rpcinterface.Nil{}, nil
}

func (d *decoder) scalar(v rpcinterface.Value, ok bool) (rpcinterface.Value, error) {
	if !ok {
		return nil, d.fail("malformed value")
	}
	return v, nil
}

// memberName is the name that a child of a struct gives to its member. Values
// that Python holds false count as the empty string.
func (d *decoder) memberName(member *element) (rpcinterface.Value, error) {
	if member.rule >= ruleValue || member.children != 2 {
		return nil, d.fail("member without exactly a name and a value")
	}
	falsy := false
	switch name := d.values[member.values].(type) {
	case rpcinterface.String:
		return name, nil
	case rpcinterface.Nil:
		falsy = true
	case rpcinterface.Int:
		falsy = name == 0
	case rpcinterface.Bool:
		falsy = !bool(name)
	case rpcinterface.Double:
		falsy = name == 0
	case rpcinterface.Array:
		falsy = len(name) == 0
	case rpcinterface.Struct:
		falsy = len(name) == 0
	}
	if !falsy {
		return nil, d.fail("member whose name is no string")
	}
	return rpcinterface.String(""), nil
}

// structOf makes a struct of names and values in turn.
func structOf(pairs []rpcinterface.Value) rpcinterface.Struct {
	const few = 16
	members := make(rpcinterface.Struct, 0, len(pairs)/2)
	var known map[string]int
	if len(pairs)/2 > few {
		known = make(map[string]int, len(pairs)/2)
	}
	for i := 0; i < len(pairs); i += 2 {
		name, value := string(pairs[i].(rpcinterface.String)), pairs[i+1]
		at := -1
		if known == nil {
			at = slices.IndexFunc(members, func(m rpcinterface.Member) bool { return m.Name == name })
		} else if j, ok := known[name]; ok {
			at = j
		}
		if at >= 0 {
			members[at].Value = value
			continue
		}
		if known != nil {
			known[name] = len(members)
		}
		members = append(members, rpcinterface.Member{Name: name, Value: value})
	}
	return members
}
