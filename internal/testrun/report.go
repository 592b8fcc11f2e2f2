package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// event is one line of go test -json (go doc test2json).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output, in place of Package
	Test       string
	Output     string
	Elapsed    float64 // seconds
}

type key struct{ pkg, test string }

// report collects the events of one or more runs of go test.
type report struct {
	w       io.Writer
	output  map[key]*strings.Builder // of what has not ended yet
	passed  int
	failed  int
	skips   []string        // "package Test: reason"
	failing map[string]bool // packages with a failed test or build
}

func newReport(w io.Writer) *report {
	return &report{w: w, output: map[key]*strings.Builder{}, failing: map[string]bool{}}
}

func (r *report) skipped() int { return len(r.skips) }

// read takes events until the end of in.
func (r *report) read(in io.Reader) error {
	for d := json.NewDecoder(in); ; {
		var e event
		if err := d.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("cannot read output of go test: %w", err)
		}
		r.add(e)
	}
}

func (r *report) add(e event) {
	k := key{e.Package, e.Test}
	switch e.Action {
	case "output":
		b := r.output[k]
		if b == nil {
			b = new(strings.Builder)
			r.output[k] = b
		}
		b.WriteString(e.Output)
	case "build-output":
		io.WriteString(r.w, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e)
		} else {
			r.endTest(e)
		}
		delete(r.output, k)
	}
}

func (r *report) endTest(e event) {
	switch e.Action {
	case "pass":
		r.passed++
	case "fail":
		r.failed++
		r.failing[e.Package] = true
		r.show(e)
	case "skip":
		r.skips = append(r.skips, fmt.Sprintf("%s %s: %s", e.Package, e.Test, skipReason(r.text(e))))
	}
}

// endPackage ends a package; one that failed without a failed test (it did not
// build, its process died) counts as one failure.
func (r *report) endPackage(e event) {
	switch {
	case e.Action == "skip": // it has no tests
		return
	case e.Action == "fail" && !r.failing[e.Package]:
		r.failed++
		r.showUnended(e.Package)
		r.show(e)
	}
	word := "ok  "
	if e.Action == "fail" {
		word = "FAIL"
	}
	fmt.Fprintf(r.w, "%s %s %v\n", word, e.Package, time.Duration(e.Elapsed*float64(time.Second)))
}

// showUnended shows the tests that were running when their process died.
func (r *report) showUnended(pkg string) {
	for k := range r.output {
		if k.pkg == pkg && k.test != "" {
			r.show(event{Package: k.pkg, Test: k.test})
			delete(r.output, k)
		}
	}
}

func (r *report) show(e event) {
	name := e.Package
	if e.Test != "" {
		name += " " + e.Test
	}
	fmt.Fprintf(r.w, "--- %s\n%s", name, r.text(e))
}

func (r *report) text(e event) string {
	if b := r.output[key{e.Package, e.Test}]; b != nil {
		return b.String()
	}
	return ""
}

// skipReason finds the message of t.Skip in a test's output: the line with the
// place in the source, before the line that says SKIP.
func skipReason(output string) string {
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "===") || strings.HasPrefix(line, "---") {
			continue
		}
		if _, reason, ok := strings.Cut(line, ": "); ok {
			return reason
		}
		return line
	}
	return "no reason given"
}

// finish writes the skipped tests and the counts.
func (r *report) finish() {
	if len(r.skips) > 0 {
		fmt.Fprintln(r.w, "skipped:")
	}
	for _, s := range r.skips {
		fmt.Fprintln(r.w, "  "+s)
	}
	fmt.Fprintf(r.w, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, len(r.skips))
}
