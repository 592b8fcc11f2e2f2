package supervisorns

import (
	"math"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func incorrectParameters() error {
	return rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
}

// faultOf is a fault whose detail is a parameter, as Python writes it; None has
// no text.
func faultOf(code int, v rpcinterface.Value) error {
	if rpcinterface.KindOf(v) == rpcinterface.KindNil {
		return rpcinterface.NewFault(code)
	}
	return rpcinterface.NewFault(code, pytext.Str(v))
}

// text is a parameter that has to be a string.
func text(call *rpcinterface.Call, i int) (string, error) {
	if s, ok := call.Params[i].(rpcinterface.String); ok {
		return string(s), nil
	}
	return "", incorrectParameters()
}

// groupName is a parameter that the reference looks up in a dictionary: what is no
// string is no group's name, and what has no hash is no parameter.
func groupName(call *rpcinterface.Call, i int) (string, error) {
	switch v := call.Params[i].(type) {
	case rpcinterface.String:
		return string(v), nil
	case rpcinterface.Array, rpcinterface.Struct:
		return "", incorrectParameters()
	default:
		return "", faultOf(rpcinterface.CodeBadName, v)
	}
}

// wait is the optional parameter wait, taken for its truth.
func wait(call *rpcinterface.Call, i int) bool {
	if len(call.Params) <= i {
		return true
	}
	switch v := call.Params[i].(type) {
	case rpcinterface.Bool:
		return bool(v)
	case rpcinterface.Int:
		return v != 0
	case rpcinterface.Double:
		return v != 0
	case rpcinterface.String:
		return v != ""
	case rpcinterface.Bytes:
		return len(v) > 0
	case rpcinterface.Array:
		return len(v) > 0
	case rpcinterface.Struct:
		return len(v) > 0
	case rpcinterface.Time:
		return true
	}
	return false
}

// integer is a parameter that Python's int() takes: "2", 1.9 and true are good.
func integer(call *rpcinterface.Call, i int) (int64, error) {
	switch v := call.Params[i].(type) {
	case rpcinterface.Int:
		return int64(v), nil
	case rpcinterface.Bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case rpcinterface.Double:
		if f := float64(v); math.Abs(f) < math.MaxInt64 {
			return int64(f), nil
		}
	case rpcinterface.String:
		if n, err := pytext.ParseInt(string(v), 10); err == nil {
			return n, nil
		}
	}
	return 0, incorrectParameters()
}

// integers are the parameters offset and length.
func integers(call *rpcinterface.Call, first int) (offset, length int64, err error) {
	if offset, err = integer(call, first); err == nil {
		length, err = integer(call, first+1)
	}
	return offset, length, err
}

// capped is an integer that fits into XML-RPC's 32 bits.
func capped(n int64) rpcinterface.Int {
	return rpcinterface.Int(min(max(n, math.MinInt32), math.MaxInt32))
}
