package sdk

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Text gives the text of a value that is not an array or a struct, and whether it
// has one, for methods that take names of any type. It is what the reference
// makes of the value in a fault or a name, Python's str: "True", "None", "2.5".
func Text(v Value) (string, bool) {
	switch v := v.(type) {
	case String:
		return string(v), true
	case Bytes:
		return string(v), true
	case Int:
		return strconv.FormatInt(int64(v), 10), true
	case Bool:
		if v {
			return "True", true
		}
		return "False", true
	case Double:
		return doubleText(float64(v)), true
	case Time:
		return time.Time(v).Format(time.DateTime), true
	case Array, Struct:
		return "", false
	}
	return "None", true
}

// doubleText writes the shortest digits that read back as f, with an exponent
// below 1e-4 and from 1e16 on.
func doubleText(f float64) string {
	switch size := math.Abs(f); {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	case size != 0 && (size < 1e-4 || size >= 1e16):
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
