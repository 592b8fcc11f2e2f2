package ctl

import (
	"context"
	"io"
	"os/signal"
	"syscall"
)

// shell shows the status and then runs lines until the input ends, a command
// quits, or the user interrupts; a command that follows something takes the
// interrupt for itself.
func (s *session) shell(prompt string) {
	outer := s.ctx
	s.turn(outer, func() { s.runLine("status") })
	for !s.done {
		s.turn(outer, func() {
			line, err := s.input.command(s.ctx, prompt)
			switch {
			case err == nil:
				s.runLine(line)
			case err == io.EOF:
				s.runLine("EOF")
			default:
				s.do(func() error { return err })
				s.done = true
			}
		})
	}
}

// turn does one round of the shell, which an interrupt ends.
func (s *session) turn(outer context.Context, round func()) {
	ctx, stop := signal.NotifyContext(outer, syscall.SIGINT)
	defer stop()
	s.ctx = ctx
	round()
	s.stdout.Flush()
}

// interruptible gives a context that an interrupt ends, for a command that goes
// on until then and has its own way to end.
func (s *session) interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(s.ctx, syscall.SIGINT)
}
