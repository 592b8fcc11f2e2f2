package ctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// apiVersion is the version of the supervisor namespace that the commands are
// written for.
const apiVersion = "3.0"

// exitInterrupted is what shells make of a program that SIGINT ended.
const exitInterrupted = 128 + int(syscall.SIGINT)

// errQuit is how a command ends the shell.
var errQuit = errors.New("quit")

// session is one run of the program: where it calls, whom it asks, where it
// writes, and the exit code so far. A later outcome may overwrite an earlier
// code.
type session struct {
	// ctx ends calls: in the shell, when the user interrupts a command.
	ctx     context.Context
	program string // the name it was called by
	config  string // the configuration file that -c names, "" for none
	client  *client
	input   input
	stdout  *bufio.Writer
	direct  io.Writer // standard output without the buffer: for streams
	stderr  io.Writer
	// interactive says that somebody can be asked for a password and whether
	// the server is really to be shut down.
	interactive bool
	color       bool
	terminal    bool // standard output is one
	json        bool // the command at work was given --json
	exit        int
	done        bool // the shell is to end

	// known is what completion heard from the server since the last command.
	known known
}

// printf writes one line to standard output; with --json, which leaves standard
// output to the JSON, to standard error.
func (s *session) printf(format string, args ...any) {
	if s.json {
		fmt.Fprintf(s.stderr, format+"\n", args...)
		return
	}
	fmt.Fprintf(s.stdout, format, args...)
	s.stdout.WriteByte('\n')
}

// usage reports a misuse of a command, with its help.
func (s *session) usage(c command, exit int, message string) {
	s.printf("%s", message)
	s.exit = exit
	s.printHelp(c)
}

// refuse reports a failure and sets exit code 1.
func (s *session) refuse(format string, args ...any) error {
	s.printf(format, args...)
	s.exit = exitGeneric
	return nil
}

// call calls a method of the supervisor namespace. What was printed so far is
// shown first: a call may wait for a process.
func (s *session) call(result any, method string, args ...any) error {
	s.stdout.Flush()
	return s.client.call(s.ctx, result, "supervisor."+method, args...)
}

// runWords runs the program's own command line. Where arguments may hold blanks, they
// are not joined and split again.
func (s *session) runWords(words []string) {
	line := pytext.Strip(strings.Join(words, " "))
	word, _ := splitCommand(line)
	c, ok := findCommand(words[0])
	switch {
	case ok && c.verbatim:
		s.do(func() error { return c.run(s, words[1:]) })
	case isNamespaceLine(word) && isWord(words[0]):
		s.do(func() error { return s.runNamespace(line, words[0], words[1:], false) })
	default:
		s.runLine(line)
	}
}

// runLine runs one line as typed: a command word, then its arguments.
func (s *session) runLine(line string) {
	line = pytext.Strip(line)
	if line == "" {
		return
	}
	s.known = known{}
	word, rest := splitCommand(line)
	if word == "help" {
		s.do(func() error { return s.help(rest) })
		return
	}
	if isNamespaceLine(word) {
		if words := splitVerbatim(line); isWord(words[0]) {
			s.do(func() error { return s.runNamespace(line, words[0], words[1:], true) })
			return
		}
	}
	c, ok := findCommand(word)
	if !ok {
		// A "?" line counts as a help line; any other is shown as it came.
		s.refuse("*** Unknown syntax: %s", line)
		return
	}
	words := pytext.Split(rest)
	if c.verbatim {
		words = splitVerbatim(rest)
	}
	s.json, words = c.takeJSON(words)
	s.do(func() error { return c.run(s, words) })
	s.json = false
}

// isNamespaceLine says whether a line that begins with a word may be a command of an
// extension: our own commands come first.
func isNamespaceLine(word string) bool {
	_, ours := findCommand(word)
	return !ours && word != "help"
}

