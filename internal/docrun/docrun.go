package docrun

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// limit is how long one block may run.
const limit = 5 * time.Minute

// Setting is where a document is read.
type Setting struct {
	// Dir is the empty directory that the reader is in.
	Dir string
	// Env is what is added to the environment, such as "PATH=…".
	Env []string
}

// Block is one fenced block of a document.
type Block struct {
	Line int    // of its fence
	Lang string // "sh", "text", …
	File string // the file that it is, "" for none
	Text string
}

// Blocks reads the fenced blocks of a Markdown text.
func Blocks(text string) ([]Block, error) {
	var out []Block
	var open *Block
	for i, line := range strings.Split(text, "\n") {
		rest, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			words := strings.Fields(rest)
			open = &Block{Line: i + 1}
			if len(words) > 0 {
				open.Lang = words[0]
			}
			if len(words) > 1 {
				open.File = words[1]
			}
		case fence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.Text += line + "\n"
		}
	}
	if open != nil {
		return nil, fmt.Errorf("line %d: the block has no end", open.Line)
	}
	return out, nil
}

// Run works through a document. The test fails at the first block that does not do
// what the document says.
func Run(t *testing.T, document string, s Setting) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	blocks, err := Blocks(string(text))
	if err != nil {
		t.Fatalf("%s: %v", document, err)
	}
	ran := 0
	for i, b := range blocks {
		where := fmt.Sprintf("%s:%d", filepath.Base(document), b.Line)
		switch {
		case b.File != "":
			if err := s.write(b); err != nil {
				t.Fatalf("%s: %v", where, err)
			}
		case b.Lang == "sh":
			ran++
			got, err := s.run(b.Text)
			if err != nil {
				t.Fatalf("%s: %v\n%s", where, err, got)
			}
			if i+1 == len(blocks) || blocks[i+1].Lang != "text" || blocks[i+1].File != "" {
				continue
			}
			if want := blocks[i+1].Text; !Matches(want, got) {
				t.Fatalf("%s: it wrote\n%s\nand not\n%s", where, got, want)
			}
		}
	}
	if ran == 0 {
		t.Fatalf("%s has no sh block", document)
	}
}

func (s Setting) write(b Block) error {
	if !filepath.IsLocal(b.File) {
		return fmt.Errorf("%s is outside of the directory", b.File)
	}
	path := filepath.Join(s.Dir, b.File)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if strings.HasPrefix(b.Text, "#!") {
		mode = 0o755
	}
	if err := os.WriteFile(path, []byte(b.Text), mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// run gives what the commands wrote to both streams, which go to a file: a daemon
// that they leave behind holds up nobody.
func (s Setting) run(commands string) (string, error) {
	out, err := os.CreateTemp("", "docrun")
	if err != nil {
		return "", err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/sh", "-e", "-c", commands)
	cmd.Dir = s.Dir
	cmd.Env = append(os.Environ(), s.Env...)
	cmd.Stdout, cmd.Stderr = out, out
	failed := cmd.Run()
	text, err := os.ReadFile(out.Name())
	if err != nil {
		return "", err
	}
	return string(text), failed
}

// Matches says whether a text is what a document shows. Blanks at the ends of lines
// and empty lines at the ends count for nothing.
func Matches(want, got string) bool {
	var pattern strings.Builder
	pattern.WriteString(`^`)
	for _, line := range strings.Split(trimmed(want), "\n") {
		if line == "..." {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`) + `\n`)
	}
	pattern.WriteString(`$`)
	return regexp.MustCompile(pattern.String()).MatchString(trimmed(got) + "\n")
}

func trimmed(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t\r")
	}
	return strings.Trim(strings.Join(lines, "\n"), "\n")
}
