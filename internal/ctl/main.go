package ctl

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Main runs the program: argv as the system gives it, the name it was called by
// first. It gives the exit code.
func Main(argv []string, stdout, stderr io.Writer) int {
	opts, err := parseOptions(argv[0], argv[1:])
	if err != nil {
		fmt.Fprintf(stderr, "Error: %v\nFor help, use %s -h\n", err, argv[0])
		return exitInvalidArgs
	}
	if opts.help {
		fmt.Fprintf(stdout, helpText, argv[0])
		return exitSuccess
	}
	if len(opts.words) == 0 {
		fmt.Fprintf(stderr, "Error: no action given; the interactive shell is not in this version\nFor help, use %s -h\n", argv[0])
		return exitInvalidArgs
	}
	s := &session{
		client: newClient(opts.serverURL, opts.username, opts.password),
		stdout: bufio.NewWriter(stdout),
		stderr: stderr,
	}
	defer s.stdout.Flush()
	if opts.words[0] == "call" {
		// Its arguments may hold blanks, so they are not joined and split again.
		s.do(func() error { return call(s, opts.words[1:]) })
		return s.exit
	}
	s.runLine(strings.Join(opts.words, " "))
	return s.exit
}
