package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Persisted is what was made at run time and is to be made again at the next start.
type Persisted struct {
	Groups   []rpcinterface.GroupInfo
	Programs []PersistedProgram
}

// PersistedProgram is a program with the group that it is in, "" for one of its own
// that has the program's name.
type PersistedProgram struct {
	Group, Name string
	Options     rpcinterface.Struct
}

// persistedHeader tells a person what the file is.
const persistedHeader = `; Groups and programs that were added at run time. supervisord reads this file when
; it starts, and replaces it when something is added, changed or removed.
`

// persistedEnd is the last line. A file that begins as Format's do and lacks it was cut
// off.
const persistedEnd = "\n; end of the file\n"

// Format writes sections that ParsePersisted reads as p: [group:x] for groups, and
// [program:x] for programs, with plugvisor.group where it is one of another name.
func (p *Persisted) Format() string {
	var b strings.Builder
	b.WriteString(persistedHeader)
	for _, g := range p.Groups {
		b.WriteString("\n")
		formatGroup(&b, g)
	}
	for _, program := range p.Programs {
		b.WriteString("\n")
		program.format(&b)
	}
	b.WriteString(persistedEnd)
	return b.String()
}

func (p *PersistedProgram) format(b *strings.Builder) {
	fmt.Fprintf(b, "[%s%s]\n", programPrefix, p.Name)
	if p.Group != "" {
		fmt.Fprintf(b, "%s=%s\n", rpcinterface.PersistedGroupKey, p.Group)
	}
	for _, o := range p.Options {
		fmt.Fprintf(b, "%s=%s\n", o.Name, strings.ReplaceAll(textOf(o.Value), "\n", "\n    "))
	}
}

func formatGroup(b *strings.Builder, g rpcinterface.GroupInfo) {
	fmt.Fprintf(b, "[group:%s]\nprograms=\npriority=%d\n", g.Name, g.Priority)
}

// CheckPersistedGroup says whether a group can be written to a file so that it is read
// as the same.
func CheckPersistedGroup(g rpcinterface.GroupInfo) error {
	var b strings.Builder
	formatGroup(&b, g)
	again, err := ParsePersisted("", b.String())
	if err == nil && (len(again.Programs) != 0 || len(again.Groups) != 1 || again.Groups[0] != g) {
		err = errors.New("it is read as another")
	}
	if err != nil {
		return fmt.Errorf("group %s cannot be written to a file: %w", pytext.ReprString(g.Name), err)
	}
	return nil
}

// CheckPersisted says whether a program can be written to a file so that it is read
// as the same. Values that a comment or a new section would be seen in, say, cannot.
func CheckPersisted(p PersistedProgram) error {
	var b strings.Builder
	p.format(&b)
	again, err := ParsePersisted("", b.String())
	if err == nil && (len(again.Groups) != 0 || len(again.Programs) != 1) {
		err = errors.New("it is not read as one section")
	}
	if err != nil {
		return fmt.Errorf("program %s cannot be written to a file: %w", pytext.ReprString(p.Name), err)
	}
	got := again.Programs[0]
	if got.Name != p.Name || got.Group != p.Group {
		return fmt.Errorf("program %s cannot be written to a file: its name, or its group's, is read as another", pytext.ReprString(p.Name))
	}
	for _, o := range p.Options {
		i := slices.IndexFunc(got.Options, func(m rpcinterface.Member) bool { return m.Name == o.Name })
		if text := textOf(o.Value); i < 0 || got.Options[i].Value != rpcinterface.Value(rpcinterface.String(text)) {
			return fmt.Errorf("program %s cannot be written to a file: %s=%s is read as another value",
				pytext.ReprString(p.Name), o.Name, pytext.ReprString(text))
		}
	}
	return nil
}

