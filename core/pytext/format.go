package pytext

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Mapping is the right-hand side of the % operator.
type Mapping interface {
	Lookup(name string) (rpcinterface.Value, bool)
	// Names lists the keys in insertion order. It is asked for only where the
	// whole mapping is printed.
	Names() []string
}

// KeyError says that a format names a key that the mapping lacks.
type KeyError struct{ Key string }

// Error is str() of Python's KeyError: the repr of the key.
func (e *KeyError) Error() string { return ReprString(e.Key) }

// maxPad limits width and precision, in characters. Python would try to find the
// memory for any.
const maxPad = 1 << 20

// Format is format % args for a mapping of strings and integers, with all of
// printf-style formatting: flags, width, precision, `*`, the conversions
// s r a d i u o x X e E f F g G c, %%, and bare conversions, the first of which
// formats the mapping itself. The error is a *KeyError, or has the text of
// Python's TypeError, ValueError or OverflowError.
func Format(format string, args Mapping) (string, error) {
	if !strings.Contains(format, "%") {
		return format, nil
	}
	f := formatter{in: []rune(format), args: args, next: mapping{args}, left: 1}
	return f.run()
}

// mapping is a whole Mapping as an argument of a conversion.
type mapping struct{ Mapping }

func (m mapping) repr() string {
	var s rpcinterface.Struct
	for _, name := range m.Names() {
		v, _ := m.Lookup(name)
		s = append(s, rpcinterface.Member{Name: name, Value: v})
	}
	return Repr(s)
}

type formatter struct {
	in   []rune
	pos  int
	args Mapping
	next any // a mapping or a rpcinterface.Value
	left int // how often next may still be used
	out  strings.Builder
}

// spec is one conversion.
type spec struct {
	minus, plus, blank, alt, zero bool
	width, prec                   int // -1: none
	verb                          rune
}

var (
	errIncomplete    = errors.New("incomplete format")
	errIncompleteKey = errors.New("incomplete format key")
	errNoArgument    = errors.New("not enough arguments for format string")
	errStar          = errors.New("* wants int")
	errWidth         = errors.New("width too big")
	errPrecision     = errors.New("precision too big")
)

func (f *formatter) run() (string, error) {
	for f.pos < len(f.in) {
		c := f.in[f.pos]
		f.pos++
		if c != '%' {
			f.out.WriteRune(c)
			continue
		}
		if f.pos < len(f.in) && f.in[f.pos] == '%' {
			f.pos++
			f.out.WriteByte('%')
			continue
		}
		s, err := f.parse()
		if err != nil {
			return "", err
		}
		if err := f.convert(s); err != nil {
			return "", err
		}
	}
	return f.out.String(), nil
}

// read gives the next character of the format.
func (f *formatter) read() (rune, error) {
	if f.pos >= len(f.in) {
		return 0, errIncomplete
	}
	c := f.in[f.pos]
	f.pos++
	return c, nil
}

func (f *formatter) argument() (any, error) {
	if f.left == 0 {
		return nil, errNoArgument
	}
	f.left--
	return f.next, nil
}

func (f *formatter) parse() (spec, error) {
	s := spec{width: -1, prec: -1}
	if f.pos < len(f.in) && f.in[f.pos] == '(' {
		if err := f.key(); err != nil {
			return s, err
		}
	}
	c, err := f.read()
flags:
	for err == nil {
		switch c {
		case '-':
			s.minus = true
		case '+':
			s.plus = true
		case ' ':
			s.blank = true
		case '#':
			s.alt = true
		case '0':
			s.zero = true
		default:
			break flags
		}
		c, err = f.read()
	}
	if err != nil {
		return s, err
	}
	if c == '*' || isDigit(c) {
		if s.width, c, err = f.number(c, errWidth); err != nil {
			return s, err
		}
		if s.width < 0 {
			s.minus, s.width = true, -s.width
		}
	}
	if c == '.' {
		s.prec = 0
		if c, err = f.read(); err != nil {
			return s, err
		}
		if c == '*' || isDigit(c) {
			if s.prec, c, err = f.number(c, errPrecision); err != nil {
				return s, err
			}
			s.prec = max(s.prec, 0)
		}
	}
	if c == 'h' || c == 'l' || c == 'L' {
		c, err = f.read()
	}
	s.verb = c
	return s, err
}

func isDigit(c rune) bool { return '0' <= c && c <= '9' }

// key reads a parenthesised key, in which parentheses balance.
func (f *formatter) key() error {
	f.pos++
	start, depth := f.pos, 1
	for depth > 0 {
		if f.pos >= len(f.in) {
			return errIncompleteKey
		}
		switch f.in[f.pos] {
		case '(':
			depth++
		case ')':
			depth--
		}
		f.pos++
	}
	name := string(f.in[start : f.pos-1])
	v, ok := f.args.Lookup(name)
	if !ok {
		return &KeyError{name}
	}
	f.next, f.left = v, 1
	return nil
}

// number reads a width or a precision that begins with c, and the character after.
func (f *formatter) number(c rune, tooBig error) (int, rune, error) {
	n := 0
	if c == '*' {
		v, err := f.argument()
		if err != nil {
			return 0, 0, err
		}
		i, ok := v.(rpcinterface.Int)
		if !ok {
			return 0, 0, errStar
		}
		if i > maxPad || i < -maxPad {
			return 0, 0, tooBig
		}
		c, err = f.read()
		return int(i), c, err
	}
	var err error
	for ; isDigit(c); c, err = f.read() {
		if n = n*10 + int(c-'0'); n > maxPad {
			return 0, 0, tooBig
		}
	}
	return n, c, err
}

