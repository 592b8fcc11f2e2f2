package ctl

func exitCommand() command {
	return command{name: "exit", run: quit, help: []string{
		"exit\tExit the supervisor shell.",
	}}
}

func quitCommand() command {
	return command{name: "quit", run: quit, help: []string{
		"quit\tExit the supervisor shell.",
	}}
}

// endOfFileCommand is what the end of input stands for. It has no help, as in the
// reference.
func endOfFileCommand() command {
	return command{name: "EOF", hidden: true, run: quit}
}

func quit(s *session, _ []string) error {
	s.printf("")
	return errQuit
}
