package ctl

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// lookupPatience is how long a server may take to say whether a word that is no
// command is an extension.
const lookupPatience = 10 * time.Second

// pluginCommand is a command that an extension brings, as data: which method is
// called, and how its result is shown. See rpcinterface.Command.
type pluginCommand struct {
	Name      string           `xmlrpc:"name"`
	Help      string           `xmlrpc:"help"`
	Method    string           `xmlrpc:"method"`
	Template  string           `xmlrpc:"template"`
	Arguments []pluginArgument `xmlrpc:"arguments"`
}

type pluginArgument struct {
	Name     string `xmlrpc:"name"`
	Type     string `xmlrpc:"type"`
	Optional bool   `xmlrpc:"optional"`
}

// isWord says whether a word can be the name of an extension or of one of its
// commands.
func isWord(word string) bool {
	return word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// errNoNamespace: the server knows no extension of the name, or nothing of
// extensions at all.
var errNoNamespace = errors.New("no such extension")

// pluginCommands asks for the commands of an extension.
func (s *session) pluginCommands(name string) ([]pluginCommand, error) {
	ctx, cancel := context.WithTimeout(s.ctx, lookupPatience)
	defer cancel()
	s.stdout.Flush()
	var commands []pluginCommand
	err := s.client.call(ctx, &commands, "extension.getCommands", name)
	switch faultCode(err) {
	case rpcinterface.CodeUnknownMethod, rpcinterface.CodeBadName:
		return nil, errNoNamespace
	}
	return commands, err
}

// runNamespace runs a line that begins with no command of ours: "NAMESPACE COMMAND
// ARG...". Where the server has no such extension, or cannot be asked, it is
// unknown syntax, as ever. Quoted: a word that is a JSON string stands for its text.
func (s *session) runNamespace(line, name string, words []string, quoted bool) error {
	commands, err := s.pluginCommands(name)
	if err != nil {
		if s.ctx.Err() != nil {
			return s.ctx.Err()
		}
		if !errors.Is(err, errNoNamespace) {
			fmt.Fprintf(s.stderr, "cannot ask %s whether %s is an extension: %s\n", s.client.url, name, plain(describe(err)))
		}
		return s.refuse("*** Unknown syntax: %s", line)
	}
	if len(words) == 0 {
		s.listPluginCommands(name, commands)
		return nil
	}
	c, ok := findPluginCommand(commands, words[0])
	if !ok {
		s.exit = exitInvalidArgs
		fmt.Fprintf(s.stderr, "Error: %s has no command %s; \"help %[1]s\" lists them\n", name, words[0])
		return nil
	}
	return s.runPluginCommand(name, c, words[1:], quoted)
}

func findPluginCommand(commands []pluginCommand, name string) (pluginCommand, bool) {
	for _, c := range commands {
		if c.Name == name {
			return c, true
		}
	}
	return pluginCommand{}, false
}

// runPluginCommand calls the command's method. As with call, only the result goes
// to standard output.
func (s *session) runPluginCommand(namespace string, c pluginCommand, words []string, quoted bool) error {
	t, err := parseTemplate(c.Template)
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return s.complain(exitGeneric, "Error: the command %s of %s cannot be used: %s", c.Name, namespace, err)
	}
	params, err := c.params(words, quoted)
	if err != nil {
		return s.complain(exitInvalidArgs, "Error: %s\nUsage: %s", err, c.usage(namespace))
	}
	s.stdout.Flush()
	var v any
	if err := s.client.call(s.ctx, &v, namespace+"."+c.Method, params...); err != nil {
		return s.callFailed(err)
	}
	return s.showResult(c.Template, t, v)
}

// complain tells on standard error what is wrong, and sets the exit code.
func (s *session) complain(exit int, format string, args ...any) error {
	s.exit = exit
	fmt.Fprintln(s.stderr, plain(fmt.Sprintf(format, args...)))
	return nil
}

// check says what stands in the way of a command: it may be of a later supervisord.
func (c pluginCommand) check() error {
	for i, a := range c.Arguments {
		switch a.Type {
		case rpcinterface.ArgumentString, rpcinterface.ArgumentInt, rpcinterface.ArgumentBoolean,
			rpcinterface.ArgumentDouble, rpcinterface.ArgumentJSON:
		case rpcinterface.ArgumentArray, rpcinterface.ArgumentStruct:
			if i < len(c.Arguments)-1 {
				return fmt.Errorf("its argument %s takes all words and is not the last", a.Name)
			}
		default:
			return fmt.Errorf("this supervisorctl does not know the type '%s' of its argument %s", a.Type, a.Name)
		}
	}
	return nil
}

// params makes the method's parameters of the words.
func (c pluginCommand) params(words []string, quoted bool) ([]any, error) {
	params := []any{}
	for _, a := range c.Arguments {
		if len(words) == 0 {
			if a.Optional {
				return params, nil
			}
			return nil, fmt.Errorf("the argument %s is missing", a.Name)
		}
		n := 1
		if a.takesAll() {
			n = len(words)
		}
		p, err := a.value(words[:n], quoted)
		if err != nil {
			return nil, err
		}
		params = append(params, p)
		words = words[n:]
	}
	if len(words) > 0 {
		return nil, fmt.Errorf("there is no argument for %s", pytext.ReprString(words[0]))
	}
	return params, nil
}

