package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// The functions of this file turn the text of an option into its value. Errors
// have the reference's texts, without the place.

// ParseInteger reads an integer as Python's int() does; values beyond 64 bits
// become the nearest.
func ParseInteger(s string) (int64, error) { return pytext.ParseInt(s, 10) }

// ParseByteSize reads a number of bytes with an optional suffix KB, MB or GB in any
// case.
func ParseByteSize(s string) (int64, error) {
	s = strings.ToLower(s)
	for _, unit := range []struct {
		suffix string
		bytes  int64
	}{{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}} {
		number, ok := strings.CutSuffix(s, unit.suffix)
		if !ok {
			continue
		}
		n, err := ParseInteger(number)
		switch {
		case err != nil:
			return 0, err
		case n > math.MaxInt64/unit.bytes:
			return math.MaxInt64, nil
		case n < math.MinInt64/unit.bytes:
			return math.MinInt64, nil
		}
		return n * unit.bytes, nil
	}
	return ParseInteger(s)
}

// ParseBoolean reads yes, true, on, 1 and their opposites, in any case.
func ParseBoolean(s string) (bool, error) { return boolean(rpcinterface.String(s)) }

// ParseOctal reads an octal number, such as a umask or a file mode.
func ParseOctal(s string) (int, error) {
	n, err := pytext.ParseInt(s, 8)
	if err != nil {
		return 0, fmt.Errorf("%s can not be converted to an octal type", s)
	}
	return int(n), nil
}

// ParseLogLevel reads the level of the main log: critical, error, warn, info,
// debug, trace or blather, in any case.
func ParseLogLevel(s string) (rpcinterface.LogLevel, error) {
	switch strings.ToLower(s) {
	case "critical":
		return rpcinterface.LevelCrit, nil
	case "error":
		return rpcinterface.LevelErro, nil
	case "warn":
		return rpcinterface.LevelWarn, nil
	case "info":
		return rpcinterface.LevelInfo, nil
	case "debug":
		return rpcinterface.LevelDebg, nil
	case "trace":
		return rpcinterface.LevelTrac, nil
	case "blather":
		return rpcinterface.LevelBlat, nil
	}
	return 0, fmt.Errorf("bad logging level name %s", pytext.ReprString(s))
}

// ParseExistingDirectory replaces ~ and refuses what is no directory.
func ParseExistingDirectory(env *Environment, s string) (string, error) {
	dir := env.expandUser(s)
	if env.Files.IsDir(dir) {
		return dir, nil
	}
	return "", fmt.Errorf("%s is not an existing directory", s)
}

// ParseExistingDirpath replaces ~ and refuses a path whose directory does not
// exist. A name without a directory is taken as it is.
func ParseExistingDirpath(env *Environment, s string) (string, error) {
	p := env.expandUser(s)
	if dir := dirname(p); dir == "" || env.Files.IsDir(dir) {
		return p, nil
	}
	return "", fmt.Errorf("The directory named as part of the path %s does not exist", s) //nolint:staticcheck // the reference's text
}

// ParseUser finds the user of a name or number.
func ParseUser(env *Environment, s string) (Account, error) {
	uid, err := ParseInteger(s)
	if err != nil {
		a, ok := env.Users.User(s)
		if !ok {
			return Account{}, fmt.Errorf("Invalid user name %s", s) //nolint:staticcheck // the reference's text
		}
		return a, nil
	}
	return userByID(env, uid, s)
}

func userByID(env *Environment, uid int64, shown string) (Account, error) {
	a, ok := env.Users.UserID(int(uid))
	if !ok {
		return Account{}, fmt.Errorf("Invalid user id %s", shown) //nolint:staticcheck // the reference's text
	}
	return a, nil
}

// signalNumber gives the number of a name with its SIG, as Python's signal module
// has them on Linux: aliases and the names of sigaction's constants included.
func signalNumber(name string) (int, bool) {
	switch name {
	case "SIG_DFL", "SIG_BLOCK":
		return 0, true
	case "SIG_IGN", "SIG_UNBLOCK":
		return 1, true
	case "SIG_SETMASK":
		return 2, true
	case "SIGCLD":
		return 17, true
	case "SIGIO":
		return 29, true
	case "SIGIOT":
		return 6, true
	}
	for number := 1; number <= maxSignal; number++ {
		if core.SignalName(number) == name {
			return number, true
		}
	}
	return 0, false
}

const maxSignal = 64

// isSignal says whether a number is that of any of the names: 0 is.
func isSignal(number int64) bool {
	return number == 0 || number > 0 && number <= maxSignal && strings.HasPrefix(core.SignalName(int(number)), "SIG")
}

// parseName checks the name of a group or process.
func parseName(v rpcinterface.Value) (string, error) {
	name := pytext.Strip(pytext.Str(v))
	for _, c := range " :/" {
		if strings.ContainsRune(name, c) {
			return "", fmt.Errorf("Invalid name: %s because of character: %s", pytext.Repr(v), pytext.ReprString(string(c))) //nolint:staticcheck // the reference's text
		}
	}
	return name, nil
}

// parseList splits at commas. An empty text is an empty list.
func parseList(s string) []string {
	if s == "" {
		return nil
	}
	out := strings.Split(s, ",")
	for i := range out {
		out[i] = pytext.Strip(out[i])
	}
	return out
}

// parseInetAddress reads HOST:PORT or PORT. Host is "" for all addresses.
func parseInetAddress(s string) (host string, port int, err error) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		host, s = strings.ToLower(s[:i]), s[i+1:]
		if s == "" {
			return "", 0, errors.New("no port number specified in ''")
		}
		if port, err = parsePort(s); err != nil {
			return "", 0, err
		}
	} else if port, err = parsePort(s); err != nil {
		return "", 0, fmt.Errorf("not a valid port number: %s ", pytext.ReprString(s))
	}
	if host == "*" {
		host = ""
	}
	return host, port, nil
}

func parsePort(s string) (int, error) {
	n, err := ParseInteger(s)
	switch {
	case err != nil:
		return 0, err
	case n < 1:
		return 0, fmt.Errorf("%d is below lower bound (1)", n)
	case n > math.MaxUint16:
		return 0, fmt.Errorf("%d is above upper bound (65535)", n)
	}
	return int(n), nil
}

// parseOwner reads USER or USER:GROUP; gid is -1 without a group.
func parseOwner(env *Environment, s string) (uid, gid int, ok bool) {
	name, group, both := strings.Cut(s, ":")
	a, err := ParseUser(env, name)
	if err != nil {
		return 0, 0, false
	}
	if !both {
		return a.UID, -1, true
	}
	id, err := ParseInteger(group)
	if err != nil {
		gid, ok = env.Users.Group(group)
		return a.UID, gid, ok
	}
	return a.UID, int(id), env.Users.GroupID(int(id))
}

var truths, falsehoods = []string{"yes", "true", "on", "1"}, []string{"no", "false", "off", "0"}

// truth reads a boolean; known is false for any other text.
func truth(s string) (value, known bool) {
	s = strings.ToLower(s)
	value = slices.Contains(truths, s)
	return value, value || slices.Contains(falsehoods, s)
}
