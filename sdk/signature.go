package sdk

import (
	"reflect"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// signatureOf is the signature of a method whose documentation tells none: XML-RPC's
// words for its Go types. Nil where one of them may be of any type.
func signatureOf(m *method, function reflect.Type) []string {
	result := "boolean" // true, for a method without a value
	if m.value {
		result = typeWord(function.Out(0))
	}
	out := []string{result}
	for _, p := range m.params {
		t := p.of
		if p.optional {
			t = reflect.New(t).Interface().(optional).give().Type()
		}
		out = append(out, typeWord(t))
	}
	for _, word := range out {
		if word == "" {
			return nil
		}
	}
	return out
}

// typeWord is XML-RPC's word for a type that is supported, "" for any value.
func typeWord(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[rpcinterface.Time]():
		return "dateTime.iso8601"
	case reflect.TypeFor[rpcinterface.Array]():
		return "array"
	case reflect.TypeFor[rpcinterface.Struct]():
		return "struct"
	}
	switch t.Kind() {
	case reflect.Pointer:
		return typeWord(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Float32, reflect.Float64:
		return "double"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "int"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return "base64"
		}
		return "array"
	case reflect.Map, reflect.Struct:
		return "struct"
	}
	return ""
}
