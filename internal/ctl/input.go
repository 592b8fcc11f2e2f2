package ctl

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// errAborted is an interrupt while a line was edited: the terminal's line is
// ended already.
var errAborted = errors.New("interrupted")

// input reads what the user says. Lines come without their end; io.EOF is the
// end of input, context.Canceled or errAborted an interrupt.
type input interface {
	// command reads a line of the shell, with history and completion where there
	// are any.
	command(ctx context.Context, prompt string) (string, error)
	// answer reads any other line.
	answer(ctx context.Context, prompt string) (string, error)
	// secret reads a line that is not shown.
	secret(ctx context.Context, prompt string) (string, error)
}

// plainInput reads lines as they come: from a pipe or file, or from a terminal in
// its own line mode. Prompts go to standard output whatever it is, as scripts
// that drive the shell expect.
type plainInput struct {
	stdout *bufio.Writer
	stderr io.Writer
	in     *bufio.Reader
	lines  chan plainLine
	// reading says that a line is being read for a prompt that was given up; the
	// next prompt gets it.
	reading bool
}

type plainLine struct {
	text string
	err  error
}

func newPlainInput(in io.Reader, stdout *bufio.Writer, stderr io.Writer) *plainInput {
	return &plainInput{stdout: stdout, stderr: stderr, in: bufio.NewReader(in), lines: make(chan plainLine, 1)}
}

func (p *plainInput) command(ctx context.Context, prompt string) (string, error) {
	return p.answer(ctx, prompt)
}

func (p *plainInput) answer(ctx context.Context, prompt string) (string, error) {
	p.stdout.WriteString(prompt)
	p.stdout.Flush()
	if !p.reading {
		p.reading = true
		go func() {
			text, err := p.in.ReadString('\n')
			p.lines <- plainLine{text, err}
		}()
	}
	select {
	case l := <-p.lines:
		p.reading = false
		if l.text == "" && l.err != nil {
			return "", l.err
		}
		return strings.TrimSuffix(l.text, "\n"), nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// secret asks on the terminal that controls the process. Where there is none, it
// warns and reads standard input.
func (p *plainInput) secret(ctx context.Context, prompt string) (string, error) {
	p.stdout.Flush()
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		fmt.Fprintf(p.stderr, "Warning: Password input may be echoed.\n%s", prompt)
		return p.answer(ctx, "")
	}
	defer tty.Close()
	restore, err := hideTyping(tty)
	if err != nil {
		return "", err
	}
	defer restore()
	// An interrupt must not end the program while typing is hidden.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGINT)
	defer stop()
	defer context.AfterFunc(ctx, func() { tty.Close() })()
	io.WriteString(tty, prompt)
	text, err := bufio.NewReader(tty).ReadString('\n')
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	io.WriteString(tty, "\n")
	if text == "" && err != nil {
		return "", err
	}
	return strings.TrimSuffix(text, "\n"), nil
}
