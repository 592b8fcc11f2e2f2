package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// What random sequences draw from. g is the main file's, with p and q.
var (
	storeGroups   = []string{"g", "g1", "g2", "a", "b", "nowhere"}
	storePrograms = []string{"a", "b", "c", "d"}
)

// TestTwiddlerStore does random things to twiddler. After each the file, as it would be
// read at the next start, says what lives; what is refused changes neither; and rereading
// finds nothing to do.
func TestTwiddlerStore(t *testing.T) {
	t.Parallel()
	const steps, limit, enough = 400, 2 * time.Second, 3
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	s := persisting(t, "[group:g]\nprograms=p,q\n[program:p]\ncommand=/bin/cat\nstartsecs=0\n[program:q]\ncommand=/bin/cat\nstartsecs=0\nautostart=false\n")
	d := s.start()
	s.waitState("g:p", "RUNNING")

	live, text := s.live(), s.read("dynamic.conf")
	done, changed := 0, 0
	killed := false
	for begun := time.Now(); done < steps && (time.Since(begun) < limit || changed < enough); done++ {
		method, args := randomChange(r, live)
		got := outcome(s, method, args...)
		now, written := s.live(), s.read("dynamic.conf")
		what := fmt.Sprintf("seed %d, step %d, %s%v: %s", seed, done, method, args, got)
		switch code, _, _ := strings.Cut(got, " "); {
		case slices.Contains([]string{"2", "3", "10", "30", "60", "90", "91"}, code):
			if now != live || written != text {
				t.Fatalf("%s: there was\n%s\nand is\n%s\nthe file had\n%s\nand has\n%s", what, live, now, text, written)
			}
		case code != "" && strings.Trim(code, "0123456789") == "": // another fault
			t.Fatal(what)
		}
		if got := kept(t, s.path("dynamic.conf"), written); got != now {
			t.Fatalf("%s: there is\n%s\nand the file says\n%s\n%s", what, now, got, written)
		}
		if now != live {
			changed++
		}
		live, text = now, written
		if done%10 == 9 {
			expect(s, "[[[] [] []]]", "supervisor.reloadConfig")
		}
		if !killed && (done > steps/3 || time.Since(begun) > limit/2) {
			killed = true
			pid := d.plugins()[0]
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			poll(t, "twiddler runs again", func() bool { list := d.plugins(); return len(list) == 1 && list[0] != pid })
		}
	}
	t.Logf("%d steps, of which %d changed something", done, changed)
	if changed < enough {
		t.Errorf("%d steps changed %d times", done, changed)
	}
	from := d.log.count()
	d.signal(syscall.SIGHUP)
	d.waitFrom(from, "supervisord started with pid")
	if again := s.live(); again != live {
		t.Errorf("seed %d: before a restart there was\n%s\nafter it\n%s\n%s", seed, live, again, text)
	}
	if again := s.read("dynamic.conf"); again != text {
		t.Errorf("seed %d: the file had\n%s\nafter a restart\n%s", seed, text, again)
	}
}

