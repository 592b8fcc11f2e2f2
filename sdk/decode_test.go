package sdk_test

import (
	"reflect"
	"testing"

	"github.com/plugvisor/plugvisor/sdk"
)

func TestDecode(t *testing.T) {
	v := sdk.Array{sdk.Struct{{Name: "x", Value: sdk.Int(1)}, {Name: "y", Value: sdk.Int(2)}}}
	var points []point
	if err := sdk.Decode(v, &points); err != nil || !reflect.DeepEqual(points, []point{{X: 1, Y: 2}}) {
		t.Errorf("got %v, %v", points, err)
	}
	for want, into := range map[string]any{
		"cannot decode a value: string wanted, not array":                                new(string),
		"cannot decode a value into int: it is no pointer to a variable":                 1,
		"cannot decode a value into *int: it is no pointer to a variable":                (*int)(nil),
		"cannot decode a value into <nil>: it is no pointer to a variable":               nil,
		"cannot decode a value into *chan int: values of type chan int cannot be passed": new(chan int),
		"cannot decode a value: element 0: int wanted, not struct":                       new([]int),
	} {
		if err := sdk.Decode(v, into); err == nil || err.Error() != want {
			t.Errorf("%T: %v, want %s", into, err, want)
		}
	}
}
