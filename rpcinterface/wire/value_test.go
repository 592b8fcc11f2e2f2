package wire_test

import (
	"math"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// passed gives v as the other side sees it.
func passed(t testing.TB, v rpcinterface.Value) rpcinterface.Value {
	t.Helper()
	encoded, err := wire.EncodeValue(v)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := proto.Marshal(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var read pb.Value
	if err := proto.Unmarshal(raw, &read); err != nil {
		t.Fatal(err)
	}
	out, err := wire.DecodeValue(&read)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestValues(t *testing.T) {
	type (
		Int    = rpcinterface.Int
		String = rpcinterface.String
		Bytes  = rpcinterface.Bytes
		Time   = rpcinterface.Time
		Array  = rpcinterface.Array
		Struct = rpcinterface.Struct
		Nil    = rpcinterface.Nil
	)
	clock := time.Date(2026, 2, 28, 23, 59, 58, 0, time.UTC)
	large := make(Struct, 0, 40)
	for i := range 40 {
		large = append(large, rpcinterface.Member{Name: string(rune('a' + i)), Value: Int(i)})
	}
	tests := map[string]struct{ in, want rpcinterface.Value }{
		"int":            {Int(-1), Int(-1)},
		"zero":           {Int(0), Int(0)},
		"large int":      {Int(math.MinInt64), Int(math.MinInt64)},
		"true":           {rpcinterface.Bool(true), rpcinterface.Bool(true)},
		"false":          {rpcinterface.Bool(false), rpcinterface.Bool(false)},
		"string":         {String("é"), String("é")},
		"empty string":   {String(""), String("")},
		"not UTF-8":      {String("a\xff\xfeb"), String("a\uFFFDb")},
		"NUL":            {String("a\x00"), String("a\x00")},
		"double":         {rpcinterface.Double(-2.5), rpcinterface.Double(-2.5)},
		"infinity":       {rpcinterface.Double(math.Inf(1)), rpcinterface.Double(math.Inf(1))},
		"bytes":          {Bytes("\xff\x00"), Bytes("\xff\x00")},
		"time":           {Time(clock), Time(clock)},
		"time in a zone": {Time(clock.In(time.FixedZone("x", 3600))), Time(clock.Add(time.Hour))},
		"before 1970":    {Time(time.Date(1, 1, 1, 0, 0, 0, 9, time.UTC)), Time(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))},
		"nil":            {Nil{}, Nil{}},
		"no value":       {nil, Nil{}},
		"empty array":    {Array{}, Array{}},
		"nil array":      {Array(nil), Array{}},
		"array":          {Array{Int(1), nil, Array{String("x")}}, Array{Int(1), Nil{}, Array{String("x")}}},
		"empty struct":   {Struct{}, Struct{}},
		"struct keeps order": {
			Struct{{Name: "z", Value: Int(1)}, {Name: "a", Value: nil}, {Name: "\xff", Value: Bytes("b")}},
			Struct{{Name: "z", Value: Int(1)}, {Name: "a", Value: Nil{}}, {Name: "\uFFFD", Value: Bytes("b")}},
		},
		"doubled member": {
			Struct{{Name: "a", Value: Int(1)}, {Name: "b", Value: Int(2)}, {Name: "a", Value: Int(3)}},
			Struct{{Name: "a", Value: Int(3)}, {Name: "b", Value: Int(2)}},
		},
		"large struct": {append(large[:len(large):len(large)], large[5:9]...), large},
		"deepest":      {nest(wire.MaxDepth), nest(wire.MaxDepth)},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := passed(t, test.in); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v\nwant %#v", got, test.want)
			}
		})
	}
}

func TestUnsetValueIsNil(t *testing.T) {
	for _, v := range []*pb.Value{nil, {}} {
		if got, err := wire.DecodeValue(v); err != nil || got != (rpcinterface.Nil{}) {
			t.Errorf("got %v, %v", got, err)
		}
	}
	member := &pb.Value{Kind: &pb.Value_Struct{Struct: &pb.Struct{Members: []*pb.Member{{Name: "a"}, nil}}}}
	want := rpcinterface.Struct{{Name: "a", Value: rpcinterface.Nil{}}, {Name: "", Value: rpcinterface.Nil{}}}
	if got, err := wire.DecodeValue(member); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTooDeep(t *testing.T) {
	if _, err := wire.EncodeValue(nest(wire.MaxDepth + 1)); rpcinterface.AsFault(err) == nil {
		t.Error("encoded")
	}
	v := &pb.Value{}
	for range wire.MaxDepth + 1 {
		v = &pb.Value{Kind: &pb.Value_Array{Array: &pb.Array{Values: []*pb.Value{v}}}}
	}
	if _, err := wire.DecodeValue(v); rpcinterface.AsFault(err) == nil {
		t.Error("decoded")
	}
}

// FuzzValue reads any bytes as a Value. What can be read must survive being
// written and read again.
func FuzzValue(f *testing.F) {
	for _, v := range []rpcinterface.Value{
		rpcinterface.Int(-5), rpcinterface.Bool(true), rpcinterface.String("é\xff"), rpcinterface.Double(math.NaN()),
		rpcinterface.Bytes{0, 255}, rpcinterface.Time(time.Unix(1e9, 0)), rpcinterface.Nil{}, nest(7),
		rpcinterface.Struct{{Name: "a", Value: rpcinterface.Array{nil}}, {Name: "a"}},
	} {
		encoded, err := wire.EncodeValue(v)
		if err != nil {
			f.Fatal(err)
		}
		raw, err := proto.Marshal(encoded)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var read pb.Value
		if proto.Unmarshal(raw, &read) != nil {
			return
		}
		v, err := wire.DecodeValue(&read)
		if err != nil {
			return
		}
		again, err := wire.EncodeValue(passed(t, v))
		if err != nil {
			t.Fatal(err)
		}
		once, err := wire.EncodeValue(v)
		if err != nil {
			t.Fatal(err)
		}
		// Compared in the wire's form, where NaN is equal to itself.
		if !proto.Equal(once, again) {
			t.Errorf("%v became %v", once, again)
		}
	})
}

func BenchmarkValue(b *testing.B) {
	v := rpcinterface.Struct{
		{Name: "command", Value: rpcinterface.String("/bin/cat")},
		{Name: "autostart", Value: rpcinterface.Bool(false)},
		{Name: "startsecs", Value: rpcinterface.Int(7)},
	}
	b.ReportAllocs()
	for b.Loop() {
		encoded, err := wire.EncodeValue(v)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := wire.DecodeValue(encoded); err != nil {
			b.Fatal(err)
		}
	}
}
