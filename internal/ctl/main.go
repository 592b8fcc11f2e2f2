package ctl

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/peterh/liner"
)

// Main runs the program: argv as the system gives it, the name it was called by
// first. It gives the exit code. Line editing is for the process's own terminal,
// so stdin and stdout are to be os.Stdin and os.Stdout wherever they are one.
func Main(argv []string, stdin, stdout *os.File, stderr io.Writer) int {
	opts, err := parseOptions(argv[0], argv[1:])
	if err != nil {
		fmt.Fprintf(stderr, "Error: %v\nFor help, use %s -h\n", err, argv[0])
		return exitInvalidArgs
	}
	if opts.help {
		fmt.Fprintf(stdout, helpText, argv[0])
		return exitSuccess
	}
	s := newSession(opts, stdout, stderr)
	defer s.stdout.Flush()
	s.program, s.config = argv[0], opts.config
	if len(opts.words) == 0 && isTerminal(stdin) && isTerminal(stdout) && liner.TerminalSupported() {
		e := newEditor(s.stdout, opts.historyFile, s.completeWord)
		defer e.close()
		s.input = e
	} else {
		s.input = newPlainInput(stdin, s.stdout, stderr)
	}
	if len(opts.words) == 0 {
		s.shell(opts.prompt + "> ")
		return exitSuccess
	}
	s.runWords(opts.words)
	return s.exit
}

// newSession makes a session of what the options say, without anybody to ask.
func newSession(opts *options, stdout *os.File, stderr io.Writer) *session {
	return &session{
		ctx:         context.Background(),
		client:      newClient(opts.serverURL, opts.username, opts.password),
		stdout:      bufio.NewWriter(stdout),
		direct:      stdout,
		stderr:      stderr,
		interactive: opts.interactive,
		terminal:    isTerminal(stdout),
		color:       isTerminal(stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
	}
}
