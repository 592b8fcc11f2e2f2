package ctl

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode"

	"github.com/peterh/liner"
)

// editor reads lines from the process's terminal, with editing, history and
// completion. Between lines the terminal is in the mode that it was found in, and
// it is left so too when a signal ends the program.
type editor struct {
	stdout   *bufio.Writer // what is shown before a prompt
	state    *liner.State
	cooked   liner.ModeApplier
	raw      liner.ModeApplier
	complete liner.WordCompleter
	history  string // the file; "" for none
	signals  chan os.Signal
}

// newEditor takes over the terminal. The history is read from the file, if there
// is one, and written back by close.
func newEditor(stdout *bufio.Writer, history string, complete liner.WordCompleter) *editor {
	e := &editor{stdout: stdout, complete: complete, history: history, signals: make(chan os.Signal, 1)}
	e.cooked, _ = liner.TerminalMode() // the caller saw that it is one
	e.state = liner.NewLiner()
	// The editor itself lets the terminal signal until the prompt is printed.
	passInterrupts(os.Stdin)
	e.raw, _ = liner.TerminalMode()
	e.state.SetCtrlCAborts(true)
	e.state.SetTabCompletionStyle(liner.TabPrints)
	e.state.SetMultiLineMode(true)
	if f, err := os.Open(history); err == nil {
		e.state.ReadHistory(f) // as much of it as can be read
		f.Close()
	}
	e.cooked.ApplyMode()
	signal.Notify(e.signals, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		if sig, ok := <-e.signals; ok {
			e.leave()
			signal.Reset(sig)
			syscall.Kill(os.Getpid(), sig.(syscall.Signal))
		}
	}()
	return e
}

func (e *editor) close() {
	signal.Stop(e.signals)
	close(e.signals)
	e.leave()
	e.state.Close()
}

// leave puts the terminal back and saves the history: one that cannot be saved
// is lost without a word, as in the reference.
func (e *editor) leave() {
	e.cooked.ApplyMode()
	if e.history == "" {
		return
	}
	if f, err := os.OpenFile(e.history, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600); err == nil {
		e.state.WriteHistory(f)
		f.Close()
	}
}

func (e *editor) command(ctx context.Context, prompt string) (string, error) {
	e.state.SetWordCompleter(e.complete)
	line, err := e.read(ctx, e.state.Prompt, prompt)
	if entry := strings.TrimSpace(line); entry != "" {
		e.state.AppendHistory(entry)
	}
	return line, err
}

func (e *editor) answer(ctx context.Context, prompt string) (string, error) {
	e.state.SetWordCompleter(nil)
	return e.read(ctx, e.state.Prompt, prompt)
}

func (e *editor) secret(ctx context.Context, prompt string) (string, error) {
	return e.read(ctx, e.state.PasswordPrompt, prompt)
}

func (e *editor) read(ctx context.Context, read func(string) (string, error), prompt string) (string, error) {
	e.stdout.Flush()
	e.raw.ApplyMode()
	defer e.cooked.ApplyMode()
	// From here on an interrupt is a key.
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	line, err := read(printable(prompt))
	if errors.Is(err, liner.ErrPromptAborted) {
		err = errAborted
	}
	return line, err
}

// printable drops what the line editor refuses in a prompt.
func printable(prompt string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.C, r) {
			return -1
		}
		return r
	}, prompt)
}