func (a pluginArgument) takesAll() bool {
	return a.Type == rpcinterface.ArgumentArray || a.Type == rpcinterface.ArgumentStruct
}

// value makes the parameter of an argument's words, which are as many as it takes.
func (a pluginArgument) value(words []string, quoted bool) (any, error) {
	if a.Type == rpcinterface.ArgumentJSON {
		v, err := argument(words[0])
		if err != nil {
			return nil, fmt.Errorf("%s cannot be %s: %w", a.Name, words[0], err)
		}
		return v, nil
	}
	if quoted {
		plain := make([]string, len(words))
		for i, word := range words {
			plain[i] = unquote(word)
		}
		words = plain
	}
	word := words[0]
	wrong := func(kind string) error {
		return fmt.Errorf("%s must be %s, not %s", a.Name, kind, pytext.ReprString(word))
	}
	switch a.Type {
	case rpcinterface.ArgumentInt:
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil {
			return nil, wrong("an integer")
		}
		return n, nil
	case rpcinterface.ArgumentBoolean:
		if word != "true" && word != "false" {
			return nil, wrong("true or false")
		}
		return word == "true", nil
	case rpcinterface.ArgumentDouble:
		f, err := strconv.ParseFloat(word, 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return nil, wrong("a number")
		}
		return f, nil
	case rpcinterface.ArgumentArray:
		list := make([]any, len(words))
		for i, word := range words {
			list[i] = word
		}
		return list, nil
	case rpcinterface.ArgumentStruct:
		return a.members(words)
	default:
		return word, nil
	}
}

func (a pluginArgument) members(words []string) (any, error) {
	members := map[string]any{}
	for _, word := range words {
		name, value, ok := strings.Cut(word, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%s must be KEY=VALUE words, not %s", a.Name, pytext.ReprString(word))
		}
		// The codec writes names as they are.
		var b strings.Builder
		xml.EscapeText(&b, []byte(name))
		if _, ok := members[b.String()]; ok {
			return nil, fmt.Errorf("%s has the key %s twice", a.Name, pytext.ReprString(name))
		}
		members[b.String()] = value
	}
	return members, nil
}

// unquote gives the text of a word of the shell's line that is a JSON string.
func unquote(word string) string {
	var text string
	if strings.HasPrefix(word, `"`) && json.Unmarshal([]byte(word), &text) == nil {
		return text
	}
	return word
}

// usage is how a command is written.
func (c pluginCommand) usage(namespace string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", namespace, c.Name)
	for _, a := range c.Arguments {
		name := "<" + a.Name + ">"
		switch a.Type {
		case rpcinterface.ArgumentArray:
			name += " ..."
		case rpcinterface.ArgumentStruct:
			name = "<key>=<value> ..."
		}
		if a.Optional {
			name = "[" + name + "]"
		}
		b.WriteString(" " + name)
	}
	return oneLine(b.String())
}

// summary is the first line of a command's help.
func (c pluginCommand) summary() string {
	line, _, _ := strings.Cut(strings.TrimSpace(c.Help), "\n")
	return oneLine(strings.TrimRight(line, "\r "))
}

// listPluginCommands prints how each command is written, and what it does.
func (s *session) listPluginCommands(namespace string, commands []pluginCommand) {
	if len(commands) == 0 {
		s.refuse("%s: ERROR (the extension has no commands)", namespace)
		return
	}
	const widest = 40 // longer ones have no column
	width := 0
	usages := make([]string, len(commands))
	for i, c := range commands {
		usages[i] = c.usage(namespace)
		if n := utf8.RuneCountInString(usages[i]); n <= widest && c.summary() != "" {
			width = max(width, n)
		}
	}
	for i, c := range commands {
		s.printf("%s", strings.TrimRight(fmt.Sprintf("%-*s  %s", width, usages[i], c.summary()), " "))
	}
}

// helpNamespace is "help NAMESPACE" and "help NAMESPACE COMMAND". It says whether
// there is such help.
func (s *session) helpNamespace(topic string) bool {
	words := pytext.Split(topic)
	if len(words) == 0 || len(words) > 2 || !isWord(words[0]) {
		return false
	}
	commands, err := s.pluginCommands(words[0])
	if err != nil {
		return false
	}
	if len(words) == 1 {
		s.listPluginCommands(words[0], commands)
		return true
	}
	c, ok := findPluginCommand(commands, words[1])
	if !ok {
		return false
	}
	s.printf("%s", c.usage(words[0]))
	if lines := documentation(c.Help); lines[0] != "" {
		s.printf("")
		for _, line := range lines {
			s.printf("%s", plain(line))
		}
	}
	if len(c.Arguments) > 0 {
		s.printf("")
	}
	for _, a := range c.Arguments {
		optional := ""
		if a.Optional {
			optional = ", optional"
		}
		s.printf("%s", oneLine(fmt.Sprintf("%-20s %s%s", a.Name, a.Type, optional)))
	}
	return true
}
