package ctl

import (
	_ "embed"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/internal/getopt"
)

// The scripts ask the program itself what a word may be ("completion words"), so
// they need no change when commands, programs or methods come.
var (
	//go:embed completion/bash
	bashScript string
	//go:embed completion/zsh
	zshScript string
	//go:embed completion/fish
	fishScript string
)

// completeFiles is what "completion words" answers where a file's name is wanted.
// No candidate begins with a colon.
const completeFiles = ":files"

func completionCommand() command {
	return command{name: "completion", own: true, verbatim: true, run: completion, complete: completeShells, help: []string{
		"completion bash|zsh|fish\tPrint a shell's completion script for supervisorctl",
		"completion words [--] [word ...]\tWhat the last word may be, one a line",
	}}
}

func completion(s *session, words []string) error {
	switch {
	case len(words) == 1 && words[0] == "bash":
		s.stdout.WriteString(bashScript)
	case len(words) == 1 && words[0] == "zsh":
		s.stdout.WriteString(zshScript)
	case len(words) == 1 && words[0] == "fish":
		s.stdout.WriteString(fishScript)
	case len(words) > 0 && words[0] == "words":
		words = words[1:]
		if len(words) > 0 && words[0] == "--" {
			words = words[1:]
		}
		for _, candidate := range s.completeArguments(words) {
			s.printf("%s", candidate)
		}
	default:
		s.usage(completionCommand(), exitInvalidArgs, "Error: completion requires the name of a shell: bash, zsh or fish")
	}
	return nil
}

func completeShells(_ *session, before []string, _ string) []string {
	if len(before) > 0 {
		return nil
	}
	return []string{"bash", "zsh", "fish"}
}

// completeArguments gives what the last of a command line's words may be. Options
// among the words say which server knows.
func (s *session) completeArguments(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	before, word := words[:len(words)-1], words[len(words)-1]
	_, action, err := getopt.Parse(before, shortOptions, longOptions())
	if err != nil {
		return completeOptionValue(err)
	}
	if len(action) == 0 && strings.HasPrefix(word, "-") {
		return completeOption(word)
	}
	if opts, err := parseOptions(s.program, before[:len(before)-len(action)]); err == nil && !opts.help {
		s.client = newClient(opts.serverURL, opts.username, opts.password)
	}
	_, candidates := s.complete(strings.Join(append(action, word), " "))
	return candidates
}

// completeOptionValue is for the word behind an option that takes one, which is
// what getopt missed.
func completeOptionValue(err error) []string {
	switch err.Error() {
	case "option -c requires argument", "option --configuration requires argument",
		"option -r requires argument", "option --history_file requires argument":
		return []string{completeFiles}
	default:
		return nil
	}
}

func completeOption(word string) []string {
	var names []string
	for _, name := range longOptions() {
		if name = "--" + strings.TrimSuffix(name, "="); strings.HasPrefix(name, word) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
