package difftest

import (
	"fmt"
	"strings"
)

// scenario is a file as it was read: its lines, with answers set apart.
type scenario struct {
	name  string
	steps []*step
}

// step is a command, or a line that is none.
type step struct {
	line    string // the command, a comment or nothing
	input   string // the lines behind "| "
	answers []*answer
}

// answer is what a side answers to a command.
type answer struct {
	side   string // "" for all that have none of their own
	reason string
	text   string
}

func (s *step) isCommand() bool { return s.line != "" && !strings.HasPrefix(s.line, "#") }

// of gives the answer that counts for a side, nil for none.
func (s *step) of(side string) *answer {
	var common *answer
	for _, a := range s.answers {
		switch a.side {
		case side:
			return a
		case "":
			common = a
		}
	}
	return common
}

func (s *step) want(side string) string {
	if a := s.of(side); a != nil {
		return a.text
	}
	return ""
}

func (s *scenario) needs(extension string) bool {
	for _, step := range s.steps {
		if step.line == "config "+extension || strings.Contains(step.input, "supervisor_"+extension) {
			return true
		}
	}
	return false
}

func parse(name, text string) (*scenario, error) {
	s := &scenario{name: name}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		var last *step
		if len(s.steps) > 0 {
			last = s.steps[len(s.steps)-1]
		}
		belongs := strings.HasPrefix(line, "| ") || line == "|" || strings.HasPrefix(line, "  ") || strings.HasPrefix(line, "! ")
		if belongs && (last == nil || !last.isCommand()) {
			return nil, fmt.Errorf("%s:%d: no command stands above %q", name, i+1, line)
		}
		switch {
		case !belongs:
			s.steps = append(s.steps, &step{line: line})
		case line[0] == '|':
			last.input += strings.TrimPrefix(line[1:], " ") + "\n"
		case line[0] == '!':
			side, reason, _ := strings.Cut(line[2:], " ")
			if reason == "" || side != ours && side != installed {
				return nil, fmt.Errorf("%s:%d: want \"! SIDE REASON\", have %q", name, i+1, line)
			}
			last.answers = append(last.answers, &answer{side: side, reason: reason})
		default:
			if len(last.answers) == 0 {
				last.answers = append(last.answers, &answer{})
			}
			last.answers[len(last.answers)-1].text += line[2:] + "\n"
		}
	}
	return s, nil
}

func (s *scenario) String() string {
	var b strings.Builder
	for _, step := range s.steps {
		fmt.Fprintln(&b, step.line)
		for line := range strings.Lines(step.input) {
			fmt.Fprintln(&b, strings.TrimRight("| "+strings.TrimSuffix(line, "\n"), " "))
		}
		for _, a := range step.answers {
			if a.side != "" {
				fmt.Fprintf(&b, "! %s %s\n", a.side, a.reason)
			}
			for line := range strings.Lines(a.text) {
				fmt.Fprint(&b, "  ", line)
			}
		}
	}
	return b.String()
}