// do runs a command, and again when the server asks for a password: with the one
// that the user gives; where there is nobody to ask just once more, as the
// reference does, so that scripts see both lines.
func (s *session) do(run func() error) {
	err := run()
	for unauthorized(err) {
		s.printf("Server requires authentication")
		if !s.interactive {
			s.exit = exitGeneric
			err = run()
			break
		}
		if err = s.login(); err == nil {
			err = run()
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, errQuit):
		s.done = true
	case errors.Is(err, context.Canceled):
		s.done = true
		s.exit = exitInterrupted
		s.printf("")
	case errors.Is(err, errAborted):
		s.done = true
		s.exit = exitInterrupted
	default:
		s.refuse("error: %s", describe(err))
	}
}

// login asks for the credentials of further calls.
func (s *session) login() error {
	name, err := s.input.answer(s.ctx, "Username:")
	if err != nil {
		return askError(err)
	}
	password, err := s.input.secret(s.ctx, "Password:")
	if err != nil {
		return askError(err)
	}
	s.printf("")
	s.client.username, s.client.password = &name, &password
	return nil
}

// confirm asks a question that only an answer which begins with y affirms.
// Without anybody to ask, the answer is yes.
func (s *session) confirm(question string) (bool, error) {
	if !s.interactive {
		return true, nil
	}
	text, err := s.input.answer(s.ctx, question)
	if err != nil {
		return false, askError(err)
	}
	return strings.HasPrefix(strings.ToLower(text), "y"), nil
}

// askError puts into words that there was no answer.
func askError(err error) error {
	if err == io.EOF {
		return errors.New("EOF when reading a line")
	}
	return err
}

// splitCommand cuts a line into its first word and the rest. A word is made of
// letters, digits and "_"; what follows it need not be blank.
func splitCommand(line string) (word, rest string) {
	if rest, ok := strings.CutPrefix(line, "?"); ok {
		return "help", pytext.Strip(rest)
	}
	end := strings.IndexFunc(line, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		return line, ""
	}
	return line[:end], pytext.Strip(line[end:])
}

// up asks the server for the version of its API and says what is wrong where it
// gives no fitting answer.
func (s *session) up() (bool, error) {
	var version string
	err := s.call(&version, "getVersion")
	if err == nil {
		if version == apiVersion {
			return true, nil
		}
		s.printf("Sorry, this version of supervisorctl expects to talk to a server with API version %s, "+
			"but the remote version is %s.", apiVersion, version)
		s.exit = exitNotInstalled
		return false, nil
	}
	if faultCode(err) == rpcinterface.CodeUnknownMethod {
		s.printf("Sorry, supervisord responded but did not recognize the supervisor namespace commands that " +
			"supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is " +
			"enabled in the configuration file (see sample.conf).")
		s.exit = exitUnimplemented
		return false, nil
	}
	return false, s.unreachable(err)
}

// unreachable says that nobody listens at the URL and sets the exit code, where
// that is what err means; any other error is given back.
func (s *session) unreachable(err error) error {
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		s.printf("%s refused connection", s.client.url)
		s.exit = exitRefused
	case errors.Is(err, syscall.ENOENT):
		s.printf("%s no such file", s.client.url)
		s.exit = exitNotRunning
	default:
		return err
	}
	return nil
}

// noteResult sets the exit code for one process's outcome. The code ignored
// counts as success.
func (s *session) noteResult(code, ignored int) {
	switch code {
	case rpcinterface.CodeSuccess, ignored:
	case rpcinterface.CodeSpawnError, rpcinterface.CodeAbnormalTermination, rpcinterface.CodeNotRunning:
		s.exit = exitNotRunning
	default:
		s.exit = exitGeneric
	}
}

// unauthorized says whether the server wants other credentials.
func unauthorized(err error) bool {
	var status *statusError
	return errors.As(err, &status) && status.code == http.StatusUnauthorized
}

// faultCode gives the code of the fault that err is, 0 for any other error.
func faultCode(err error) int {
	var f xmlrpc.FaultError
	if errors.As(err, &f) {
		return f.Code
	}
	return 0
}

// describe gives an error's text; a fault is shown with its code.
func describe(err error) string {
	var f xmlrpc.FaultError
	if errors.As(err, &f) {
		return fmt.Sprintf("fault %d: %s", f.Code, f.String)
	}
	return err.Error()
}
