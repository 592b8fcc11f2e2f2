package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

type options = map[string]any

// persisting makes a site that has a section of twiddler with a file. In body DIR stands
// for the site's directory.
func persisting(t *testing.T, body string) *site {
	t.Helper()
	s := newBareSite(t)
	s.write(strings.ReplaceAll(fmt.Sprintf(basics, s.addr)+persistSection+body, "DIR", s.dir))
	return s
}

const persistSection = "\n[rpcinterface:twiddler]\nsupervisor.rpcinterface_factory = twiddler\npersist = DIR/dynamic.conf\n"

// cat is a program that does nothing.
func cat(more ...string) options {
	o := options{"command": "/bin/cat", "startsecs": "0"}
	for i := 0; i < len(more); i += 2 {
		o[more[i]] = more[i+1]
	}
	return o
}

// states is all processes as "group:process=STATE", and the groups.
func (s *site) states() string {
	s.t.Helper()
	var words []string
	for _, p := range answer[[]info](s, "supervisor.getAllProcessInfo") {
		words = append(words, p.Group+":"+p.Name+"="+p.StateName)
	}
	return fmt.Sprint(words, answer[[]string](s, "twiddler.getGroupNames"))
}

func (s *site) wantStates(want string) {
	s.t.Helper()
	if got := s.states(); got != want {
		s.t.Errorf("there is %s, want %s", got, want)
	}
}

func (s *site) waitState(name, state string) {
	s.t.Helper()
	poll(s.t, name+" to be "+state, func() bool {
		return answer[info](s, "supervisor.getProcessInfo", name).StateName == state
	})
}

// argv is what a process that runs was executed with. The kernel has it a moment after
// the execution.
func (s *site) argv(name string) (argv string) {
	s.t.Helper()
	path := fmt.Sprintf("/proc/%d/cmdline", s.pids()[name])
	poll(s.t, path, func() bool {
		text, err := os.ReadFile(path)
		if err != nil {
			s.t.Fatal(err)
		}
		argv = strings.ReplaceAll(strings.TrimSuffix(string(text), "\x00"), "\x00", " ")
		return argv != ""
	})
	return argv
}

