// Package getopt reads a command line as Python's getopt.getopt does, which
// Supervisor's programs use: options first, up to the first word that is none or
// to "--"; short ones bundled; long ones with "=" or a word for their argument and
// abbreviated as long as that is unambiguous. Errors have Python's texts.
package getopt

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Opt is one option found. Name has its hyphens ("-c", "--configuration", never
// abbreviated). Value is "" for an option without argument.
type Opt struct {
	Name, Value string
}

// Parse splits args, without the program's name, into options, in the order given,
// and the rest. short is "ab:c", long is {"name", "name="}; a colon or equals sign
// marks an option that takes an argument.
func Parse(args []string, short string, long []string) (opts []Opt, rest []string, err error) {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "-" {
		word := args[0]
		args = args[1:]
		if word == "--" {
			break
		}
		var opt Opt
		if name, ok := strings.CutPrefix(word, "--"); ok {
			opt, args, err = parseLong(name, args, long)
			opts = append(opts, opt)
		} else {
			opts, args, err = parseShort(opts, word[1:], args, short)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	return opts, args, nil
}

func parseLong(word string, args []string, long []string) (Opt, []string, error) {
	name, value, given := strings.Cut(word, "=")
	name, takes, err := findLong(name, long)
	switch {
	case err != nil:
		return Opt{}, nil, err
	case takes && !given:
		if len(args) == 0 {
			return Opt{}, nil, fmt.Errorf("option --%s requires argument", name)
		}
		value, args = args[0], args[1:]
	case !takes && given:
		return Opt{}, nil, fmt.Errorf("option --%s must not have an argument", name)
	}
	return Opt{"--" + name, value}, args, nil
}

// findLong gives the full name of a long option and whether it takes an argument.
func findLong(name string, long []string) (full string, takes bool, err error) {
	var found []string
	for _, candidate := range long {
		switch {
		case candidate == name:
			return name, false, nil
		case strings.HasPrefix(candidate, name):
			found = append(found, candidate)
		}
	}
	for _, candidate := range found {
		if candidate == name+"=" {
			return name, true, nil
		}
	}
	switch len(found) {
	case 0:
		return "", false, fmt.Errorf("option --%s not recognized", name)
	case 1:
		full, takes = strings.CutSuffix(found[0], "=")
		return full, takes, nil
	}
	return "", false, fmt.Errorf("option --%s not a unique prefix", name)
}

// parseShort reads one word of bundled short options.
func parseShort(opts []Opt, word string, args []string, short string) ([]Opt, []string, error) {
	for word != "" {
		_, size := utf8.DecodeRuneInString(word)
		letter := word[:size]
		word = word[size:]
		i := strings.Index(short, letter)
		if i < 0 || letter == ":" {
			return nil, nil, fmt.Errorf("option -%s not recognized", letter)
		}
		opt := Opt{Name: "-" + letter}
		if strings.HasPrefix(short[i+size:], ":") {
			if word == "" {
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option -%s requires argument", letter)
				}
				word, args = args[0], args[1:]
			}
			opt.Value, word = word, ""
		}
		opts = append(opts, opt)
	}
	return opts, args, nil
}
