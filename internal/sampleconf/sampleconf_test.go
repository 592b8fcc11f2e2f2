package sampleconf

import (
	_ "embed"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core/config"
)

// options are the sections and options of the sample of Supervisor 4.4 (abc60468).
//
//go:embed testdata/options.txt
var options string

// examples are the values that differ: those of the reference name users and
// directories that are nowhere.
var examples = map[string]string{
	";user=supervisord":             ";user=nobody",
	";user=chrism":                  ";user=nobody",
	";username=chris":               ";username=user",
	";stdout_logfile=/a/path":       ";stdout_logfile=/tmp/out.log",
	";stderr_logfile=/a/path":       ";stderr_logfile=/tmp/err.log",
	";programs=progname1,progname2": ";programs=theprogramname",
}

// option matches a section's header or an option, commented out or not, and leaves
// the comment behind it.
var option = regexp.MustCompile(`(?m)^(;?(?:\[[^\]]+\]|[a-z_.]+ ?= ?[^;\n]*[^;\n ]))(?: +;.*)?$`)

func TestHasWhatTheReferenceHas(t *testing.T) {
	var got []string
	for _, m := range option.FindAllStringSubmatch(sample, -1) {
		got = append(got, m[1])
	}
	want := strings.Split(strings.TrimSpace(options), "\n")
	for i, line := range want {
		if other, ok := examples[line]; ok {
			want[i] = other
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLinesAreOptionsOrComments: nothing is commented out by mistake.
func TestLinesAreOptionsOrComments(t *testing.T) {
	for line := range strings.Lines(sample) {
		line = strings.TrimSuffix(line, "\n")
		if line != "" && line != ";" && !strings.HasPrefix(line, "; ") && !option.MatchString(line) {
			t.Errorf("neither option nor comment: %s", line)
		}
	}
}

type anybody struct{}

func (anybody) User(string) (config.Account, bool) { return config.Account{UID: 1}, true }
func (anybody) UserID(int) (config.Account, bool)  { return config.Account{UID: 1}, true }
func (anybody) Group(string) (int, bool)           { return 1, true }
func (anybody) GroupID(int) bool                   { return true }
func environment(t *testing.T) *config.Environment {
	t.Helper()
	env := config.SystemEnvironment()
	env.Users = anybody{}
	return env
}

// TestIsValid loads the sample as it is, and with everything in it in force: all
// that it names is known.
func TestIsValid(t *testing.T) {
	all := regexp.MustCompile(`(?m)^;([a-z[])`).ReplaceAllString(sample, "$1")
	if strings.Contains(all, "\n;[") || !strings.Contains(all, "\n[program:theprogramname]") {
		t.Fatal("the sample is not uncommented")
	}
	for name, text := range map[string]string{"as it is": sample, "all in force": all} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "supervisord.conf")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(file, environment(t))
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range cfg.Warnings {
				if strings.Contains(w, "Unknown option") {
					t.Error(w)
				}
			}
			if _, err := config.LoadClient(file, environment(t)); err != nil {
				t.Error(err)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestMainPrints(t *testing.T) {
	var out, errs strings.Builder
	if code := Main(&out, &errs); code != 0 || out.String() != sample || errs.String() != "" {
		t.Errorf("code %d, stderr %q, %d bytes", code, errs.String(), out.Len())
	}
	if code := Main(full{}, &errs); code != 1 || errs.String() != "cannot print the sample: full\n" {
		t.Errorf("on a full disk: code %d, stderr %q", code, errs.String())
	}
}
