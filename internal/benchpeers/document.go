package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"text/template"
	"time"
)

// results are what one run gave, as the document tells it.
type results struct {
	Date     string
	Machine  []string // facts of it
	Versions []string
	Heading  string // how it was measured
	Notes    []string
	Loads    []string // load averages after the parts
	Rows     string   // a Markdown table
	Missed   []string // rows that are missed, and by how much
	Scales   []string // Markdown tables
}

//go:embed performance.md.tmpl
var performance string

// document writes results between the hand-written parts of the template.
func (r *results) document(file string) error {
	t, err := template.New("performance").Parse(performance)
	if err != nil {
		return fmt.Errorf("cannot read template: %w", err)
	}
	var b bytes.Buffer
	if err := t.Execute(&b, r); err != nil {
		return fmt.Errorf("cannot fill template: %w", err)
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot write document: %w", err)
	}
	return nil
}

// save keeps results, for load.
func (r *results) save(file string) error {
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("cannot write results: %w", err)
	}
	return nil
}

func loadResults(file string) (*results, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read results: %w", err)
	}
	r := new(results)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("cannot read results: %w", err)
	}
	return r, nil
}

// results gathers what was measured.
func (b *bench) results() *results {
	r := &results{
		Date:     time.Now().UTC().Format(time.DateOnly),
		Machine:  machine(),
		Versions: b.versions(),
		Heading:  b.heading(),
		Notes:    b.notes,
		Loads:    b.loads,
		Rows:     b.table.markdown(),
		Missed:   b.table.missed(),
	}
	for _, s := range b.scales {
		r.Scales = append(r.Scales, s.markdown())
	}
	return r
}

// text is all of it, without the hand-written parts.
func (r *results) text() string {
	var b strings.Builder
	b.WriteString(r.Heading + "\n")
	for _, note := range r.Notes {
		b.WriteString("\n- " + note + "\n")
	}
	b.WriteString("\n" + r.Rows)
	for _, s := range r.Scales {
		b.WriteString("\n" + s)
	}
	return b.String()
}

func (b *bench) heading() string {
	peer := "Supervisor as installed (" + installed + ")"
	if b.reference.source != "" {
		peer = "Supervisor from source"
	}
	return fmt.Sprintf("The reference is %s; O is %s. Medians of %d rounds of %v, ± half the spread.", peer, otherModule, b.rounds, b.span)
}

// missed names the goals that are missed.
func (t *table) missed() []string {
	var out []string
	for _, l := range t.lines {
		for _, g := range l.goals {
			if strings.HasPrefix(strings.ToLower(g.verdict()), "miss") {
				out = append(out, fmt.Sprintf("%s: %s, is %.3g: %s", l.work, g.text, g.ratio, g.verdict()))
			}
		}
	}
	return out
}

// machine tells what this runs on.
func machine() []string {
	out := []string{fmt.Sprintf("%d processors", runtime.NumCPU())}
	if name := field("/proc/cpuinfo", "model name"); name != "" {
		out[0] += ": " + name
	}
	if text := field("/proc/meminfo", "MemTotal"); text != "" {
		var kibibytes float64
		if _, err := fmt.Sscan(text, &kibibytes); err == nil {
			out = append(out, fmt.Sprintf("%.0f GiB of memory", math.Round(kibibytes/(1<<20))))
		}
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		version, _, _ := strings.Cut(strings.TrimSpace(string(kernel)), "-")
		out = append(out, "Linux "+version)
	}
	return out
}

// field gives the value behind a key and a colon, the first one, "" for none.
func field(file, key string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// versions tells what was measured, as far as it says so itself.
func (b *bench) versions() []string {
	out := []string{runtime.Version()}
	if commit := said("git", "rev-parse", "--short", "HEAD"); commit != "" {
		out = append(out, "ours at commit "+commit)
	}
	if c := b.reference.command(); c.argv != nil {
		version := exec.Command(c.argv[0], append(c.argv[1:len(c.argv):len(c.argv)], "-v")...)
		version.Env = append(os.Environ(), c.env...)
		if text, err := version.Output(); err == nil {
			out = append(out, "Supervisor "+strings.TrimSpace(string(text))+" on "+said(b.reference.python, "--version"))
		}
	}
	if b.otherVersion != "" {
		out = append(out, "O "+b.otherVersion)
	}
	return out
}

// said is what a program writes, "" where it fails.
func said(name string, args ...string) string {
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
