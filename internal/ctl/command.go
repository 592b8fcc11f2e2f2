package ctl

// command is one action of the command line.
type command struct {
	name string
	// help is what "help NAME" prints, one element a line. It is also printed
	// after a usage error, so scripts may have it on file: the text is
	// Supervisor's interface, tabs included.
	help []string
	// run does the work. Words are the blank-separated arguments. An error is
	// printed and makes the exit code 1; outcomes with another code set it on the
	// session.
	run func(s *session, words []string) error
}

// commands lists the actions in the order of their names.
func commands() []command {
	return []command{
		callCommand(),
		pidCommand(),
		restartCommand(),
		shutdownCommand(),
		startCommand(),
		statusCommand(),
		stopCommand(),
		tailCommand(),
		versionCommand(),
	}
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