// ParsePersisted reads what Format wrote. The error names file, section and key.
// Options are not looked at: that is ParseProgram's.
func ParsePersisted(file, text string) (*Persisted, error) {
	start := text[:min(len(text), len(persistedHeader))]
	if start != "" && strings.HasPrefix(persistedHeader, start) && !strings.HasSuffix(strings.TrimRight(text, "\r\n"), strings.TrimSpace(persistedEnd)) {
		return nil, fmt.Errorf("it does not end with the line \"%s\": it was cut off (file: %s)",
			strings.TrimSpace(persistedEnd), pytext.ReprString(file))
	}
	if err := checkUTF8([]byte(text)); err != nil {
		return nil, err
	}
	blocks, err := scan(file, text)
	if err != nil {
		return nil, err
	}
	p := new(Persisted)
	seen := map[string]bool{}
	for _, b := range blocks {
		if seen[b.name] {
			return nil, inPlace(errors.New("it stands twice"), b.name, file)
		}
		seen[b.name] = true
		if err := p.read(b); err != nil {
			return nil, inPlace(err, b.name, file)
		}
	}
	return p, nil
}

func (p *Persisted) read(b *block) error {
	keys := rpcinterface.Struct{}
	for _, k := range b.keys {
		if _, ok := keys.Get(k.name); ok {
			return fmt.Errorf("%s stands twice", k.name)
		}
		keys = append(keys, rpcinterface.Member{Name: k.name, Value: rpcinterface.String(k.value())})
	}
	if name, ok := strings.CutPrefix(b.name, "group:"); ok {
		return p.readGroup(name, keys)
	}
	name, ok := strings.CutPrefix(b.name, programPrefix)
	if !ok {
		return errors.New("it is neither [group:x] nor [program:x]")
	}
	program := PersistedProgram{Name: name}
	for _, k := range keys {
		if k.Name == rpcinterface.PersistedGroupKey {
			program.Group = textOf(k.Value)
			if name, err := parseName(k.Value); program.Group != "" && (err != nil || name != program.Group || strings.Contains(name, "\n")) {
				return fmt.Errorf("%s=%s is not a name", rpcinterface.PersistedGroupKey, pytext.ReprString(program.Group))
			}
			continue
		}
		program.Options = append(program.Options, k)
	}
	p.Programs = append(p.Programs, program)
	return nil
}

func (p *Persisted) readGroup(name string, keys rpcinterface.Struct) error {
	if bare, err := parseName(rpcinterface.String(name)); err != nil || bare != name || name == "" {
		return cmp.Or(err, errors.New("its name has blanks around it, or is none"))
	}
	g := rpcinterface.GroupInfo{Name: name, Priority: 999}
	for _, k := range keys {
		text := textOf(k.Value)
		switch k.Name {
		case "programs":
			if text != "" {
				return errors.New("programs is not empty; a program says itself what group it is in, with " + rpcinterface.PersistedGroupKey)
			}
		case "priority":
			n, err := strconv.ParseInt(text, 10, 64)
			if err != nil {
				return fmt.Errorf("priority=%s is not a number", pytext.ReprString(text))
			}
			g.Priority = n
		default:
			return fmt.Errorf("a group has no key %s", k.Name)
		}
	}
	p.Groups = append(p.Groups, g)
	return nil
}

// Unique gives options by their names in lower case, of which the last one counts.
// Those that are nil are absent.
func Unique(options rpcinterface.Struct) rpcinterface.Struct {
	var out rpcinterface.Struct
	places := map[string]int{}
	for _, o := range options {
		o.Name = strings.ToLower(o.Name)
		i, again := places[o.Name]
		switch {
		case isNil(o.Value):
		case again:
			out[i] = o
		default:
			places[o.Name] = len(out)
			out = append(out, o)
		}
	}
	return out
}

// AsText gives options as a file would have them.
func AsText(options rpcinterface.Struct) rpcinterface.Struct {
	out := make(rpcinterface.Struct, len(options))
	for i, o := range options {
		out[i] = rpcinterface.Member{Name: o.Name, Value: rpcinterface.String(textOf(o.Value))}
	}
	return out
}
