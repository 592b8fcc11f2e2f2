package check

import (
	"fmt"
	"slices"

	"github.com/plugvisor/plugvisor/sdk"
)

// Severity says how bad a finding is.
type Severity int

// The severities.
const (
	// Note is for what was not examined, or could be better.
	Note Severity = iota
	// Warning is for what works, and will surprise somebody.
	Warning
	// Error is for what breaks the protocol, or keeps the plugin from being loaded.
	Error
)

func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Warning:
		return "warning"
	default:
		return "note"
	}
}

// Finding is one thing that was found.
type Finding struct {
	Severity Severity
	// ID is the same for the same thing in all plugins and versions.
	ID     string
	Text   string
	Remedy string
}

func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s (%s)", f.Severity, f.Text, f.ID)
	if f.Remedy != "" {
		text += "; " + f.Remedy
	}
	return text
}

// Report is all that was found about a plugin.
type Report struct {
	// Description is what the plugin says of itself, where Described.
	Description sdk.Description
	Described   bool
	// Loads says that the supervisor could load it: it was started, described itself
	// and took its section.
	Loads bool
	// Findings are in the order in which they were found.
	Findings []Finding
}

// Worst is the severity of the worst finding.
func (r *Report) Worst() Severity {
	worst := Note
	for _, f := range r.Findings {
		worst = max(worst, f.Severity)
	}
	return worst
}

// add adds a finding once.
func (r *Report) add(s Severity, id, remedy, format string, args ...any) {
	f := Finding{Severity: s, ID: id, Text: fmt.Sprintf(format, args...), Remedy: remedy}
	if !slices.Contains(r.Findings, f) {
		r.Findings = append(r.Findings, f)
	}
}
