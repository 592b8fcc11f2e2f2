package difftest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var (
	update    = flag.Bool("update", false, "record the scenarios anew; needs -reference, -twiddler and -cache")
	reference = flag.String("reference", "", "directory of a checkout of Supervisor 4.4, with which -update records")
	twiddler  = flag.String("twiddler", "", "directory of a checkout of supervisor_twiddler")
	cache     = flag.String("cache", "", "directory of a checkout of supervisor_cache")
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	// The scenarios mostly wait.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	var err error
	if bin, err = os.MkdirTemp("", "difftest"); err != nil {
		panic(err)
	}
	defer os.RemoveAll(bin)
	return m.Run()
}

// TestOurs plays the scenarios with our supervisord.
func TestOurs(t *testing.T) {
	p, err := build()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, s *scenario) { compare(t, s, p) })
}

// TestInstalled plays them with the Supervisor of the distribution.
func TestInstalled(t *testing.T) {
	p := wrapInstalled(t)
	each(t, func(t *testing.T, s *scenario) { compare(t, s, p) })
}

// TestFiles holds the scenarios to their form: what -update would write, and no
// difference that is none.
func TestFiles(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		text, err := os.ReadFile(s.name)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != string(text) {
			t.Error("it is not in the form in which -update writes it")
		}
		for _, step := range s.steps {
			for _, a := range step.answers {
				if a.side != "" && a.text == step.want(recorded) {
					t.Errorf("%s: %s answers as the reference does", step.line, a.side)
				}
			}
		}
	})
}

// TestUpdate records the answers of Supervisor 4.4.
func TestUpdate(t *testing.T) {
	if !*update {
		return
	}
	theirs, err := wrap(recorded, *reference, *twiddler, *cache)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := build()
	if err != nil {
		t.Fatal(err)
	}
	each(t, func(t *testing.T, s *scenario) {
		for _, p := range []program{theirs, mine, wrapInstalled(t)} {
			if p.side == installed && !playable(s, p) {
				continue
			}
			record(t, s, p)
		}
		if err := os.WriteFile(s.name, []byte(s.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	})
}

// each runs a test with each scenario.
func each(t *testing.T, f func(*testing.T, *scenario)) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := parse(file, string(text))
			if err != nil {
				t.Fatal(err)
			}
			f(t, s)
		})
	}
}

// playable says whether a side has what a scenario needs: Debian has neither
// twiddler nor cache.
func playable(s *scenario, p program) bool {
	return p.side != installed || (*twiddler != "" || !s.needs("twiddler")) && (*cache != "" || !s.needs("cache"))
}

func compare(t *testing.T, s *scenario, p program) {
	if !playable(s, p) {
		return
	}
	eachAnswer(t, s, p, func(step *step, got string) {
		if want := step.want(p.side); got != want {
			t.Errorf("%s\n%swant\n%s", step.line, indent(got), indent(want))
		}
	})
}

// record keeps what a side answers, where the scenario has a place for it.
func record(t *testing.T, s *scenario, p program) {
	eachAnswer(t, s, p, func(step *step, got string) {
		switch a := step.of(p.side); {
		case a != nil && a.side == p.side:
			a.text = got
		case p.side == recorded && got != "":
			step.answers = append([]*answer{{text: got}}, step.answers...)
		}
	})
}

func eachAnswer(t *testing.T, s *scenario, p program, f func(step *step, got string)) {
	t.Helper()
	player, err := newPlayer(p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := player.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, step := range s.steps {
		if !step.isCommand() {
			continue
		}
		got, err := player.play(step)
		if err != nil {
			t.Fatalf("%s: %v", sideName(p.side), err)
		}
		f(step, got)
	}
}

func sideName(side string) string {
	if side == recorded {
		return "the reference"
	}
	return side
}

func indent(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		fmt.Fprint(&b, "  ", line)
	}
	return b.String()
}
