package config

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// The functions of this file read values that need not be text, as those of
// programs added by RPC. A value that the reference takes means what it means
// there; one that breaks the reference (an internal error to its client) means
// what its text means in a file.

// errType is a value of a type that Python's own functions refuse. The reference
// answers any TypeError with this fault, without a text.
func errType() error { return rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters) }

// asText gives the text of a string and of what is written as one.
func asText(v rpcinterface.Value) (string, bool) {
	switch v := v.(type) {
	case rpcinterface.String:
		return string(v), true
	case rpcinterface.Bytes:
		return string(v), true
	}
	return "", false
}

// textOf gives the text that a value has in a file.
func textOf(v rpcinterface.Value) string {
	if s, ok := asText(v); ok {
		return s
	}
	return pytext.Str(v)
}

func isNil(v rpcinterface.Value) bool { return rpcinterface.KindOf(v) == rpcinterface.KindNil }

func integer(v rpcinterface.Value) (int64, error) {
	switch v := v.(type) {
	case rpcinterface.Int:
		return int64(v), nil
	case rpcinterface.Bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case rpcinterface.Double:
		return truncate(float64(v))
	}
	if s, ok := asText(v); ok {
		return ParseInteger(s)
	}
	return 0, errType()
}

// truncate is int() of a float.
func truncate(x float64) (int64, error) {
	switch {
	case math.IsNaN(x):
		return 0, errors.New("cannot convert float NaN to integer")
	case math.IsInf(x, 0): // an OverflowError, which breaks the reference
		return ParseInteger(pytext.Repr(rpcinterface.Double(x)))
	case x >= math.MaxInt64:
		return math.MaxInt64, nil
	case x <= math.MinInt64:
		return math.MinInt64, nil
	}
	return int64(x), nil
}

func boolean(v rpcinterface.Value) (bool, error) {
	value, known := truth(textOf(v))
	if !known {
		return false, fmt.Errorf("not a valid boolean value: %s", pytext.Repr(v))
	}
	return value, nil
}

func byteSize(v rpcinterface.Value) (int64, error) { return ParseByteSize(textOf(v)) }

func autorestart(v rpcinterface.Value) (core.Autorestart, error) {
	s := strings.ToLower(textOf(v))
	value, known := truth(s)
	switch {
	case known && value:
		return core.RestartAlways, nil
	case known:
		return core.RestartNever, nil
	case s == "unexpected":
		return core.RestartUnexpected, nil
	}
	return 0, fmt.Errorf("invalid 'autorestart' value %s", pytext.ReprString(s))
}

// ParseSignal reads a signal: a number in any form that int() takes, or a name in
// any case with or without SIG. 0 is valid.
func ParseSignal(v rpcinterface.Value) (int, error) {
	number, err := integer(v)
	if err != nil {
		text := textOf(v)
		name := strings.ToUpper(pytext.Strip(text))
		if !strings.HasPrefix(name, "SIG") {
			name = "SIG" + name
		}
		n, ok := signalNumber(name)
		if !ok {
			return 0, fmt.Errorf("value %s is not a valid signal name", pytext.ReprString(text))
		}
		return n, nil
	}
	if !isSignal(number) {
		return 0, fmt.Errorf("value %s is not a valid signal number", pytext.Repr(v))
	}
	return int(number), nil
}

func exitCodes(v rpcinterface.Value) ([]int, error) {
	if isFalse(v) {
		return nil, nil
	}
	bad := fmt.Errorf("not a valid list of exit codes: %s", pytext.Repr(v))
	s, ok := v.(rpcinterface.String)
	if !ok {
		return nil, bad
	}
	var out []int
	for _, word := range strings.Split(string(s), ",") {
		n, err := ParseInteger(word)
		if err != nil || n < 0 || n > 255 {
			return nil, bad
		}
		out = append(out, int(n))
	}
	return out, nil
}

// isFalse is `not v`.
func isFalse(v rpcinterface.Value) bool {
	switch v := v.(type) {
	case rpcinterface.Int:
		return v == 0
	case rpcinterface.Bool:
		return !bool(v)
	case rpcinterface.String:
		return v == ""
	case rpcinterface.Double:
		return v == 0
	case rpcinterface.Bytes:
		return len(v) == 0
	case rpcinterface.Array:
		return len(v) == 0
	case rpcinterface.Struct:
		return len(v) == 0
	case rpcinterface.Time:
		return false
	}
	return true
}

func octal(v rpcinterface.Value) (int, error) {
	if s, ok := asText(v); ok {
		return ParseOctal(s)
	}
	return 0, fmt.Errorf("%s can not be converted to an octal type", pytext.Str(v))
}

func userID(env *Environment, v rpcinterface.Value) (int, error) {
	if s, ok := asText(v); ok {
		a, err := ParseUser(env, s)
		return a.UID, err
	}
	uid, err := integer(v)
	if err != nil {
		return 0, errType()
	}
	a, err := userByID(env, uid, pytext.Str(v))
	return a.UID, err
}

// logFile reads the name of a log file. syslog says that it is the deprecated name
// "syslog".
func logFile(env *Environment, v rpcinterface.Value) (file core.LogFile, syslog bool, err error) {
	if isNil(v) {
		return core.LogFile{Kind: core.LogNone}, false, nil
	}
	s, ok := asText(v)
	if !ok {
		return core.LogFile{}, false, errType()
	}
	switch strings.ToLower(s) {
	case "none", "off":
		return core.LogFile{Kind: core.LogNone}, false, nil
	case "auto":
		return core.LogFile{Kind: core.LogAuto}, false, nil
	case "syslog":
		return core.LogFile{Kind: core.LogNone}, true, nil
	}
	path, err := ParseExistingDirpath(env, s)
	return core.LogFile{Kind: core.LogPath, Path: path}, false, err
}
