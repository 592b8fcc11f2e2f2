package sdk

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

var (
	valueType = reflect.TypeFor[Value]()
	timeType  = reflect.TypeFor[time.Time]()
)

// isValue says whether a type is Value or one of its kinds.
func isValue(t reflect.Type) bool {
	switch t {
	case valueType, reflect.TypeFor[Int](), reflect.TypeFor[Bool](), reflect.TypeFor[String](), reflect.TypeFor[Double](),
		reflect.TypeFor[Bytes](), reflect.TypeFor[Time](), reflect.TypeFor[Array](), reflect.TypeFor[Struct](), reflect.TypeFor[Nil]():
		return true
	}
	return false
}

// isBytes says whether a type is []byte, under whatever name.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem() == reflect.TypeFor[byte]()
}

// supported says why values of a type cannot be passed, if they cannot. A type
// within itself is looked at once: seen.
func supported(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] || isValue(t) || t == timeType || isBytes(t) {
		return nil
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return nil
	case reflect.Pointer:
		if t.Elem().Kind() != reflect.Pointer && t.Elem().Kind() != reflect.Interface {
			return supported(t.Elem(), seen)
		}
	case reflect.Slice:
		return supported(t.Elem(), seen)
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			return fmt.Errorf("%s has keys that are not strings", t)
		}
		return supported(t.Elem(), seen)
	case reflect.Struct:
		fields, err := fieldsOf(t)
		if err != nil {
			return err
		}
		for _, f := range fields {
			if err := supported(f.Type, seen); err != nil {
				return fmt.Errorf("member %s of %s: %w", f.Name, t, err)
			}
		}
		return nil
	case reflect.Interface:
		return fmt.Errorf("values of type %s cannot be passed: use sdk.Value", t)
	case reflect.Array:
		return fmt.Errorf("values of type %s cannot be passed: use a slice", t)
	}
	return fmt.Errorf("values of type %s cannot be passed", t)
}

// field is a struct's field that is a member, under the member's name.
type field struct {
	reflect.StructField
	member string
}

// fieldsOf lists the members of a struct, those of embedded structs among them. The
// error is for a struct that cannot be passed.
func fieldsOf(t reflect.Type) ([]field, error) {
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("rpc")
		if name == "-" {
			continue
		}
		if f.Anonymous && (name == "" || !f.IsExported()) {
			if name != "" || f.Type.Kind() != reflect.Struct || f.Type == timeType || isValue(f.Type) {
				return nil, fmt.Errorf("%s embeds %s, whose members it cannot have: give the field a name", t, f.Type)
			}
			inner, err := fieldsOf(f.Type)
			if err != nil {
				return nil, err
			}
			for _, in := range inner {
				in.Index = append([]int{i}, in.Index...)
				out = append(out, in)
			}
			continue
		}
		if !f.IsExported() {
			continue
		}
		if name == "" {
			name = lowered(f.Name)
		}
		out = append(out, field{f, name})
	}
	if len(out) == 0 && t.NumField() > 0 {
		return nil, fmt.Errorf("values of type %s cannot be passed: it has no exported fields", t)
	}
	for i, f := range out {
		if slices.ContainsFunc(out[:i], func(other field) bool { return other.member == f.member }) {
			return nil, fmt.Errorf("%s has two members called %s", t, f.member)
		}
	}
	return out, nil
}

// lowered is the name under which clients know a Go name.
func lowered(name string) string {
	r, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(r)) + name[size:]
}

