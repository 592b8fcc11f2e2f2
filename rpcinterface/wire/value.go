package wire

import (
	"fmt"
	"slices"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

// MaxDepth is how deep arrays and structs may be nested. Decoders of protobuf in
// other languages stop at 100 messages; 32 structs within a request are 98.
const MaxDepth = 32

// errTooDeep is a fault, as it is about the value and not the connection.
func errTooDeep() error {
	return rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters,
		fmt.Sprintf("a value is nested deeper than %d", MaxDepth))
}

// EncodeValue gives the wire's form of a value. A nil interface is nil.
func EncodeValue(v rpcinterface.Value) (*pb.Value, error) { return encodeValue(v, MaxDepth) }

// DecodeValue gives the value of the wire's form. An unset one is nil. Where a
// struct names a member twice, the later value takes the earlier one's place.
func DecodeValue(v *pb.Value) (rpcinterface.Value, error) { return decodeValue(v, MaxDepth) }

// encodeValue allocates a message and its oneof wrapper in one piece.
func encodeValue(v rpcinterface.Value, depth int) (*pb.Value, error) {
	switch v := v.(type) {
	case rpcinterface.Int:
		m := new(struct {
			pb.Value
			k pb.Value_Int
		})
		m.k.Int = int64(v)
		m.Kind = &m.k
		return &m.Value, nil
	case rpcinterface.Bool:
		m := new(struct {
			pb.Value
			k pb.Value_Bool
		})
		m.k.Bool = bool(v)
		m.Kind = &m.k
		return &m.Value, nil
	case rpcinterface.String:
		m := new(struct {
			pb.Value
			k pb.Value_String_
		})
		m.k.String_ = text(string(v))
		m.Kind = &m.k
		return &m.Value, nil
	case rpcinterface.Double:
		m := new(struct {
			pb.Value
			k pb.Value_Double
		})
		m.k.Double = float64(v)
		m.Kind = &m.k
		return &m.Value, nil
	case rpcinterface.Bytes:
		return &pb.Value{Kind: &pb.Value_Bytes{Bytes: v}}, nil
	case rpcinterface.Time:
		return &pb.Value{Kind: &pb.Value_Time{Time: encodeTime(time.Time(v))}}, nil
	case rpcinterface.Array:
		if depth == 0 {
			return nil, errTooDeep()
		}
		values, err := encodeValues(v, depth-1)
		if err != nil {
			return nil, err
		}
		return &pb.Value{Kind: &pb.Value_Array{Array: &pb.Array{Values: values}}}, nil
	case rpcinterface.Struct:
		if depth == 0 {
			return nil, errTooDeep()
		}
		s, err := encodeStruct(v, depth-1)
		if err != nil {
			return nil, err
		}
		return &pb.Value{Kind: &pb.Value_Struct{Struct: s}}, nil
	default:
		return &pb.Value{Kind: &pb.Value_Nil{Nil: &pb.Nil{}}}, nil
	}
}

func encodeValues(values []rpcinterface.Value, depth int) ([]*pb.Value, error) {
	out := make([]*pb.Value, len(values))
	for i, v := range values {
		var err error
		if out[i], err = encodeValue(v, depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func encodeStruct(s rpcinterface.Struct, depth int) (*pb.Struct, error) {
	members := make([]pb.Member, len(s))
	out := &pb.Struct{Members: make([]*pb.Member, len(s))}
	for i, m := range s {
		v, err := encodeValue(m.Value, depth)
		if err != nil {
			return nil, err
		}
		members[i].Name, members[i].Value = text(m.Name), v
		out.Members[i] = &members[i]
	}
	return out, nil
}

func decodeValue(v *pb.Value, depth int) (rpcinterface.Value, error) {
	switch k := v.GetKind().(type) {
	case *pb.Value_Int:
		return rpcinterface.Int(k.Int), nil
	case *pb.Value_Bool:
		return rpcinterface.Bool(k.Bool), nil
	case *pb.Value_String_:
		return rpcinterface.String(k.String_), nil
	case *pb.Value_Double:
		return rpcinterface.Double(k.Double), nil
	case *pb.Value_Bytes:
		return rpcinterface.Bytes(k.Bytes), nil
	case *pb.Value_Time:
		return rpcinterface.Time(time.Unix(k.Time, 0).UTC()), nil
	case *pb.Value_Array:
		if depth == 0 {
			return nil, errTooDeep()
		}
		values, err := decodeValues(k.Array.GetValues(), depth-1)
		return rpcinterface.Array(values), err
	case *pb.Value_Struct:
		if depth == 0 {
			return nil, errTooDeep()
		}
		return decodeStruct(k.Struct, depth-1)
	default:
		return rpcinterface.Nil{}, nil
	}
}

func decodeValues(values []*pb.Value, depth int) ([]rpcinterface.Value, error) {
	out := make([]rpcinterface.Value, len(values))
	for i, v := range values {
		var err error
		if out[i], err = decodeValue(v, depth); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func decodeStruct(s *pb.Struct, depth int) (rpcinterface.Struct, error) {
	members := s.GetMembers()
	out := make(rpcinterface.Struct, 0, len(members))
	find := func(name string) int {
		return slices.IndexFunc(out, func(m rpcinterface.Member) bool { return m.Name == name })
	}
	if len(members) > 16 {
		at := make(map[string]int, len(members))
		find = func(name string) int {
			i, ok := at[name]
			if !ok {
				at[name] = len(out)
				return -1
			}
			return i
		}
	}
	for _, m := range members {
		v, err := decodeValue(m.GetValue(), depth)
		if err != nil {
			return nil, err
		}
		if i := find(m.GetName()); i >= 0 {
			out[i].Value = v
			continue
		}
		out = append(out, rpcinterface.Member{Name: m.GetName(), Value: v})
	}
	return out, nil
}

// encodeTime gives the seconds from 1970 to what t's clock shows; the zone is
// left out, as XML-RPC has none.
func encodeTime(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, time.UTC).Unix()
}
