package ctl

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/core/pytext"
)

// completionPatience is how long a completion waits for the server.
const completionPatience = 2 * time.Second

// known is what completion asked the server for: a key pressed again asks
// nothing.
type known struct {
	processes []processInfo
	config    []configInfo
	methods   []string
	// extensions is one answer, also where there are none.
	extensions *[]extensionInfo
}

// completeWord completes the line of the shell at a position, counted in runes.
// Candidates end with a blank, so that the next word can follow.
func (s *session) completeWord(line string, pos int) (head string, candidates []string, tail string) {
	runes := []rune(line)
	head, candidates = s.complete(string(runes[:pos]))
	for i := range candidates {
		candidates[i] += " "
	}
	return head, candidates, string(runes[pos:])
}

// complete gives what the last word of a line may be, and the line without it. A
// server that does not answer knows no names.
func (s *session) complete(line string) (head string, candidates []string) {
	head = line[:strings.LastIndexFunc(line, pytext.IsSpace)+1]
	word := line[len(head):]
	before := pytext.Split(head)
	switch {
	case len(before) == 0:
		candidates = append(commandNames(), namespaceNames(s)...)
	case before[0] == "help":
		switch len(before) {
		case 1:
			candidates = completeTopic(s, word)
		case 2:
			candidates = completeNamespace(s, before[1])
		}
	case isNamespaceLine(before[0]):
		if len(before) == 1 {
			candidates = completeNamespace(s, before[0])
		}
	default:
		c, _ := findCommand(before[0])
		if c.complete != nil {
			candidates = c.complete(s, before[1:], word)
		}
		if c.json && strings.HasPrefix(word, "-") && !slices.Contains(before, jsonFlag) {
			candidates = append(candidates, jsonFlag)
		}
	}
	candidates = slices.DeleteFunc(candidates, func(c string) bool { return !strings.HasPrefix(c, word) })
	slices.Sort(candidates)
	return head, slices.Compact(candidates)
}

// commandNames gives what a line may begin with.
func commandNames() []string {
	names := []string{"help"}
	for _, c := range commands() {
		if !c.hidden {
			names = append(names, c.name)
		}
	}
	return names
}

// ask calls a method for completion: briefly, and without a word when it fails.
func (s *session) ask(result any, method string) {
	ctx, cancel := context.WithTimeout(s.ctx, completionPatience)
	defer cancel()
	s.client.call(ctx, result, method)
}

func (s *session) knownProcesses() []processInfo {
	if s.known.processes == nil {
		s.ask(&s.known.processes, "supervisor.getAllProcessInfo")
	}
	return s.known.processes
}

func (s *session) knownExtensions() []extensionInfo {
	if s.known.extensions == nil {
		s.known.extensions = new([]extensionInfo)
		s.ask(s.known.extensions, "extension.getAllExtensionInfo")
	}
	return *s.known.extensions
}

func (s *session) knownMethods() []string {
	if s.known.methods == nil {
		s.ask(&s.known.methods, "system.listMethods")
	}
	return s.known.methods
}

// completeProcesses offers processes by the names that commands show, and groups
// of more than the one that they are named after.
func completeProcesses(s *session, _ []string, word string) []string {
	var names []string
	for _, p := range s.knownProcesses() {
		if p.Name != p.Group || strings.Contains(word, ":") {
			names = append(names, p.Group+":"+p.Name, p.Group+":*")
		} else {
			names = append(names, p.Name)
		}
	}
	return names
}

// completeOneProcess is for a command that takes one process and no group.
func completeOneProcess(s *session, before []string, word string) []string {
	if len(before) > 0 {
		return nil
	}
	return slices.DeleteFunc(completeProcesses(s, before, word), func(n string) bool { return strings.HasSuffix(n, ":*") })
}

func completeActiveGroups(s *session, _ []string, _ string) []string {
	var names []string
	for _, p := range s.knownProcesses() {
		names = append(names, p.Group)
	}
	return names
}

// completeNewGroups offers the groups of the configuration that are not active.
func completeNewGroups(s *session, _ []string, _ string) []string {
	if s.known.config == nil {
		s.ask(&s.known.config, "supervisor.getAllConfigInfo")
	}
	var names []string
	for _, c := range s.known.config {
		if !c.InUse {
			names = append(names, c.Group)
		}
	}
	return names
}

func completeAnyGroups(s *session, before []string, word string) []string {
	return append(completeActiveGroups(s, before, word), completeNewGroups(s, before, word)...)
}

// completeFollow offers the flag of the commands that follow a log.
func completeFollow(_ *session, before []string, word string) []string {
	if len(before) == 0 && strings.HasPrefix(word, "-") {
		return []string{"-f"}
	}
	return nil
}

func completeTail(s *session, before []string, word string) []string {
	if len(before) > 0 && strings.HasPrefix(before[0], "-") {
		before = before[1:]
	} else if flag := completeFollow(s, before, word); flag != nil {
		return flag
	}
	switch len(before) {
	case 0:
		return completeOneProcess(s, nil, word)
	case 1:
		return []string{"stdout", "stderr"}
	default:
		return nil
	}
}

func completeCall(s *session, before []string, _ string) []string {
	if len(before) > 0 {
		return nil
	}
	return s.knownMethods()
}

// completeTopic offers commands, and methods once a namespace is begun.
func completeTopic(s *session, word string) []string {
	if strings.Contains(word, ".") {
		return s.knownMethods()
	}
	return append(commandNames(), namespaceNames(s)...)
}
