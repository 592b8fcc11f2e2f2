package ctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/core/pytext"
)

func callCommand() command {
	return command{name: "call", own: true, verbatim: true, run: call, complete: completeCall, help: []string{
		"call <namespace>.<method> [arg ...]\tCall any method, print its result as JSON",
		"\t\t\tAn argument is JSON where it parses as JSON, else a string.",
		"\t\t\tA fault is told on standard error, with exit code 1.",
	}}
}

// call calls any method of any namespace. Only the result goes to standard
// output; everything else, misuse included, goes to standard error.
func call(s *session, words []string) error {
	if len(words) == 0 {
		s.exit = exitInvalidArgs
		fmt.Fprintln(s.stderr, "Error: call requires a method name")
		for _, line := range callCommand().help {
			fmt.Fprintln(s.stderr, line)
		}
		return nil
	}
	s.stdout.Flush()
	text, err := s.client.callJSON(s.ctx, words[0], words[1:])
	if err == nil {
		s.printf("%s", text)
		return nil
	}
	return s.callFailed(err)
}

// callFailed tells on standard error why a call of any method failed, and sets the
// exit code. Errors that others deal with are given back.
func (s *session) callFailed(err error) error {
	if errors.Is(err, context.Canceled) || unauthorized(err) && s.interactive {
		return err
	}
	s.exit = exitGeneric
	var f xmlrpc.FaultError
	switch {
	case errors.As(err, &f):
		fmt.Fprintf(s.stderr, "fault %d: %s\n", f.Code, plain(f.String))
	case unauthorized(err):
		fmt.Fprintln(s.stderr, "Server requires authentication")
	case errors.Is(err, syscall.ECONNREFUSED):
		fmt.Fprintf(s.stderr, "%s refused connection\n", s.client.url)
		s.exit = exitRefused
	case errors.Is(err, syscall.ENOENT):
		fmt.Fprintf(s.stderr, "%s no such file\n", s.client.url)
		s.exit = exitNotRunning
	default:
		fmt.Fprintf(s.stderr, "error: %v\n", err)
	}
	return nil
}

// callJSON calls a method with arguments as typed and gives the result as JSON.
func (c *client) callJSON(ctx context.Context, method string, words []string) ([]byte, error) {
	args := make([]any, len(words))
	for i, word := range words {
		v, err := argument(word)
		if err != nil {
			return nil, fmt.Errorf("cannot use argument %d: %w", i+1, err)
		}
		args[i] = v
	}
	var v any
	if err := c.call(ctx, &v, method, args...); err != nil {
		return nil, err
	}
	text, err := appendJSON(nil, v)
	if err != nil {
		return nil, fmt.Errorf("cannot show result of %s: %w", method, err)
	}
	return text, nil
}

// splitVerbatim cuts the arguments of a line at blanks, but for those within a
// JSON string, array or object.
func splitVerbatim(rest string) []string {
	var words []string
	for {
		rest = strings.TrimLeftFunc(rest, pytext.IsSpace)
		if rest == "" {
			return words
		}
		end := strings.IndexFunc(rest, pytext.IsSpace)
		if strings.ContainsRune(`"[{`, rune(rest[0])) {
			d := json.NewDecoder(strings.NewReader(rest))
			var v json.RawMessage
			if d.Decode(&v) == nil {
				end = int(d.InputOffset())
			}
		}
		if end < 0 {
			end = len(rest)
		}
		words = append(words, rest[:end])
		rest = rest[end:]
	}
}