// decode puts a value into a variable of a supported type.
func decode(v Value, into reflect.Value) error {
	if v == nil {
		v = Nil{}
	}
	t := into.Type()
	if reflect.TypeOf(v).AssignableTo(t) {
		into.Set(reflect.ValueOf(v))
		return nil
	}
	wrong := func(want string) error { return fmt.Errorf("%s wanted, not %s", want, v.Kind()) }
	switch {
	case t.Kind() == reflect.Pointer:
		if v == (Nil{}) {
			into.SetZero()
			return nil
		}
		into.Set(reflect.New(t.Elem()))
		return decode(v, into.Elem())
	case isValue(t):
		return wrong(reflect.Zero(t).Interface().(Value).Kind().String())
	case t == timeType:
		if v, ok := v.(Time); ok {
			into.Set(reflect.ValueOf(time.Time(v)))
			return nil
		}
		return wrong("dateTime.iso8601")
	case isBytes(t):
		switch v := v.(type) {
		case Bytes:
			into.SetBytes(v)
		case String:
			into.SetBytes([]byte(v))
		default:
			return wrong("base64")
		}
		return nil
	}
	switch t.Kind() {
	case reflect.Bool:
		b, ok := v.(Bool)
		if !ok {
			return wrong("boolean")
		}
		into.SetBool(bool(b))
	case reflect.String:
		s, ok := v.(String)
		if !ok {
			return wrong("string")
		}
		into.SetString(string(s))
	case reflect.Float32, reflect.Float64:
		switch v := v.(type) {
		case Double:
			if into.OverflowFloat(float64(v)) {
				return fmt.Errorf("%v is out of range", float64(v))
			}
			into.SetFloat(float64(v))
		case Int:
			into.SetFloat(float64(v))
		default:
			return wrong("double")
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, ok := v.(Int)
		if !ok {
			return wrong("int")
		}
		if into.OverflowInt(int64(n)) {
			return fmt.Errorf("%d is out of range", n)
		}
		into.SetInt(int64(n))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, ok := v.(Int)
		if !ok {
			return wrong("int")
		}
		if n < 0 || into.OverflowUint(uint64(n)) {
			return fmt.Errorf("%d is out of range", n)
		}
		into.SetUint(uint64(n))
	case reflect.Slice:
		list, ok := v.(Array)
		if !ok {
			return wrong("array")
		}
		into.Set(reflect.MakeSlice(t, len(list), len(list)))
		for i, e := range list {
			if err := decode(e, into.Index(i)); err != nil {
				return fmt.Errorf("element %d: %w", i, err)
			}
		}
	case reflect.Map:
		members, ok := v.(Struct)
		if !ok {
			return wrong("struct")
		}
		into.Set(reflect.MakeMapWithSize(t, len(members)))
		for _, m := range members {
			e := reflect.New(t.Elem()).Elem()
			if err := decode(m.Value, e); err != nil {
				return fmt.Errorf("%s: %w", m.Name, err)
			}
			into.SetMapIndex(reflect.ValueOf(m.Name).Convert(t.Key()), e)
		}
	case reflect.Struct:
		members, ok := v.(Struct)
		if !ok {
			return wrong("struct")
		}
		return decodeStruct(members, into)
	}
	return nil
}

func decodeStruct(members Struct, into reflect.Value) error {
	fields, err := fieldsOf(into.Type())
	if err != nil {
		return err
	}
	for _, m := range members {
		if !slices.ContainsFunc(fields, func(f field) bool { return f.member == m.Name }) {
			return fmt.Errorf("unknown member %s", m.Name)
		}
	}
	for _, f := range fields {
		v, ok := members.Get(f.member)
		if !ok {
			if f.Type.Kind() == reflect.Pointer {
				continue
			}
			return fmt.Errorf("member %s is missing", f.member)
		}
		if err := decode(v, into.FieldByIndex(f.Index)); err != nil {
			return fmt.Errorf("%s: %w", f.member, err)
		}
	}
	return nil
}

// ValueOf makes a Value of a Go value: one of the types that methods may have,
// nil, or a slice or map of any of them.
func ValueOf(v any) (Value, error) { return encode(reflect.ValueOf(v), wire.MaxDepth) }

// encode makes a Value in which arrays and structs are nested no more than depth
// deep: what points to itself has no end.
func encode(v reflect.Value, depth int) (Value, error) {
	if !v.IsValid() {
		return Nil{}, nil
	}
	t := v.Type()
	if v.Kind() == reflect.Interface || v.Kind() == reflect.Pointer {
		return encode(v.Elem(), depth)
	}
	if isValue(t) {
		return v.Interface().(Value), nil
	}
	if t == timeType {
		return Time(v.Interface().(time.Time)), nil
	}
	if isBytes(t) {
		return Bytes(v.Bytes()), nil
	}
	switch v.Kind() {
	case reflect.Bool:
		return Bool(v.Bool()), nil
	case reflect.String:
		return String(v.String()), nil
	case reflect.Float32, reflect.Float64:
		return Double(v.Float()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return Int(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%d is out of range", v.Uint())
		}
		return Int(v.Uint()), nil
	case reflect.Slice, reflect.Map, reflect.Struct:
		if depth == 0 {
			return nil, fmt.Errorf("a value is nested deeper than %d", wire.MaxDepth)
		}
		return encodeMany(v, depth-1)
	}
	return nil, errors.New("values of type " + t.String() + " cannot be passed")
}

func encodeMany(v reflect.Value, depth int) (Value, error) {
	switch v.Kind() {
	case reflect.Map:
		return encodeMap(v, depth)
	case reflect.Struct:
		return encodeStruct(v, depth)
	}
	out := make(Array, v.Len())
	for i := range out {
		var err error
		if out[i], err = encode(v.Index(i), depth); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return out, nil
}

// encodeMap orders the members by name, so that answers are the same each time.
func encodeMap(v reflect.Value, depth int) (Value, error) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, fmt.Errorf("%s has keys that are not strings", v.Type())
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	out := make(Struct, len(keys))
	for i, k := range keys {
		e, err := encode(v.MapIndex(k), depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k, err)
		}
		out[i] = Member{Name: k.String(), Value: e}
	}
	return out, nil
}

// encodeStruct leaves out the members whose pointers are nil.
func encodeStruct(v reflect.Value, depth int) (Value, error) {
	fields, err := fieldsOf(v.Type())
	if err != nil {
		return nil, err
	}
	out := make(Struct, 0, len(fields))
	for _, f := range fields {
		src := v.FieldByIndex(f.Index)
		if src.Kind() == reflect.Pointer && src.IsNil() {
			continue
		}
		e, err := encode(src, depth)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.member, err)
		}
		out = append(out, Member{Name: f.member, Value: e})
	}
	return out, nil
}
