package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

func main() {
	if len(os.Args) > 1 {
		if run := floorCommand(os.Args[1]); run != nil {
			exitOn(run(os.Args[2:]))
			return
		}
	}
	b := bench{sizes: whole()}
	var output, only string
	flag.StringVar(&b.ours, "supervisord", "", "our supervisord; without it only the others are measured")
	flag.StringVar(&b.reference.source, "reference", "", "source directory of Supervisor; without it /usr/bin/supervisord is the reference")
	flag.StringVar(&b.reference.twiddler, "twiddler", "", "source directory of supervisor_twiddler; without it the reference has no twiddler")
	flag.StringVar(&b.reference.python, "python", "/usr/bin/python3", "Python that runs the reference")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds")
	flag.DurationVar(&b.span, "span", b.span, "length of one measurement of calls")
	flag.IntVar(&b.adds, "adds", b.adds, "programs to add to one group")
	flag.StringVar(&only, "only", "", "regular expression of the parts to run")
	short := flag.Bool("quick", false, "one short round of everything, to see that it runs")
	flag.StringVar(&output, "o", "", "file to write the table to as well")
	flag.Parse()
	if *short {
		b.rounds, b.sizes = 1, quick()
	}
	var err error
	b.only, err = regexp.Compile(only)
	exitOn(err)
	if b.ours != "" {
		b.ours, err = filepath.Abs(b.ours) // it runs in a directory of its own
		exitOn(err)
	}
	exitOn(b.run(output))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchpeers:", err)
		os.Exit(1)
	}
}
