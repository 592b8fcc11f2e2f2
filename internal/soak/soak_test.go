package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The test's executable is daemon, plugin, listener and program as well.
func TestMain(m *testing.M) {
	if playRole() {
		return
	}
	os.Exit(m.Run())
}

// A soak that is too short for a leak, but not for what is simply wrong.
func TestSoak(t *testing.T) {
	ok, err := run(t.Context(), t.Output(), plan{duration: 15 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("not all is well")
	}
}

func TestCount(t *testing.T) {
	line := func(run, n int) string {
		return fmt.Sprintf("p %d %d %s\n", run, n, lineText)
	}
	whole := line(1, 0) + line(1, 1) + line(2, 0) + line(3, 0) + line(3, 1)
	for _, c := range []struct {
		name, old, log, done string
		wrong                string // part of the complaint, "" for none
	}{
		{"whole", whole[:30], whole[30:], "1 2\n3 2\n", ""},
		{"run was killed", "", whole, "1 2\n", ""},
		{"last line lost", "", whole, "1 3\n3 2\n", "run 1 of p has 2 lines of 3"},
		{"line lost", line(1, 0), line(1, 2), "", "line 2 of run 1 of p comes where line 1 should be"},
		{"line twice", line(1, 0), line(1, 0), "", "line 0 of run 1 of p comes where line 1 should be"},
		{"run lost", "", whole, "4 2\n", "run 4 of p is missing"},
		{"bytes lost", whole[:30], whole[90:], "", "there is the line"},
		{"end lost", "", whole[:len(whole)-10], "", "there is the line"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &soak{dir: t.TempDir()}
			for name, text := range map[string]string{"p.out.1": c.old, "p.out": c.log, "p.done": c.done} {
				if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			found, err := s.tally("p.out", "p")
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(found.wrong, "\n")
			if (got == "") != (c.wrong == "") || !strings.Contains(got, c.wrong) {
				t.Errorf("complaint %q, want %q", got, c.wrong)
			}
		})
	}
}

func TestListen(t *testing.T) {
	const event = "ver:3.0 server:supervisor serial:21 pool:listener poolserial:10 eventname:TICK_5 len:5\nabcde"
	for manner, want := range map[string]string{
		"accept": strings.Repeat("READY\nRESULT 2\nOK", 3) + "READY\n",
		"reject": strings.Repeat("READY\nRESULT 2\nOK", 2) + "READY\nRESULT 4\nFAILREADY\n",
	} {
		var out bytes.Buffer
		listen(strings.NewReader(strings.Repeat(event, 3)), &out, manner)
		if out.String() != want {
			t.Errorf("%s: %q, want %q", manner, out.String(), want)
		}
	}
	for manner, last := range map[string]string{"die": "READY\n", "babble": "what was the question?\nREADY\n"} {
		var out bytes.Buffer
		listen(strings.NewReader(strings.Repeat(event, 20)), &out, manner)
		if !strings.HasSuffix(out.String(), last) {
			t.Errorf("%s: %q at the end", manner, out.String()[out.Len()-40:])
		}
	}
}
