package pytext

import "strconv"

// Timedelta writes seconds as Python writes a datetime.timedelta: "1 day, 2:03:04".
func Timedelta(seconds int64) string {
	days, rest := seconds/86400, seconds%86400
	buf := make([]byte, 0, 24)
	if days > 0 {
		buf = strconv.AppendInt(buf, days, 10)
		buf = append(buf, " day"...)
		if days > 1 {
			buf = append(buf, 's')
		}
		buf = append(buf, ", "...)
	}
	buf = strconv.AppendInt(buf, rest/3600, 10)
	for _, n := range [2]int64{rest / 60 % 60, rest % 60} {
		buf = append(buf, ':', byte('0'+n/10), byte('0'+n%10))
	}
	return string(buf)
}