// TestTwiddlerPrograms makes, changes and removes groups and programs.
func TestTwiddlerPrograms(t *testing.T) {
	t.Parallel()
	s := newBareSite(t)
	s.write(fmt.Sprintf(basics, s.addr) + twiddler + "[group:web]\nprograms=app\n[program:app]\ncommand=/bin/cat\nstartsecs=0\n" +
		s.listener("OK", "PROCESS_GROUP,REMOTE_COMMUNICATION", "supervisor.dispatchers:default_handler"))
	d := s.start()
	expect(s, "2.0", "twiddler.getExtensionVersion")
	expect(s, "1.0", "twiddler.getAPIVersion")
	expect(s, "true", "twiddler.addGroup", "batch", options{"priority": 5})
	d.waitFile("events", "groupname:batch")
	d.waitFile("events", "type:twiddler\naction:addGroup group:batch program:")
	expect(s, "90 ALREADY_ADDED: batch", "twiddler.addGroup", "batch")
	expect(s, "true", "twiddler.addProgram", "solo", cat())
	expect(s, "90 ALREADY_ADDED: solo", "twiddler.addProgram", "solo", cat())
	s.waitState("solo", "RUNNING")
	s.waitState("web:app", "RUNNING")

	// Many or none.
	list := func(last string) []any {
		return []any{options{"name": "one", "options": cat()}, options{"group": "batch", "name": "two", "options": cat("numprocs", "2", "process_name", "two_%(process_num)d")},
			options{"group": last, "name": "three", "options": cat("autostart", "false")}}
	}
	expect(s, "10 BAD_NAME: group: nowhere", "twiddler.addPrograms", list("nowhere"))
	s.wantStates("[el:el=RUNNING solo:solo=RUNNING web:app=RUNNING] [el web batch solo]")
	expect(s, "true", "twiddler.addPrograms", list("web"))
	s.waitState("batch:two_1", "RUNNING")
	s.waitState("one", "RUNNING")

	// Values of all kinds come back as they would stand in a file.
	odd := cat("environment", "A=\"two\nlines, %%d and 'quotes'\",B=\"é€😀 <&>\"", "priority", "7", "autostart", "false")
	odd["stopwaitsecs"] = 3
	odd["redirect_stderr"] = true
	expect(s, "true", "twiddler.addProgramToGroup", "batch", "odd", odd)
	want := "map[autostart:false command:/bin/cat environment:A=\"two\nlines, %%d and 'quotes'\",B=\"é€😀 <&>\" priority:7 redirect_stderr:True startsecs:0 stopwaitsecs:3]"
	expect(s, want, "twiddler.getProgramOptions", "batch", "odd")
	expect(s, "map[command:/bin/cat startsecs:0]", "twiddler.getProgramOptions", "web", "app")
	expect(s, "10 BAD_NAME: group: nowhere", "twiddler.getProgramOptions", "nowhere", "odd")
	expect(s, "10 BAD_NAME: even", "twiddler.getProgramOptions", "batch", "even")

	expect(s, "map[added:[two_2 two_3] removed:[]]", "twiddler.setNumProcs", "batch", "two", 4)
	s.waitState("batch:two_3", "RUNNING")
	expect(s, "map[added:[] removed:[two_3 two_2 two_1]]", "twiddler.setNumProcs", "batch", "two", 1)
	expect(s, "3 BAD_ARGUMENTS: numprocs 0: a program has one process at least; remove the program instead", "twiddler.setNumProcs", "batch", "two", 0)

	expect(s, "91 STILL_RUNNING: two_0", "twiddler.removeProgram", "batch", "two")
	expect(s, "91 STILL_RUNNING: batch", "twiddler.removeGroup", "batch")
	expect(s, "true", "twiddler.removeProgram", "batch", "two", true)
	expect(s, "true", "twiddler.removeGroup", "batch")
	d.waitFile("events", "type:twiddler\naction:removeGroup group:batch program:")
	expect(s, "true", "twiddler.removeProgram", "one", "one", true)
	if got := answer[[]string](s, "extension.getDynamicProcesses"); fmt.Sprint(got) != "[solo web:three]" {
		t.Errorf("dynamic are %v", got)
	}
	s.wantStates("[el:el=RUNNING solo:solo=RUNNING web:app=RUNNING web:three=STOPPED] [el web solo]")
	// As in the reference, update would take away what was added.
	expect(s, "[[[] [web] [solo]]]", "supervisor.reloadConfig")

	var actions []string
	for _, c := range answer[[]map[string]any](s, "twiddler.getChanges") {
		actions = append(actions, fmt.Sprint(c["action"]))
	}
	if got, want := strings.Join(actions, " "), "addGroup addProgram addPrograms addProgramToGroup setNumProcs setNumProcs removeProgram removeGroup removeProgram"; got != want {
		t.Errorf("changes %s, want %s", got, want)
	}
	if events := s.read("events"); strings.Count(events, "action:addProgram ") != 1 || !strings.Contains(events, "groupname:solo") {
		t.Errorf("events\n%s", events)
	}

	// As commands.
	for _, c := range []struct{ line, want string }{
		{"twiddler add shell command=/bin/cat startsecs=0 numprocs=2 process_name=%(program_name)s_%(process_num)d", "true\n"},
		{"twiddler scale shell shell 3", "added [\"shell_2\"], removed []\n"},
		{"twiddler update shell shell priority=3", "shell_0              live       [\"priority\"] \nshell_1              live       [\"priority\"] \nshell_2              live       [\"priority\"] \n"},
		{"twiddler remove shell shell true", "true\n"},
	} {
		out, code := s.run(filepath.Join(s.bin, "supervisorctl"), append([]string{"-c", s.conf}, strings.Fields(c.line)...)...)
		if out != c.want || code != 0 {
			t.Errorf("%s: %d %q, want %q", c.line, code, out, c.want)
		}
	}
	out, _ := s.run(filepath.Join(s.bin, "supervisorctl"), "-c", s.conf, "twiddler", "changes")
	if !strings.Contains(out, "removeProgram") {
		t.Errorf("changes %q", out)
	}
}

