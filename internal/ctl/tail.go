package ctl

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func tailCommand() command {
	return command{name: "tail", run: tail, complete: completeTail, help: []string{
		"tail [-f] <name> [stdout|stderr] (default stdout)",
		"Ex:",
		"tail -f <name>\t\tContinuous tail of named process stdout",
		"\t\t\tCtrl-C to exit.",
		"tail -100 <name>\tlast 100 *bytes* of process stdout",
		"tail <name> stderr\tlast 1600 *bytes* of process stderr",
	}}
}

// defaultTail is how many bytes of the log are shown where nothing is said.
const defaultTail = 1600

func tail(s *session, words []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	switch {
	case len(words) < 1:
		s.usage(tailCommand(), exitGeneric, "Error: too few arguments")
		return nil
	case len(words) > 3:
		s.usage(tailCommand(), exitGeneric, "Error: too many arguments")
		return nil
	}
	var modifier string
	if strings.HasPrefix(words[0], "-") {
		modifier, words = words[0], words[1:]
	}
	if len(words) == 0 {
		return s.refuse("Error: tail requires process name")
	}
	name, channel := words[0], "stdout"
	if len(words) > 1 {
		channel = strings.ToLower(words[len(words)-1])
	}
	method := "readProcessStdoutLog"
	switch channel {
	case "stdout":
	case "stderr":
		method = "readProcessStderrLog"
	default:
		return s.refuse("Error: bad channel %s", pytext.ReprString(channel))
	}
	if modifier == "-f" {
		return s.follow("/logtail/" + name + "/" + channel)
	}
	count := int64(defaultTail)
	if modifier != "" {
		var err error
		if count, err = pytext.ParseInt(modifier[1:], 10); err != nil {
			return s.refuse("Error: bad argument %s", modifier)
		}
	}
	return s.printLog(name, count, method, name)
}

// printLog prints the last count bytes of the log that a method reads; args go
// before the offset.
func (s *session) printLog(name string, count int64, method string, args ...any) error {
	if count > -math.MinInt32 || count < -math.MaxInt32 {
		return fmt.Errorf("cannot encode offset %d: int exceeds XML-RPC limits", -count)
	}
	var text string
	err := s.call(&text, method, append(args, -count, 0)...)
	if err == nil {
		s.printf("%s", text)
		return nil
	}
	switch faultCode(err) {
	case rpcinterface.CodeNoFile:
		return s.refuse("%s: ERROR (no log file)", name)
	case rpcinterface.CodeFailed:
		return s.refuse("%s: ERROR (unknown error reading log)", name)
	case rpcinterface.CodeBadName:
		return s.refuse("%s: ERROR (no such process name)", name)
	}
	return err
}

// follow shows a log as it grows, until the server ends it or the user
// interrupts. What goes wrong is told on standard error and leaves the exit code
// alone, as in the reference; bytes are passed on as they come.
func (s *session) follow(path string) error {
	s.printf("==> Press Ctrl-C to exit <==")
	s.stdout.Flush()
	ctx, stop := s.interruptible()
	defer stop()
	s.stream(ctx, path)
	if ctx.Err() != nil {
		s.printf("")
	}
	return nil
}

// stream writes what a GET of path answers to standard output as it arrives.
func (s *session) stream(ctx context.Context, path string) {
	if err := s.client.stream(ctx, path, s.direct); err != nil && ctx.Err() == nil {
		fmt.Fprintf(s.stderr, "%s%s %v\n", s.client.url, path, err)
	}
}

// stream copies what a GET of path answers to w as it arrives.
func (c *client) stream(ctx context.Context, path string, w io.Writer) error {
	if c.invalid != nil {
		return c.invalid
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
	if err != nil {
		return fmt.Errorf("Cannot connect, error: %w", err)
	}
	request.URL.Path = path
	c.authorize(request)
	answer, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("Cannot connect, error: %w", unwrapURLError(err))
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("Cannot read, status code %d", answer.StatusCode)
	}
	if _, err := io.Copy(w, answer.Body); err != nil {
		return fmt.Errorf("cannot read log: %w", err)
	}
	return nil
}
