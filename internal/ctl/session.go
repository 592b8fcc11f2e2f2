package ctl

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// apiVersion is the version of the supervisor namespace that the commands are
// written for.
const apiVersion = "3.0"

// session is one run of the program: where it calls, where it writes, and the
// exit code so far. A later outcome may overwrite an earlier code.
type session struct {
	client *client
	stdout *bufio.Writer
	stderr io.Writer
	exit   int
}

// printf writes one line to standard output.
func (s *session) printf(format string, args ...any) {
	fmt.Fprintf(s.stdout, format, args...)
	s.stdout.WriteByte('\n')
}

// usage reports a misuse of a command, with its help.
func (s *session) usage(c command, exit int, message string) {
	s.printf("%s", message)
	s.exit = exit
	s.printHelp(c)
}

// call calls a method of the supervisor namespace. What was printed so far is
// shown first: a call may wait for a process.
func (s *session) call(result any, method string, args ...any) error {
	s.stdout.Flush()
	return s.client.call(result, "supervisor."+method, args...)
}

// runLine runs one line as typed: a command word, then its arguments.
func (s *session) runLine(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	word, rest := splitCommand(line)
	if word == "help" {
		s.help(rest)
		return
	}
	for _, c := range commands() {
		if c.name == word {
			s.do(func() error { return c.run(s, strings.Fields(rest)) })
			return
		}
	}
	// A "?" line counts as a help line; any other is shown as it came.
	s.printf("*** Unknown syntax: %s", line)
	s.exit = exitGeneric
}

// do runs a command. A request for a password is reported and the command tried
// once more, as the reference does; scripts see both lines.
func (s *session) do(run func() error) {
	err := run()
	var status *statusError
	if errors.As(err, &status) && status.code == 401 {
		s.printf("Server requires authentication")
		s.exit = exitGeneric
		err = run()
	}
	if err != nil {
		s.printf("error: %s", describe(err))
		s.exit = exitGeneric
	}
}

// splitCommand cuts a line into its first word and the rest. A word is made of
// letters, digits and "_"; what follows it need not be blank.
func splitCommand(line string) (word, rest string) {
	if rest, ok := strings.CutPrefix(line, "?"); ok {
		return "help", strings.TrimSpace(rest)
	}
	end := strings.IndexFunc(line, func(r rune) bool {
		return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	if end < 0 {
		return line, ""
	}
	return line[:end], strings.TrimSpace(line[end:])
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
	switch {
	case faultCode(err) == rpcinterface.CodeUnknownMethod:
		s.printf("Sorry, supervisord responded but did not recognize the supervisor namespace commands that " +
			"supervisorctl uses to control it.  Please check that the [rpcinterface:supervisor] section is " +
			"enabled in the configuration file (see sample.conf).")
		s.exit = exitUnimplemented
	case errors.Is(err, syscall.ECONNREFUSED):
		s.printf("%s refused connection", s.client.url)
		s.exit = exitRefused
	case errors.Is(err, syscall.ENOENT):
		s.printf("%s no such file", s.client.url)
		s.exit = exitNotRunning
	default:
		return false, err
	}
	return false, nil
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
