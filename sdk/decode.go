package sdk

import (
	"fmt"
	"reflect"
)

// Decode puts a value, such as what Host.Call answers, into the variable that into
// points to. Types and rules are those of methods' parameters.
func Decode(v Value, into any) error {
	p := reflect.ValueOf(into)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return fmt.Errorf("cannot decode a value into %T: it is no pointer to a variable", into)
	}
	if err := supported(p.Type().Elem(), map[reflect.Type]bool{}); err != nil {
		return fmt.Errorf("cannot decode a value into %T: %w", into, err)
	}
	if err := decode(v, p.Elem()); err != nil {
		return fmt.Errorf("cannot decode a value: %w", err)
	}
	return nil
}
