// Package sampleconf is the command echo_supervisord_conf: it prints a sample
// configuration, which has every section and option that Supervisor's own sample
// has, with the same defaults, and says what they do.
package sampleconf

import (
	_ "embed"
	"fmt"
	"io"
)

// sample is the file. Options that are commented out stand behind ";" without a
// blank; without it the file is valid.
//
//go:embed sample.conf
var sample string

// Main prints the sample and gives the exit code. Arguments are ignored, as by
// Supervisor's command.
func Main(stdout, stderr io.Writer) int {
	if _, err := io.WriteString(stdout, sample); err != nil {
		fmt.Fprintf(stderr, "cannot print the sample: %v\n", err)
		return 1
	}
	return 0
}
