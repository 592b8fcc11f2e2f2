package process

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// reach brings a machine into a state by the shortest way.
func reach(t *testing.T, state State) *player {
	p := &player{t: t, m: New(defaultSpec()), now: epoch}
	for _, line := range map[State][]string{
		Stopped:      nil,
		Spawning:     {"start"},
		SpawningStop: {"start", "stop"},
		Starting:     {"start", "spawned 1"},
		Running:      {"start", "spawned 1", "after 1s"},
		Backoff:      {"start", "spawned 1", "exit 1"},
		Stopping:     {"start", "spawned 1", "after 1s", "stop"},
		Exited:       {"start", "spawned 1", "after 1s", "exit 0"},
		Fatal:        {"start", "spawned 1", "exit 1", "give-up"},
		Unknown:      {"start", "spawned 1", "after 1s", "kill-failed x"},
	}[state] {
		p.command(line)
	}
	if p.m.State() != state {
		t.Fatalf("reached %v, want %v", p.m.State(), state)
	}
	p.out.Reset()
	return p
}

// Every state meets every event; what comes of it is one transcript, so that a
// change of the table is seen whole.
func TestEveryStateAndEvent(t *testing.T) {
	commands := [numEvents]string{"start", "spawned 2", "spawn-failed why", "exit 1", "deadline", "stop",
		"signal 1", "give-up", "kill-failed why", "report"}
	var out strings.Builder
	for state := range numStates {
		for kind := range numEvents {
			p := reach(t, state)
			fmt.Fprintf(&out, "%v × %v\n", state, kind)
			p.command(commands[kind])
			out.WriteString(p.out.String())
		}
	}
	golden(t, "testdata/every.golden", out.String())
}

// The rule that is found must be one that the machine obeys: the states of the
// table are those in which Step ends.
func TestTableIsObeyed(t *testing.T) {
	seen := map[[2]int]bool{}
	for i, r := range table {
		if r.action == nil {
			t.Errorf("rule %d has no action", i)
		}
		if r.when == "" && r.guard != nil && r.on != Deadline {
			t.Errorf("rule %d has a condition without a name", i)
		}
		key := [2]int{int(r.from), int(r.on)}
		if seen[key] {
			t.Errorf("rule %d (%v, %v) can never be reached", i, r.from, r.on)
		}
		seen[key] = r.guard == nil
	}
}

func TestDiagram(t *testing.T) {
	var b strings.Builder
	b.WriteString("# States of a process\n\nMade from the table in `core/process/table.go` by `go test ./core/process -update`.\n\n")
	b.WriteString("```mermaid\nstateDiagram-v2\n    [*] --> Stopped\n")
	for _, r := range table {
		label := r.on.String()
		if r.when != "" {
			label += " [" + r.when + "]"
		}
		fmt.Fprintf(&b, "    %s --> %s: %s\n", ids[r.from], ids[r.to], label)
	}
	b.WriteString("```\n\n| state | shown as | event | condition | next state |\n|---|---|---|---|---|\n")
	for _, r := range table {
		fmt.Fprintf(&b, "| %s | %v | %v | %s | %s |\n", ids[r.from], r.from.Public(), r.on, r.when, ids[r.to])
	}
	b.WriteString("\nAn event that is not in the table does nothing.\n")
	golden(t, "../../docs/process-states.md", b.String())
}

var ids = [numStates]string{"Stopped", "Spawning", "SpawningStop", "Starting", "Running",
	"Backoff", "Stopping", "Exited", "Fatal", "Unknown"}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (run with -update and look at the diff):\n%s", path, got)
	}
}