// randomChange is a method with its arguments. About half of them are refused.
func randomChange(r *rand.Rand, live string) (method string, args []any) {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	group, name := pick(storeGroups), pick(storePrograms)
	if there := aProgram.FindAllStringSubmatch(live, -1); there != nil && r.IntN(3) > 0 {
		p := there[r.IntN(len(there))]
		name, group = p[1], p[2]
	}
	program := func() options {
		o := cat("autostart", "false")
		if r.IntN(3) > 0 {
			o["numprocs"], o["process_name"] = fmt.Sprint(1+r.IntN(12)), "%(program_name)s_%(process_num)d"
		}
		if r.IntN(4) == 0 {
			o["environment"] = "A=\"eins\",\nB=\"50%%\""
		}
		if r.IntN(10) == 0 {
			o["priority"] = "high"
		}
		return o
	}
	switch r.IntN(10) {
	case 0:
		return "twiddler.addGroup", []any{group, options{"priority": fmt.Sprint(r.IntN(3))}}
	case 1:
		return "twiddler.removeGroup", []any{pick(storeGroups)}
	case 2:
		return "twiddler.addProgram", []any{name, program()}
	case 3:
		return "twiddler.addProgramToGroup", []any{group, name, program()}
	case 4:
		var list []any
		for range 1 + r.IntN(3) {
			p := options{"name": pick(storePrograms), "options": program()}
			if r.IntN(2) == 0 {
				p["group"] = pick(storeGroups)
			}
			list = append(list, p)
		}
		return "twiddler.addPrograms", []any{list}
	case 5:
		return "twiddler.setNumProcs", []any{group, name, r.IntN(13)}
	case 6:
		change := []options{
			{"priority": pick([]string{"1", "7", "", "high"})}, {"stopsignal": "KILL"}, {"command": pick([]string{"/bin/cat -u", "a ; b"})},
			{"environment": pick([]string{"", "A=\"1\",\nB=\"zwei\"", "%(nope)s"})},
		}[r.IntN(4)]
		return "twiddler.updateProgram", []any{group, name, change, pick([]string{"now", "rolling", "next"}), r.IntN(4) == 0}
	case 7:
		return "twiddler.removeProgram", []any{group, name, r.IntN(2) == 0}
	case 8:
		if r.IntN(4) == 0 {
			return "twiddler.removeProcessFromGroup", []any{"g", pick([]string{"p", "q", "q"})}
		}
		return "twiddler.removeProcessFromGroup", []any{group, pick([]string{name, name + "_0"})}
	default:
		return "supervisor.startProcess", []any{group + ":" + pick([]string{name, name + "_0", "*"})}
	}
}

var aProgram = regexp.MustCompile(`(?m)^program (\w+) in (\w+) `)

var numbered = regexp.MustCompile(`_\d+$`)

// live is what lives: groups with their priorities where they have
// processes, and programs with options and processes.
func (s *site) live() string {
	s.t.Helper()
	priorities := map[string]string{}
	for _, c := range answer[[]map[string]any](s, "supervisor.getAllConfigInfo") {
		priorities[fmt.Sprint(c["group"])] = fmt.Sprint(" ", c["group_prio"])
	}
	var lines []string
	for _, group := range answer[[]string](s, "twiddler.getGroupNames") {
		lines = append(lines, "group "+group+priorities[group])
	}
	processes := map[string][]string{} // by "group/program"
	for _, p := range answer[[]info](s, "supervisor.getAllProcessInfo") {
		key := p.Group + "/" + numbered.ReplaceAllString(p.Name, "")
		processes[key] = append(processes[key], p.Name)
	}
	for key, names := range processes {
		group, program, _ := strings.Cut(key, "/")
		lines = append(lines, programLine(group, program, answer[map[string]string](s, "twiddler.getProgramOptions", group, program), names))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func programLine(group, program string, options map[string]string, processes []string) string {
	slices.Sort(processes)
	return fmt.Sprintf("program %s in %s %q %v", program, group, options, processes)
}

// kept is the same of the file, with what the main file has.
func kept(t *testing.T, path, text string) string {
	t.Helper()
	p, err := config.ParsePersisted(path, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	groups := map[string]string{"g": "999"}
	for _, g := range p.Groups {
		groups[g.Name] = fmt.Sprint(g.Priority)
	}
	filled := map[string]bool{"g": true}
	lines := []string{
		programLine("g", "p", map[string]string{"command": "/bin/cat", "startsecs": "0"}, []string{"p"}),
		programLine("g", "q", map[string]string{"command": "/bin/cat", "startsecs": "0", "autostart": "false"}, []string{"q"}),
	}
	for _, program := range p.Programs {
		options := map[string]string{}
		for _, o := range program.Options {
			options[o.Name] = string(o.Value.(rpcinterface.String))
		}
		if program.Group == "" {
			groups[program.Name] = cmp.Or(options["priority"], "999")
		}
		group := cmp.Or(program.Group, program.Name)
		filled[group] = true
		names := []string{program.Name}
		if options["process_name"] != "" {
			n, err := strconv.Atoi(options["numprocs"])
			if err != nil {
				t.Fatal(err)
			}
			names = nil
			for i := range n {
				names = append(names, fmt.Sprintf("%s_%d", program.Name, i))
			}
		}
		lines = append(lines, programLine(group, program.Name, options, names))
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		priority := ""
		if filled[name] {
			priority = " " + groups[name]
		}
		lines = append(lines, "group "+name+priority)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
