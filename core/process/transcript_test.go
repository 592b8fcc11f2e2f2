package process

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
)

var update = flag.Bool("update", false, "write the transcripts and the documentation anew")

// A transcript is a list of commands; what the machine does stands below each,
// indented by two blanks. Commands:
//
//	new [option=value ...]   a machine; options are those of [program:x]
//	after DURATION           virtual time passes; deadlines on the way are handled
//	arm, freeze              Machine.Arm, Machine.Freeze
//	start, stop, give-up, report, spawned PID, spawn-failed TEXT, signal N,
//	exit CODE, killed SIGNAL, kill-failed TEXT
//	listener                 an event listener's protocol, from its start
//	output "TEXT"            what it writes, as a Go string
//	sent, accept, reject, break
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := replay(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != string(want) {
				t.Errorf("transcript differs (run with -update and look at the diff):\n%s", got)
			}
		})
	}
}

type player struct {
	t   *testing.T
	m   *Machine
	l   *Listener
	now time.Time
	out strings.Builder
}

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func replay(t *testing.T, script string) string {
	p := &player{t: t, now: epoch}
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue
		}
		fmt.Fprintln(&p.out, line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		p.command(line)
	}
	return p.out.String()
}

func (p *player) command(line string) {
	word, rest, _ := strings.Cut(line, " ")
	number, _ := strconv.Atoi(rest)
	switch word {
	case "new":
		p.m = New(specOf(p.t, strings.Fields(rest)))
	case "arm":
		p.m.Arm(p.now)
		p.status()
	case "freeze":
		p.m.Freeze()
		p.status()
	case "listener":
		p.l = NewListener("el")
	case "output", "sent", "accept", "reject", "break":
		p.listen(word, rest)
	case "after":
		d, err := time.ParseDuration(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		p.pass(p.now.Add(d))
	default:
		ev, ok := map[string]Event{
			"start":        {Kind: Start},
			"stop":         {Kind: Stop},
			"give-up":      {Kind: GiveUp},
			"report":       {Kind: Report},
			"deadline":     {Kind: Deadline},
			"spawned":      {Kind: Spawned, PID: number},
			"spawn-failed": {Kind: SpawnFailed, Message: rest},
			"signal":       {Kind: Signal, Signal: number},
			"exit":         {Kind: Ended, Status: Status{Code: number}},
			"killed":       {Kind: Ended, Status: Status{Signal: number}},
			"kill-failed":  {Kind: KillFailed, Message: rest},
		}[word]
		if !ok {
			p.t.Fatalf("unknown command %q", line)
		}
		p.step(ev)
		p.status()
	}
}

func (p *player) pass(until time.Time) {
	for {
		due := p.m.Deadline()
		if due.IsZero() || due.After(until) {
			break
		}
		p.now = due
		fmt.Fprintf(&p.out, "  at %v:\n", p.now.Sub(epoch))
		p.step(Event{Kind: Deadline})
	}
	p.now = until
	p.status()
}

func (p *player) step(ev Event) {
	effects, ok := p.m.Step(p.now, ev)
	if !ok {
		fmt.Fprintln(&p.out, "  ignored")
	}
	p.show(effects)
}

func (p *player) listen(word, rest string) {
	switch word {
	case "output":
		text, err := strconv.Unquote(rest)
		if err != nil {
			p.t.Fatal(err)
		}
		p.show(p.l.Output([]byte(text)))
	case "sent":
		p.l.Sent()
	case "accept":
		p.show(p.l.Judged(Accept))
	case "reject":
		p.show(p.l.Judged(Reject))
	case "break":
		p.show(p.l.Judged(Break))
	}
	fmt.Fprintf(&p.out, "  = %v\n", p.l.State())
}

func (p *player) show(effects []Effect) {
	for _, effect := range effects {
		switch e := effect.(type) {
		case Judge:
			fmt.Fprintf(&p.out, "  judge %q\n", e.Result)
		case Rejected:
			fmt.Fprintln(&p.out, "  rejected")
		case SpawnProcess:
			fmt.Fprintln(&p.out, "  spawn")
		case Kill:
			fmt.Fprintf(&p.out, "  kill pid=%d signal=%d group=%v stop=%v\n", e.PID, e.Signal, e.Group, e.Stop)
		case Log:
			fmt.Fprintf(&p.out, "  log %v %s\n", e.Level, e.Message)
		case Change:
			fmt.Fprintf(&p.out, "  %v -> %v (pid=%d tries=%d expected=%v)\n", e.From, e.To, e.PID, e.Tries, e.Expected)
		}
	}
}

func (p *player) status() {
	m := p.m
	fmt.Fprintf(&p.out, "  = %v", m.State())
	if m.PID() != 0 {
		fmt.Fprintf(&p.out, " pid=%d", m.PID())
	}
	if m.ExitStatus() != 0 {
		fmt.Fprintf(&p.out, " exit=%d", m.ExitStatus())
	}
	if m.SpawnErr() != "" {
		fmt.Fprintf(&p.out, " spawnerr=%q", m.SpawnErr())
	}
	if m.Killing() {
		fmt.Fprint(&p.out, " killing")
	}
	if d := m.Deadline(); !d.IsZero() {
		fmt.Fprintf(&p.out, " due=%v", d.Sub(epoch))
	}
	fmt.Fprintln(&p.out)
}

func specOf(t *testing.T, options []string) *core.ProcessSpec {
	spec := defaultSpec()
	for _, option := range options {
		name, value, _ := strings.Cut(option, "=")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "autostart":
			spec.Autostart = value == "true"
		case "autorestart":
			spec.Autorestart = map[string]core.Autorestart{
				"true": core.RestartAlways, "false": core.RestartNever, "unexpected": core.RestartUnexpected}[value]
		case "startsecs":
			spec.StartSecs = n
		case "startretries":
			spec.StartRetries = n
		case "stopsignal":
			spec.StopSignal = int(n)
		case "stopwaitsecs":
			spec.StopWaitSecs = n
		case "stopasgroup":
			spec.StopAsGroup, spec.KillAsGroup = true, true
		case "killasgroup":
			spec.KillAsGroup = true
		case "exitcodes":
			spec.ExitCodes = nil
			for code := range strings.SplitSeq(value, ",") {
				c, err := strconv.Atoi(code)
				if err != nil {
					t.Fatal(err)
				}
				spec.ExitCodes = append(spec.ExitCodes, c)
			}
		default:
			t.Fatalf("unknown option %q", option)
		}
	}
	return spec
}

func defaultSpec() *core.ProcessSpec {
	return &core.ProcessSpec{
		Name: "cat", Command: "/bin/cat", Priority: 999, Autostart: true,
		Autorestart: core.RestartUnexpected, StartSecs: 1, StartRetries: 3,
		StopSignal: 15, StopWaitSecs: 10, ExitCodes: []int{0},
	}
}
