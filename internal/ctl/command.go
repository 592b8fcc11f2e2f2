package ctl

import "slices"

// command is one action of the command line.
type command struct {
	name string
	// help is what "help NAME" prints, one element a line. It is also printed
	// after a usage error, so scripts may have it on file: the text is
	// Supervisor's interface, tabs included.
	help []string
	// own marks what Supervisor has not: help lists it apart.
	own bool
	// hidden leaves it out of help and completion.
	hidden bool
	// json says that it lists something, and takes --json for that.
	json bool
	// verbatim says that arguments are more than blank-separated words: those of
	// the program's own command line are taken as they are.
	verbatim bool
	// complete gives what may be at the place of word, behind the arguments
	// before; what does not begin like word is dropped by the caller.
	complete func(s *session, before []string, word string) []string
	// run does the work. Words are the arguments. An error is printed and makes
	// the exit code 1; outcomes with another code set it on the session.
	run func(s *session, words []string) error
}

// commands lists the actions in the order of their names.
func commands() []command {
	return []command{
		endOfFileCommand(),
		addCommand(),
		availCommand(),
		callCommand(),
		clearCommand(),
		completionCommand(),
		exitCommand(),
		extensionCommand(),
		fgCommand(),
		maintailCommand(),
		openCommand(),
		pidCommand(),
		quitCommand(),
		reloadCommand(),
		removeCommand(),
		rereadCommand(),
		restartCommand(),
		shutdownCommand(),
		signalCommand(),
		startCommand(),
		statusCommand(),
		stopCommand(),
		tailCommand(),
		updateCommand(),
		versionCommand(),
	}
}

func findCommand(name string) (command, bool) {
	for _, c := range commands() {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

// jsonFlag is the argument that makes a command which lists something write it
// as JSON, in one line.
const jsonFlag = "--json"

// takeJSON takes the flag out of a command's words.
func (c command) takeJSON(words []string) (bool, []string) {
	if !c.json || !slices.Contains(words, jsonFlag) {
		return false, words
	}
	return true, slices.DeleteFunc(words, func(w string) bool { return w == jsonFlag })
}

// Exit codes. Init scripts read them (LSB, "Init Script Actions").
const (
	exitSuccess       = 0
	exitGeneric       = 1
	exitInvalidArgs   = 2
	exitUnimplemented = 3
	exitRefused       = 4 // nobody listens at the URL
	exitNotInstalled  = 5 // the server speaks another version of the API
	exitNotRunning    = 7

	exitStatusNotRunning = 3 // status: something listed is stopped
	exitStatusUnknown    = 4 // status: something named is not there, or no server
)