// trapper is a program that writes which signal ends it, and what it wrote before.
const trapper = `/bin/sh -c "trap 'echo TERM >>%(here)s/ended; exit 0' TERM; trap 'echo INT >>%(here)s/ended; exit 0' INT; echo up; while read -r line; do echo $line; [ $line = quit ] && exit 0; done"`

// TestTwiddlerUpdateLive changes what a process can take while it runs.
func TestTwiddlerUpdateLive(t *testing.T) {
	t.Parallel()
	s := newBareSite(t)
	s.write(fmt.Sprintf(basics, s.addr) + twiddler + s.listener("OK", "PROCESS_LOG_STDOUT", "supervisor.dispatchers:default_handler"))
	d := s.start()
	expect(s, "true", "twiddler.addProgram", "p", options{"command": trapper, "startsecs": "0", "stdout_logfile": "%(here)s/p.out"})
	d.waitFile("p.out", "up")
	s.waitState("p:p", "RUNNING")
	before := s.pids()
	update := func(o options, want string) {
		t.Helper()
		expect(s, want, "twiddler.updateProgram", "p", "p", o, "now", true)
		expect(s, want, "twiddler.updateProgram", "p", "p", o)
	}
	update(options{"stopsignal": "INT", "autorestart": "true", "stdout_logfile_maxbytes": "10", "stdout_logfile_backups": "1", "stdout_events_enabled": "true"},
		"[map[changed:[autorestart stdout_events_enabled stdout_logfile_backups stdout_logfile_maxbytes stopsignal] how:live name:p reason:<nil>]]")
	if after := s.pids(); after["p:p"] != before["p:p"] {
		t.Errorf("the pid was %d, is %d", before["p:p"], after["p:p"])
	}
	expect(s, "true", "supervisor.sendProcessStdin", "p", "a line that is long enough\n")
	d.waitFile("p.out.1", "a line that is long enough")
	d.waitFile("events", "a line that is long enough")
	expect(s, "true", "supervisor.sendProcessStdin", "p", "quit\n")
	poll(t, "p is started again", func() bool { pid := s.pids()["p:p"]; return pid != 0 && pid != before["p:p"] })
	d.waitFile("p.out", "up")
	expect(s, "true", "supervisor.stopProcess", "p")
	if got := s.read("ended"); got != "INT\n" {
		t.Errorf("it was stopped with %q", got)
	}
}

