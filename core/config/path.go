package config

import (
	"path"
	"strings"
	"unicode/utf8"
)

// Paths are handled as Python's posixpath does: nothing is cleaned unless asked
// for, and exactly two leading slashes are kept.

func dirname(p string) string {
	head := p[:strings.LastIndex(p, "/")+1]
	if trimmed := strings.TrimRight(head, "/"); trimmed != "" {
		return trimmed
	}
	return head
}

func joinPath(dir, p string) string {
	switch {
	case strings.HasPrefix(p, "/") || dir == "":
		return p
	case strings.HasSuffix(dir, "/"):
		return dir + p
	}
	return dir + "/" + p
}

func normPath(p string) string {
	clean := path.Clean(p)
	if strings.HasPrefix(p, "//") && !strings.HasPrefix(p, "///") {
		return "/" + clean
	}
	return clean
}

func (e *Environment) absPath(p string) string {
	return normPath(joinPath(e.WorkingDir, p))
}

// expandUser replaces ~ and ~user at the beginning. An unknown user leaves it.
func (e *Environment) expandUser(p string) string {
	if !strings.HasPrefix(p, "~") {
		return p
	}
	name, rest := p[1:], ""
	if i := strings.IndexByte(p, '/'); i >= 0 {
		name, rest = p[1:i], p[i:]
	}
	home, ok := "", false
	if name == "" {
		if home, ok = e.getenv("HOME"); !ok {
			var a Account
			a, ok = e.Users.UserID(e.UID)
			home = a.Home
		}
	} else {
		var a Account
		a, ok = e.Users.User(name)
		home = a.Home
	}
	if !ok {
		return p
	}
	if full := strings.TrimRight(home, "/") + rest; full != "" {
		return full
	}
	return "/"
}

// NormalizePath makes a path absolute and clean, with ~ replaced.
func NormalizePath(env *Environment, p string) string {
	return env.absPath(env.expandUser(p))
}

// SearchPaths lists where a program called by argv0 looks for the configuration
// file when none is named, in order.
func SearchPaths(argv0 string) []string {
	here := dirname(dirname(argv0))
	return []string{
		joinPath(here, "etc/supervisord.conf"),
		joinPath(here, "supervisord.conf"),
		"supervisord.conf",
		"etc/supervisord.conf",
		"/etc/supervisord.conf",
		"/etc/supervisor/supervisord.conf",
	}
}

// glob lists the paths that match a pattern as Python's glob.glob does: * ? [x]
// [!x], hidden names only where the pattern's name begins with a dot, no escapes.
func glob(files Files, pattern string) []string {
	dir, base := dirname(pattern), pattern[strings.LastIndex(pattern, "/")+1:]
	if !hasMagic(pattern) {
		if base == "" && files.IsDir(dir) || base != "" && files.Exists(pattern) {
			return []string{pattern}
		}
		return nil
	}
	dirs := []string{dir}
	if dir != pattern && hasMagic(dir) {
		dirs = glob(files, dir)
	}
	var out []string
	for _, d := range dirs {
		if !hasMagic(base) {
			if base == "" && files.IsDir(d) || base != "" && files.Exists(joinPath(d, base)) {
				out = append(out, joinPath(d, base))
			}
			continue
		}
		// A directory that cannot be listed has no matches.
		names, _ := files.List(d)
		for _, name := range names {
			if (!strings.HasPrefix(name, ".") || strings.HasPrefix(base, ".")) && matchName(base, name) {
				out = append(out, joinPath(d, name))
			}
		}
	}
	return out
}

func hasMagic(s string) bool { return strings.ContainsAny(s, "*?[") }

// matchName is fnmatch.fnmatchcase.
func matchName(pattern, name string) bool {
	for pattern != "" {
		c, size := utf8.DecodeRuneInString(pattern)
		if c == '*' {
			for rest := name; ; {
				if matchName(pattern[1:], rest) {
					return true
				}
				if rest == "" {
					return false
				}
				_, n := utf8.DecodeRuneInString(rest)
				rest = rest[n:]
			}
		}
		if name == "" {
			return false
		}
		r, n := utf8.DecodeRuneInString(name)
		pattern, name = pattern[size:], name[n:]
		switch c {
		case '?':
		case '[':
			set, rest, ok := cutSet(pattern)
			if !ok { // no closing bracket: a plain one
				if r != '[' {
					return false
				}
				continue
			}
			if !inSet(set, r) {
				return false
			}
			pattern = rest
		default:
			if r != c {
				return false
			}
		}
	}
	return name == ""
}

// cutSet gives what is between the brackets and what follows. A bracket that
// comes first, or behind !, belongs to the set.
func cutSet(pattern string) (set, rest string, ok bool) {
	i := 0
	if strings.HasPrefix(pattern, "!") {
		i = 1
	}
	if strings.HasPrefix(pattern[i:], "]") {
		i++
	}
	j := strings.IndexByte(pattern[i:], ']')
	if j < 0 {
		return "", "", false
	}
	return pattern[:i+j], pattern[i+j+1:], true
}

func inSet(set string, r rune) bool {
	set, negated := strings.CutPrefix(set, "!")
	chars := []rune(set)
	found := false
	for i := 0; i < len(chars); i++ {
		if i+2 < len(chars) && chars[i+1] == '-' {
			found = found || chars[i] <= r && r <= chars[i+2]
			i += 2
			continue
		}
		found = found || chars[i] == r
	}
	return found != negated
}