func (f *formatter) convert(s spec) error {
	v, err := f.argument()
	if err != nil {
		return err
	}
	switch s.verb {
	case 's', 'r', 'a':
		f.pad(s, "", truncate(text(v, s.verb), s.prec), ' ')
	case 'd', 'i', 'u', 'o', 'x', 'X':
		i, ok := v.(rpcinterface.Int)
		if !ok {
			want := "a real number"
			if s.verb == 'o' || s.verb == 'x' || s.verb == 'X' {
				want = "an integer"
			}
			return fmt.Errorf("%%%c format: %s is required, not %s", s.verb, want, typeName(v))
		}
		sign, digits := s.integer(int64(i))
		f.writeNumber(s, sign, digits)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		i, ok := v.(rpcinterface.Int)
		if !ok {
			return fmt.Errorf("must be real number, not %s", typeName(v))
		}
		f.writeNumber(s, i < 0, s.float(math.Abs(float64(i))))
	case 'c':
		c, err := character(v)
		if err != nil {
			return err
		}
		f.pad(s, "", string(c), ' ')
	default:
		shown := s.verb
		if shown < 31 || shown > 126 {
			shown = '?'
		}
		return fmt.Errorf("unsupported format character '%c' (0x%x) at index %d", shown, s.verb, f.pos-1)
	}
	return nil
}

// writeNumber writes a number: sign, or what stands for it, and the prefix before the
// zeros.
func (f *formatter) writeNumber(s spec, negative bool, digits string) {
	prefix := ""
	switch {
	case negative:
		prefix = "-"
	case s.plus:
		prefix = "+"
	case s.blank:
		prefix = " "
	}
	if s.alt {
		switch s.verb {
		case 'o':
			prefix += "0o"
		case 'x':
			prefix += "0x"
		case 'X':
			prefix += "0X"
		}
	}
	fill := byte(' ')
	if s.zero {
		fill = '0'
	}
	f.pad(s, prefix, digits, fill)
}

// pad writes prefix and text in the width of s.
func (f *formatter) pad(s spec, prefix, text string, fill byte) {
	n := max(s.width-len(prefix)-utf8.RuneCountInString(text), 0)
	padding := strings.Repeat(string(fill), n)
	switch {
	case s.minus:
		f.out.WriteString(prefix + text + strings.Repeat(" ", n))
	case fill == '0':
		f.out.WriteString(prefix + padding + text)
	default:
		f.out.WriteString(padding + prefix + text)
	}
}

func text(v any, verb rune) string {
	s := ""
	switch v := v.(type) {
	case mapping:
		s = v.repr()
	case rpcinterface.Value:
		if verb == 's' {
			return Str(v)
		}
		s = Repr(v)
	}
	if verb == 'a' {
		s = ascii(s)
	}
	return s
}

// ascii escapes what is not ASCII in a repr, as ascii() does.
func ascii(s string) string {
	var out []byte
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r <= 0xff:
			out = appendHex(append(out, `\x`...), uint32(r), 2)
		case r <= 0xffff:
			out = appendHex(append(out, `\u`...), uint32(r), 4)
		default:
			out = appendHex(append(out, `\U`...), uint32(r), 8)
		}
	}
	return string(out)
}

func truncate(s string, prec int) string {
	if prec < 0 || prec >= utf8.RuneCountInString(s) {
		return s
	}
	return string([]rune(s)[:prec])
}

// integer gives the digits of i, at least prec of them.
func (s spec) integer(i int64) (negative bool, digits string) {
	base := map[rune]int{'o': 8, 'x': 16, 'X': 16}[s.verb]
	if base == 0 {
		base = 10
	}
	digits = strconv.FormatInt(i, base)
	digits, negative = strings.CutPrefix(digits, "-")
	if s.verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if n := s.prec - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	return negative, digits
}

func (s spec) float(x float64) string {
	prec := s.prec
	if prec < 0 {
		prec = 6
	}
	flag := ""
	if s.alt {
		flag = "#"
	}
	return fmt.Sprintf("%"+flag+".*"+string(s.verb), prec, x)
}

func character(v any) (rune, error) {
	switch v := v.(type) {
	case rpcinterface.Int:
		if v < 0 || v > utf8.MaxRune {
			return 0, errors.New("%c arg not in range(0x110000)")
		}
		return rune(v), nil
	case rpcinterface.String:
		if utf8.RuneCountInString(string(v)) == 1 {
			return []rune(string(v))[0], nil
		}
	}
	return 0, errors.New("%c requires int or char")
}

func typeName(v any) string {
	switch v := v.(type) {
	case rpcinterface.Value:
		return TypeName(v)
	default:
		return "dict"
	}
}

// TypeName is the name of the value's Python type, as type errors show it.
func TypeName(v rpcinterface.Value) string {
	switch rpcinterface.KindOf(v) {
	case rpcinterface.KindInt:
		return "int"
	case rpcinterface.KindBool:
		return "bool"
	case rpcinterface.KindString:
		return "str"
	case rpcinterface.KindDouble:
		return "float"
	case rpcinterface.KindBytes:
		return "bytes"
	case rpcinterface.KindTime:
		return "datetime.datetime"
	case rpcinterface.KindArray:
		return "list"
	case rpcinterface.KindStruct:
		return "dict"
	default:
		return "NoneType"
	}
}