// TestTwiddlerRolling replaces processes one by one until one fails.
func TestTwiddlerRolling(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler)
	s := d.site
	expect(s, "true", "twiddler.addProgram", "w", cat("numprocs", "3", "process_name", "w_%(process_num)d", "startretries", "0", "startsecs", "1", "autorestart", "false"))
	for i := range 3 {
		s.waitState(fmt.Sprintf("w:w_%d", i), "RUNNING")
	}
	before := s.pids()
	// One of them is found, and cannot be executed.
	for i, interpreter := range []string{"/bin/cat", "/no/such", "/bin/cat"} {
		if err := os.WriteFile(s.path(fmt.Sprint("run_", i)), []byte("#!"+interpreter+" -\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	const script = "%(here)s/run_%(process_num)d"
	expect(s, "[map[changed:[command] how:restarted name:w_0 reason:<nil>] map[changed:[command] how:failed name:w_1 reason:SPAWN_ERROR: w:w_1] map[changed:[command] how:kept name:w_2 reason:<nil>]]",
		"twiddler.updateProgram", "w", "w", options{"command": script}, "rolling")
	s.waitState("w:w_1", "FATAL")
	after := s.pids()
	if after["w:w_0"] == before["w:w_0"] || after["w:w_0"] == 0 || after["w:w_2"] != before["w:w_2"] || after["w:w_1"] != 0 {
		t.Errorf("pids were %v, are %v", before, after)
	}
	expect(s, "[map[changed:[command] how:restarted name:w_0 reason:<nil>] map[changed:[command] how:next name:w_1 reason:<nil>] map[changed:[command] how:restarted name:w_2 reason:<nil>]]",
		"twiddler.updateProgram", "w", "w", options{"command": "/bin/cat -u"}, "rolling")
	expect(s, "[map[changed:[command] how:failed name:w_0 reason:NO_FILE: can't find command '/no/such'] map[changed:[command] how:next name:w_1 reason:<nil>] map[changed:[command] how:kept name:w_2 reason:<nil>]]",
		"twiddler.updateProgram", "w", "w", options{"command": "/no/such"}, "rolling")
	if again := s.pids(); again["w:w_0"] == 0 || again["w:w_2"] == 0 {
		t.Errorf("a missing command stopped %v", again)
	}
	// What it fails with is gone with the next one.
	pids := s.pids()
	expect(s, "[map[changed:[command] how:next name:w_0 reason:<nil>] map[changed:[command] how:next name:w_1 reason:<nil>] map[changed:[command] how:next name:w_2 reason:<nil>]]",
		"twiddler.updateProgram", "w", "w", options{"command": "/bin/cat -A"}, "next")
	if again := s.pids(); again["w:w_0"] != pids["w:w_0"] {
		t.Errorf("pids were %v, are %v", pids, again)
	}
	expect(s, "true", "supervisor.stopProcess", "w:w_0")
	expect(s, "true", "supervisor.startProcess", "w:w_0")
	if argv := s.argv("w:w_0"); argv != "/bin/cat -A" {
		t.Errorf("it runs %q", argv)
	}
}

// TestTwiddlerPersists finds the same after a restart of the daemon, by SIGHUP and as a
// new process.
func TestTwiddlerPersists(t *testing.T) {
	t.Parallel()
	s := persisting(t, "[group:web]\nprograms=app\n[program:app]\ncommand=/bin/cat\nstartsecs=0\n")
	d := s.start()
	expect(s, "true", "twiddler.addGroup", "batch", options{"priority": "5"})
	expect(s, "true", "twiddler.addProgram", "solo", cat("environment", "A=\"two\nlines and %%d\",B=\"é€😀\""))
	expect(s, "true", "twiddler.addProgramToGroup", "web", "w", cat("numprocs", "2", "process_name", "w_%(process_num)d"))
	expect(s, "true", "twiddler.addProgramToGroup", "batch", "job", cat("autostart", "false"))
	expect(s, "map[added:[w_2] removed:[]]", "twiddler.setNumProcs", "web", "w", 3)
	expect(s, "[map[changed:[command] how:next name:w_0 reason:<nil>] map[changed:[command] how:next name:w_1 reason:<nil>] map[changed:[command] how:next name:w_2 reason:<nil>]]",
		"twiddler.updateProgram", "web", "w", options{"command": "/bin/cat -u"}, "next")
	expect(s, "2 INCORRECT_PARAMETERS: program 'bad' cannot be written to a file: command='/bin/cat ; x' is read as another value", "twiddler.addProgram", "bad", cat("command", "/bin/cat ; x"))
	expect(s, "30 FAILED: w_1 is one of 3 processes of the persisted program w: change their number, or remove the program", "twiddler.removeProcessFromGroup", "web", "w_1")
	expect(s, "30 FAILED: program app of group web does not stand in "+s.path("dynamic.conf")+", so the change would not last: make it in the configuration file",
		"twiddler.updateProgram", "web", "app", options{"priority": "1"})
	// Running or not: what stands in the main file cannot be removed so that it lasts.
	const notHere = " stands in the configuration file, so its removal would not last: remove it there"
	expect(s, "30 FAILED: group web"+notHere, "twiddler.removeGroup", "web")
	expect(s, "30 FAILED: process app of group web"+notHere, "twiddler.removeProcessFromGroup", "web", "app")
	expect(s, "10 BAD_NAME: group: nowhere", "twiddler.removeProcessFromGroup", "nowhere", "app")
	expect(s, "10 BAD_NAME: nobody", "twiddler.removeProcessFromGroup", "web", "nobody")
	text := s.read("dynamic.conf")
	for _, part := range []string{"[group:batch]\nprograms=\npriority=5\n", "[program:w]\nplugvisor.group=web\n", "\ncommand=/bin/cat -u\n", "\nnumprocs=3\n", "[program:solo]\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	// Nothing to do for update; what a person removes comes back with add.
	expect(s, "[[[] [] []]]", "supervisor.reloadConfig")
	expect(s, "true", "supervisor.removeProcessGroup", "batch")
	expect(s, "[[[batch] [] []]]", "supervisor.reloadConfig")
	expect(s, "true", "supervisor.addProcessGroup", "batch")
	for i := range 3 {
		s.waitState(fmt.Sprintf("web:w_%d", i), "RUNNING")
	}
	s.waitState("solo", "RUNNING")
	s.waitState("web:app", "RUNNING")
	const all = "[batch:job=STOPPED solo:solo=RUNNING web:app=RUNNING web:w_0=RUNNING web:w_1=RUNNING web:w_2=RUNNING] "
	if got := s.states(); !strings.HasPrefix(got, all) {
		t.Errorf("there is %s", got)
	}
	was := outcome(s, "twiddler.getProgramOptions", "solo", "solo")

	check := func(when string) {
		t.Helper()
		for _, name := range []string{"web:w_0", "web:w_1", "web:w_2", "web:app", "solo"} {
			s.waitState(name, "RUNNING")
		}
		if got := s.states(); !strings.HasPrefix(got, all) {
			t.Errorf("%s there is %s", when, got)
		}
		expect(s, was, "twiddler.getProgramOptions", "solo", "solo")
		expect(s, "[[[] [] []]]", "supervisor.reloadConfig")
		if got := s.read("dynamic.conf"); got != text {
			t.Errorf("%s the file has\n%s\nit had\n%s", when, got, text)
		}
		if argv := s.argv("web:w_1"); argv != "/bin/cat -u" {
			t.Errorf("%s w_1 runs %q", when, argv)
		}
	}
	from := d.log.count()
	d.signal(syscall.SIGHUP)
	d.waitFrom(from, "supervisord started with pid")
	check("after SIGHUP")
	before := s.pids()
	pid := d.plugins()[0]
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	poll(t, "twiddler runs again", func() bool { list := d.plugins(); return len(list) == 1 && list[0] != pid })
	expect(s, "2.0", "twiddler.getExtensionVersion")
	check("after the plugin was killed")
	if after := s.pids(); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Errorf("pids were %v, are %v", before, after)
	}
	d.signal(syscall.SIGTERM)
	d.exit(0)
	d = s.start()
	check("in another process")

	expect(s, "true", "twiddler.removeProgram", "web", "w", true)
	expect(s, "true", "twiddler.removeProgram", "solo", "solo", true)
	expect(s, "true", "twiddler.removeGroup", "batch")
	if got := s.read("dynamic.conf"); strings.Contains(got, "[") {
		t.Errorf("the file has\n%s", got)
	}
	// A file that is damaged while nobody looks.
	d.signal(syscall.SIGTERM)
	d.exit(0)
	if err := os.WriteFile(s.path("dynamic.conf"), []byte(text[:len(text)/2]), 0o600); err != nil {
		t.Fatal(err)
	}
	d = s.start()
	d.wait("dynamic.conf is damaged and was set aside as")
	s.waitState("web:app", "RUNNING")
	s.wantStates("[web:app=RUNNING] [web]")
	aside, err := filepath.Glob(s.path("dynamic.conf.damaged-*"))
	if err != nil || len(aside) != 1 {
		t.Fatalf("set aside are %v, %v", aside, err)
	}
	if data, err := os.ReadFile(aside[0]); err != nil || string(data) != text[:len(text)/2] {
		t.Errorf("what was set aside has %q, %v", data, err)
	}
}

// TestTwiddlerPersistRefused has a file that the configuration includes, one that
// cannot be written, and two that want to keep the same.
func TestTwiddlerPersistRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"included": {persistSection + "[include]\nfiles = dyn*.conf\n",
			"DIR/dynamic.conf is read as a part of the configuration DIR/supervisord.conf too, as DIR/dynamic.conf; take it out of [include]"},
		"relative":     {strings.Replace(persistSection, "DIR/", "", 1), "persist: dynamic.conf is not an absolute path"},
		"no directory": {strings.Replace(persistSection, "dynamic", "none/dynamic", 1), "cannot write DIR/none/dynamic.conf"},
		"two": {persistSection + strings.Replace(strings.Replace(persistSection, "dynamic", "other", 1), ":twiddler", ":second", 1),
			"what is added at run time is kept already, by "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newBareSite(t)
			s.write(strings.ReplaceAll(fmt.Sprintf(basics, s.addr)+c.body, "DIR", s.dir))
			if name == "included" {
				if err := os.WriteFile(s.path("dynamic.conf"), []byte("[program:x]\ncommand=/bin/cat\n"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			d := s.launch()
			d.exit(2)
			if want := strings.ReplaceAll(c.want, "DIR", s.dir); !strings.Contains(strings.Join(d.log.snapshot(), "\n"), want) {
				t.Errorf("no %q in the output", want)
			}
		})
	}
	// One that begins to be included is refused by reread.
	d := persisting(t, "").start()
	expect(d.site, "true", "twiddler.addProgram", "x", cat())
	d.write(d.read("supervisord.conf") + "\n[include]\nfiles = dyn*.conf\n")
	got := outcome(d.site, "supervisor.reloadConfig")
	if want := "92 CANT_REREAD: " + d.path("dynamic.conf") + " is read as a part of the configuration " + d.conf + " too, as " + d.path("dynamic.conf"); !strings.HasPrefix(got, want) {
		t.Errorf("reread: %s, want %s", got, want)
	}
}

// tracer kills a process when it, or a thread of it, is about to do something.
type tracer struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// trace begins to trace a process; it returns when all threads are.
func (s *site) trace(pid int, args ...string) *tracer {
	s.t.Helper()
	strace, err := exec.LookPath("strace")
	need(s.t, err == nil, "strace")
	args = append([]string{"-f", "-o", s.path("trace"), "-p", fmt.Sprint(pid)}, args...)
	cmd := exec.Command(strace, args...)
	out, err := cmd.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	t := &tracer{cmd, make(chan struct{})}
	said := newLines()
	go func() {
		said.fill(out)
		_ = cmd.Wait()
		close(t.done)
	}()
	// Until it says so a thread may be on its way to where it is stopped for the first time.
	if _, ok := said.find(0, " attached"); !ok {
		s.t.Fatalf("strace does not attach: %q", said.snapshot())
	}
	poll(s.t, "the process is traced", func() bool {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		return len(threads) > 0 && !slices.ContainsFunc(threads, func(path string) bool {
			data, err := os.ReadFile(path)
			return err == nil && !strings.Contains(string(data), fmt.Sprintf("TracerPid:\t%d\n", cmd.Process.Pid))
		})
	})
	return t
}

// end has the tracer let go of a process that it did not kill. It is not asked: a
// tracer that waits for a dead process does not hear.
func (t *tracer) end() {
	_ = t.cmd.Process.Kill()
	<-t.done
}

// agree compares the file with what there is: programs p0, p1 …, each whole.
func (s *site) agree() (programs []string) {
	s.t.Helper()
	text := s.read("dynamic.conf")
	if !strings.HasPrefix(text, "; Groups and programs that were added at run time") || !strings.HasSuffix(text, "\n; end of the file\n") {
		s.t.Errorf("the file is damaged:\n%s", text)
	}
	for _, p := range answer[[]info](s, "supervisor.getAllProcessInfo") {
		programs = append(programs, p.Name)
		_, section, _ := strings.Cut(text, "[program:"+p.Name+"]\n")
		section, _, _ = strings.Cut(section, "\n\n")
		lines := strings.Split(section, "\n") // a client's struct has no order
		slices.Sort(lines)
		if fmt.Sprint(lines) != "[autostart=false command=/bin/cat startsecs=0]" {
			s.t.Errorf("%s is not in the file, or not whole:\n%s", p.Name, text)
		}
	}
	if n := strings.Count(text, "[program:"); n != len(programs) {
		s.t.Errorf("the file has %d programs, there are %v", n, programs)
	}
	if left, _ := filepath.Glob(s.path("dynamic.conf?*")); len(left) > 0 {
		s.t.Errorf("left are %v", left)
	}
	return programs
}

// TestTwiddlerKilledInAPersist kills the plugin before each step that it takes to write
// the file. Whatever was done is in the file when it runs again, and no more.
func TestTwiddlerKilledInAPersist(t *testing.T) {
	t.Parallel()
	s := persisting(t, "")
	d := s.start()
	temporary := s.path("dynamic.conf.new")
	steps := []struct {
		call, path string
		made       bool // the change was made by then
	}{
		{"openat", temporary, false}, {"fallocate", temporary, false}, {"close", temporary, false},
		{"write", temporary, true}, {"ftruncate", temporary, true}, {"fsync", temporary, true}, {"renameat", temporary, true},
		{"openat", s.dir, true}, {"fsync", s.dir, true},
	}
	count := 0
	for i, step := range steps {
		pid := d.plugins()[0]
		old := s.read("dynamic.conf")
		tracer := s.trace(pid, "-e", "trace="+step.call, "-e", "inject="+step.call+":signal=KILL:when=1", "-P", step.path)
		got := outcome(s, "twiddler.addProgram", fmt.Sprint("p", i), cat("autostart", "false"))
		tracer.end()
		if want := "30 FAILED: extension 'twiddler' was killed by SIGKILL during the call; the outcome is unknown"; got != want {
			t.Errorf("%s %s: %s, want %s", step.call, step.path, got, want)
		}
		// By an operator's word, since it is killed too often to be started again at once.
		expect(s, "true", "extension.restartExtension", "twiddler")
		if step.made {
			count++
		}
		if programs := s.agree(); len(programs) != count {
			t.Errorf("%s %s: there are %v, want %d", step.call, step.path, programs, count)
		}
		if now := s.read("dynamic.conf"); !step.made && now != old || step.made && now == old {
			t.Errorf("%s %s: the file was\n%s\nand is\n%s", step.call, step.path, old, now)
		}
	}
	before := s.agree()
	from := d.log.count()
	d.signal(syscall.SIGHUP)
	d.waitFrom(from, "supervisord started with pid")
	if after := s.agree(); !slices.Equal(before, after) || len(after) != count {
		t.Errorf("there were %v, are %v", before, after)
	}
}

// TestDaemonKilledInAPersist kills the daemon before each write that a persist has it
// do, to the plugin, its log or the client. The file is then what it was or what it is to
// be, and the next daemon has what the file has.
func TestDaemonKilledInAPersist(t *testing.T) {
	t.Parallel()
	s := persisting(t, "")
	d := s.start()
	old, name := 0, 0
	for _, calls := range []string{"write,writev,sendmsg,sendto"} {
		// Which thread makes how many calls differs from time to time.
		for n, survived := 1, 0; survived < 3; n++ {
			if n > 40 {
				t.Fatal("one thread makes more than 40 calls of a kind")
			}
			name++
			program := fmt.Sprint("p", name)
			tracer := s.trace(d.pid, "-e", "trace="+calls, "-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n))
			got := outcome(s, "twiddler.addProgram", program, cat("autostart", "false"))
			tracer.end() // which it has done by itself where it has killed
			// It may be killed after it has answered.
			if got == "true" && outcome(s, "twiddler.getAPIVersion") == "1.0" {
				survived++
			} else {
				survived = 0
				d.exit(-1)
				if text := s.read("dynamic.conf"); !strings.HasSuffix(text, "\n; end of the file\n") {
					t.Errorf("%s %d: the file is damaged:\n%s", calls, n, text)
				}
				d = s.start()
			}
			programs := s.agree()
			if len(programs) != old && len(programs) != old+1 {
				t.Errorf("%s %d: there were %d programs and are %v", calls, n, old, programs)
			}
			if got == "true" && !slices.Contains(programs, program) {
				t.Errorf("%s %d: %s was added, and there are %v", calls, n, program, programs)
			}
			old = len(programs)
		}
	}
	t.Logf("killed %d times", len(s.daemons)-1)
}
