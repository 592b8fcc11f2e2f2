package ctl

import "strings"

// help prints the list of commands, or what a command's help says.
func (s *session) help(topic string) {
	cs := commands()
	switch topic {
	case "":
		names := make([]string, len(cs))
		for i, c := range cs {
			names[i] = c.name
		}
		s.printf("")
		s.printf("default commands (type help <topic>):")
		s.printf("=====================================")
		s.printf("%s", strings.Join(names, "  "))
		s.printf("")
		return
	case "help":
		s.printf("help\t\tPrint a list of available actions")
		s.printf("help <action>\tPrint help for <action>")
		return
	}
	for _, c := range cs {
		if c.name == topic {
			s.printHelp(c)
			return
		}
	}
	s.printf("*** No help on %s", topic)
}

func (s *session) printHelp(c command) {
	for _, line := range c.help {
		s.printf("%s", line)
	}
}
