package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/plugvisor/plugvisor/core"
)

// lexer splits text into tokens as Python's shlex.shlex does in POSIX mode: quotes
// of both kinds, a backslash escapes outside quotes, and within double quotes
// itself and the quote.
type lexer struct {
	in   []rune
	pos  int
	held *string // a token that ended the one before it
	// words: only white space separates. Otherwise whatever is not isWord is a
	// token of one character, and # begins a comment.
	words bool
}

var (
	errNoQuote  = errors.New("No closing quotation") //nolint:staticcheck // Python's text
	errNoEscape = errors.New("No escaped character") //nolint:staticcheck // Python's text
)

// SplitCommand splits a command line into words as shlex.split does.
func SplitCommand(s string) ([]string, error) {
	return (&lexer{in: []rune(s), words: true}).tokens()
}

func (l *lexer) tokens() ([]string, error) {
	var out []string
	for {
		token, ok, err := l.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return out, nil
		}
		out = append(out, token)
	}
}

// next reads one token; false is the end.
func (l *lexer) next() (string, bool, error) {
	if l.held != nil {
		token := *l.held
		l.held = nil
		return token, true, nil
	}
	var token strings.Builder
	started := false // by a character, or by quotes around nothing
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		l.pos++
		switch {
		case isShellSpace(c):
			if started {
				return token.String(), true, nil
			}
		case c == '#' && !l.words:
			for l.pos < len(l.in) && l.in[l.pos] != '\n' {
				l.pos++
			}
			l.pos = min(l.pos+1, len(l.in))
			if started {
				return token.String(), true, nil
			}
		case c == '\\':
			if l.pos >= len(l.in) {
				return "", false, errNoEscape
			}
			token.WriteRune(l.in[l.pos])
			l.pos++
			started = true
		case c == '\'' || c == '"':
			if err := l.quoted(&token, c); err != nil {
				return "", false, err
			}
			started = true
		case l.words || isWord(c):
			token.WriteRune(c)
			started = true
		default:
			single := string(c)
			if !started {
				return single, true, nil
			}
			l.held = &single
			return token.String(), true, nil
		}
	}
	return token.String(), started, nil
}

// quoted reads to the closing quote.
func (l *lexer) quoted(token *strings.Builder, quote rune) error {
	for l.pos < len(l.in) {
		c := l.in[l.pos]
		l.pos++
		switch {
		case c == quote:
			return nil
		case c == '\\' && quote == '"':
			if l.pos >= len(l.in) {
				return errNoEscape
			}
			if next := l.in[l.pos]; next != '"' && next != '\\' {
				token.WriteRune(c)
			}
			token.WriteRune(l.in[l.pos])
			l.pos++
		default:
			token.WriteRune(c)
		}
	}
	return errNoQuote
}

func isShellSpace(c rune) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isWord: the word characters of Python's lexer, Latin-1 letters among them, with
// those that environment= adds.
func isWord(c rune) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		return true
	case 0xc0 <= c && c <= 0xff:
		return c != 0xd7 && c != 0xf7
	}
	return strings.ContainsRune("/.+-():", c)
}

// parseEnvironment reads A=1,B="2": three tokens a variable, and one that
// separates, whatever that is. A later value of a name replaces the former.
func parseEnvironment(s string) ([]core.EnvVar, error) {
	tokens, err := (&lexer{in: []rune(s)}).tokens()
	if err != nil {
		return nil, err
	}
	var out []core.EnvVar
	for i := 0; i < len(tokens); i += 4 {
		if i+2 >= len(tokens) || tokens[i+1] != "=" {
			return nil, fmt.Errorf("Unexpected end of key/value pairs in value '%s'", s) //nolint:staticcheck // the reference's text
		}
		out = setEnv(out, tokens[i], tokens[i+2])
	}
	return out, nil
}

// setEnv sets a variable in place, or adds it at the end.
func setEnv(vars []core.EnvVar, name, value string) []core.EnvVar {
	for i := range vars {
		if vars[i].Name == name {
			vars[i].Value = value
			return vars
		}
	}
	return append(vars, core.EnvVar{Name: name, Value: value})
}
