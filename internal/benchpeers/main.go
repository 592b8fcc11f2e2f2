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
	var document, save, from, only, other string
	flag.StringVar(&b.ours, "supervisord", "", "our supervisord; without it only the others are measured")
	flag.StringVar(&b.reference.source, "reference", "", "source directory of Supervisor; without it /usr/bin/supervisord is the reference")
	flag.StringVar(&b.reference.twiddler, "twiddler", "", "source directory of supervisor_twiddler; without it the reference has no twiddler")
	flag.StringVar(&other, "other", "", "source directory of "+otherModule+"; without it the module proxy is asked for it")
	flag.StringVar(&b.reference.python, "python", "/usr/bin/python3", "Python that runs the reference")
	flag.IntVar(&b.rounds, "rounds", 5, "rounds")
	flag.DurationVar(&b.span, "span", b.span, "length of one measurement of calls")
	flag.IntVar(&b.adds, "adds", b.adds, "programs to add to one group")
	flag.StringVar(&only, "only", "", "regular expression of the parts to run")
	short := flag.Bool("quick", false, "one short round of everything, to see that it runs")
	flag.StringVar(&document, "doc", "", "file to write the document to, docs/performance.md")
	flag.StringVar(&save, "save", "", "file to keep the results in")
	flag.StringVar(&from, "from", "", "file of kept results to write the document from, without measuring")
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
	exitOn(b.make(other, from, save, document))
}

// make gives the results, prints them, and writes the files that are asked for.
func (b *bench) make(other, from, save, document string) error {
	r, err := loadOr(from, func() (*results, error) {
		dir, err := os.MkdirTemp("", "bench")
		if err != nil {
			return nil, fmt.Errorf("cannot make directory: %w", err)
		}
		defer os.RemoveAll(dir)
		b.peers(dir, other)
		if err := b.run(); err != nil {
			return nil, err
		}
		return b.results(), nil
	})
	if err != nil {
		return err
	}
	fmt.Print(r.text())
	if save != "" {
		if err := r.save(save); err != nil {
			return err
		}
	}
	if document != "" {
		return r.document(document)
	}
	return nil
}

func loadOr(file string, measure func() (*results, error)) (*results, error) {
	if file == "" {
		return measure()
	}
	return loadResults(file)
}

// peers looks for what ours is compared with, and notes what is not there.
func (b *bench) peers(dir, other string) {
	var err error
	if b.other, b.otherVersion, err = buildOther(dir, other); err != nil {
		b.notes = append(b.notes, "O is not measured: "+err.Error()+".")
	}
	switch {
	case b.reference.command().argv == nil:
		b.notes = append(b.notes, "The reference is not measured: there is no "+installed+".")
	case b.reference.source == "" || b.reference.twiddler == "":
		b.notes = append(b.notes, "The reference is measured without twiddler, so not in the rows that need it.")
	}
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "benchpeers:", err)
		os.Exit(1)
	}
}
