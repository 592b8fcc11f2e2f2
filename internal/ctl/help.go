package ctl

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// help prints the list of commands, what a command's help says, the documentation
// of a method ("NAMESPACE.METHOD"), or the commands of an extension.
func (s *session) help(topic string) error {
	switch topic {
	case "":
		s.listCommands("default", false)
		s.listCommands("more", true)
		return nil
	case "help":
		s.printf("help\t\tPrint a list of available actions")
		s.printf("help <action>\tPrint help for <action>")
		return nil
	}
	if c, ok := findCommand(topic); ok && c.help != nil {
		s.printHelp(c)
		return nil
	}
	if isMethodName(topic) {
		return s.helpMethod(topic)
	}
	if s.helpNamespace(topic) {
		return nil
	}
	s.printf("*** No help on %s", topic)
	return nil
}

func (s *session) printHelp(c command) {
	for _, line := range c.help {
		s.printf("%s", line)
	}
}

// listCommands prints one block of the list: Supervisor's commands, laid out as
// there, or those that it has not, in the form in which it lists an extension's.
func (s *session) listCommands(title string, own bool) {
	var names []string
	for _, c := range commands() {
		if c.own == own && !c.hidden {
			names = append(names, c.name)
		}
	}
	header := title + " commands (type help <topic>):"
	s.printf("")
	s.printf("%s", header)
	s.printf("%s", strings.Repeat("=", utf8.RuneCountInString(header)))
	for _, line := range columns(names, 79) {
		s.printf("%s", line)
	}
	s.printf("")
}

// columns lays words out in as few lines as fit a width, column by column, padded
// to the columns' widths; a single column is not padded.
func columns(words []string, width int) []string {
	for rows := 1; rows < len(words); rows++ {
		var widths []int
		total := -2
		for start := 0; start < len(words); start += rows {
			w := 0
			for _, word := range words[start:min(start+rows, len(words))] {
				w = max(w, len(word))
			}
			widths = append(widths, w)
			total += w + 2
		}
		if total > width {
			continue
		}
		lines := make([]string, rows)
		for i, word := range words {
			line := &lines[i%rows]
			if *line != "" {
				*line += "  "
			}
			*line += word + strings.Repeat(" ", widths[i/rows]-len(word))
		}
		return lines
	}
	return words
}

// isMethodName says whether a topic can be the name of a method; no command has a
// dot in its name.
func isMethodName(topic string) bool {
	namespace, method, ok := strings.Cut(topic, ".")
	return ok && namespace != "" && method != "" && !strings.ContainsFunc(topic, pytext.IsSpace)
}

// helpMethod prints a method's types, where the server can tell, and its
// documentation.
func (s *session) helpMethod(method string) error {
	s.stdout.Flush()
	var text string
	err := s.client.call(s.ctx, &text, "system.methodHelp", method)
	switch {
	case faultCode(err) == rpcinterface.CodeSignatureUnsupported:
		s.printf("*** No help on %s", method)
		return nil
	case err != nil:
		return s.unreachable(err)
	}
	var types []string
	if s.client.call(s.ctx, &types, "system.methodSignature", method) == nil && len(types) > 0 {
		s.printf("%s", plain(fmt.Sprintf("%s(%s) -> %s", method, strings.Join(types[1:], ", "), types[0])))
		s.printf("")
	}
	for _, line := range documentation(text) {
		s.printf("%s", plain(line))
	}
	return nil
}

// documentation gives the lines of a method's documentation without the margin
// that Python's doc strings have from their source, and without empty lines at
// either end.
func documentation(text string) []string {
	lines := strings.Split(strings.Trim(text, "\r\n\t "), "\n")
	margin := -1
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, "\r\t ")
		if i > 0 && lines[i] != "" {
			indent := len(lines[i]) - len(strings.TrimLeft(lines[i], " "))
			if margin < 0 || indent < margin {
				margin = indent
			}
		}
	}
	for i := range lines {
		if i > 0 && lines[i] != "" {
			lines[i] = lines[i][margin:]
		}
	}
	return lines
}
