package rpcinterface

import "time"

// Value is one XML-RPC value. It is a closed sum: Int, Bool, String, Double,
// Bytes, Time, Array, Struct or Nil. A nil interface is treated as Nil.
type Value interface {
	// Kind tells which of the nine it is.
	Kind() Kind
	value()
}

// Kind names the type of a Value.
type Kind uint8

// The kinds, in the order of the wire's oneof.
const (
	KindNil Kind = iota
	KindInt
	KindBool
	KindString
	KindDouble
	KindBytes
	KindTime
	KindArray
	KindStruct
)

// String gives the name that XML-RPC has for the kind ("int", "boolean",
// "string", "double", "base64", "dateTime.iso8601", "array", "struct", "nil").
func (k Kind) String() string {
	switch k {
	case KindInt:
		return "int"
	case KindBool:
		return "boolean"
	case KindString:
		return "string"
	case KindDouble:
		return "double"
	case KindBytes:
		return "base64"
	case KindTime:
		return "dateTime.iso8601"
	case KindArray:
		return "array"
	case KindStruct:
		return "struct"
	default:
		return "nil"
	}
}

type (
	// Int is an integer. XML-RPC carries 32 bits; more is a fault towards clients.
	Int int64
	// Bool is a boolean.
	Bool bool
	// String is text. It should be valid UTF-8; encoders replace what is not.
	String string
	// Double is a floating-point number.
	Double float64
	// Bytes is binary data, base64 on the wire to clients.
	Bytes []byte
	// Time is a date and time without a zone, to the second.
	Time time.Time
	// Array is a list of values.
	Array []Value
	// Struct is a list of members in order. Names are unique: makers keep it so.
	Struct []Member
	// Nil is the absence of a value.
	Nil struct{}
)

// Member is one named value of a Struct.
type Member struct {
	Name  string
	Value Value
}

func (Int) Kind() Kind    { return KindInt }
func (Bool) Kind() Kind   { return KindBool }
func (String) Kind() Kind { return KindString }
func (Double) Kind() Kind { return KindDouble }
func (Bytes) Kind() Kind  { return KindBytes }
func (Time) Kind() Kind   { return KindTime }
func (Array) Kind() Kind  { return KindArray }
func (Struct) Kind() Kind { return KindStruct }
func (Nil) Kind() Kind    { return KindNil }

func (Int) value()    {}
func (Bool) value()   {}
func (String) value() {}
func (Double) value() {}
func (Bytes) value()  {}
func (Time) value()   {}
func (Array) value()  {}
func (Struct) value() {}
func (Nil) value()    {}

// Get returns the member called name, and whether there is one.
func (s Struct) Get(name string) (Value, bool) {
	for _, m := range s {
		if m.Name == name {
			return m.Value, true
		}
	}
	return nil, false
}

// KindOf is v.Kind(), with a nil interface counted as KindNil.
func KindOf(v Value) Kind {
	if v == nil {
		return KindNil
	}
	return v.Kind()
}
