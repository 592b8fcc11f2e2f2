package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestEndOfAProcess(t *testing.T) {
	h := newHarness(t)
	for _, tc := range []struct {
		script string
		want   process.Status
	}{
		{"exit 0", process.Status{}},
		{"exit 3", process.Status{Code: 3}},
		{"kill -TERM $$", process.Status{Signal: 15}},
		{"ulimit -c 0; kill -ABRT $$", process.Status{Signal: 6}},
	} {
		if got := h.run(h.script("p", tc.script)); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.script, got, tc.want)
		}
	}
	if got, want := StatusOf(0x86), (process.Status{Signal: 6, Core: true}); got != want {
		t.Errorf("a core dump is %v, want %v", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	h := newHarness(t, func(c *Config) {
		c.Environ = []string{"KEPT=1", "LOST=inherited", "SUPERVISOR_ENABLED=inherited", "odd"}
	})
	spec := h.program("name", "/usr/bin/env", func(p *core.ProcessSpec) {
		p.Environment = []core.EnvVar{
			{Name: "LOST", Value: "first"}, {Name: "OWN", Value: "a=b c"}, {Name: "LOST", Value: "last"}, {Name: "SUPERVISOR_GROUP_NAME", Value: "mine"},
		}
	})
	h.run(spec)
	got := strings.Split(strings.TrimSuffix(h.read("name.out"), "\n"), "\n")
	want := []string{
		"KEPT=1", "odd", "SUPERVISOR_ENABLED=1", "SUPERVISOR_SERVER_URL=unix:///s", "SUPERVISOR_PROCESS_NAME=name",
		"OWN=a=b c", "LOST=last", "SUPERVISOR_GROUP_NAME=mine",
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("environment\n%q, want\n%q", got, want)
	}
}

func TestServerURL(t *testing.T) {
	own := func(url string) func(*core.ProcessSpec) {
		return func(p *core.ProcessSpec) { p.ServerURL = &url }
	}
	for _, tc := range []struct {
		name, daemon string
		change       func(*core.ProcessSpec)
		want         string
	}{
		{"the daemon's", "unix:///s", func(*core.ProcessSpec) {}, "SUPERVISOR_SERVER_URL=unix:///s"},
		{"the program's", "unix:///s", own("http://h:1"), "SUPERVISOR_SERVER_URL=http://h:1"},
		{"no server", "", func(*core.ProcessSpec) {}, ""},
		{"an empty one of the program's", "unix:///s", own(""), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHarness(t, func(c *Config) { c.ServerURL = tc.daemon })
			got := ""
			for _, entry := range h.environ("group", h.program("x", "y", tc.change)) {
				if strings.HasPrefix(entry, "SUPERVISOR_SERVER_URL=") {
					got = entry
				}
			}
			if got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

func TestStreams(t *testing.T) {
	const text = "echo a; echo b >&2; echo c; echo d >&2"
	h := newHarness(t)
	h.run(h.script("apart", text))
	if out, err := h.read("apart.out"), h.read("apart.err"); out != "a\nc\n" || err != "b\nd\n" {
		t.Errorf("stdout %q, stderr %q", out, err)
	}
	h.run(h.script("together", text, func(p *core.ProcessSpec) {
		p.RedirectStderr, p.Stderr.File = true, core.LogFile{Kind: core.LogNone}
	}))
	if out := h.read("together.out"); out != "a\nb\nc\nd\n" {
		t.Errorf("with redirect_stderr stdout is %q", out)
	}
	if _, err := os.Stat(h.path("together.err")); err == nil {
		t.Error("redirect_stderr has made a log for stderr")
	}
	h.run(h.script("silent", text, func(p *core.ProcessSpec) {
		p.Stdout.File, p.Stderr.File = core.LogFile{Kind: core.LogNone}, core.LogFile{Kind: core.LogNone}
	}))
	h.run(h.script("rotated", "head -c 1000 /dev/zero; echo end", func(p *core.ProcessSpec) { p.Stdout.MaxBytes, p.Stdout.Backups = 1000, 1 }))
	if n := len(h.read("rotated.out")) + len(h.read("rotated.out.1")); n != 1004 {
		t.Errorf("log and backup hold %d bytes, want 1004", n)
	}
	h.run(h.script("colours", `printf '\033[31mred\033[0m\n'`))
	if out := h.read("colours.out"); out != "\x1b[31mred\x1b[0m\n" {
		t.Errorf("colours %q", out)
	}
}

func TestStripANSI(t *testing.T) {
	h := newHarness(t, func(c *Config) { c.StripANSI = true })
	h.run(h.script("x", `printf '\033[31mred\033[0m\n'`))
	if out := h.read("x.out"); out != "red\n" {
		t.Errorf("stripped %q", out)
	}
}

// Whoever reads the log once the end is known finds all output there, however much
// the pipe still held, and whoever else holds the pipe.
func TestLogIsCompleteAtTheEnd(t *testing.T) {
	h := newHarness(t)
	const size = 1 << 20
	for _, tc := range []struct{ name, before string }{
		{"alone", ""},
		{"with a grandchild that holds the pipes", "sleep 1000 <&- & echo $!"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h.run(h.script("x", fmt.Sprintf("%s\nhead -c %d /dev/zero; echo the end", tc.before, size)))
			out := h.read("x.out")
			if first, rest, ok := strings.Cut(out, "\n"); ok && tc.before != "" {
				out = rest
				if pid, err := strconv.Atoi(first); err != nil || syscall.Kill(pid, syscall.SIGKILL) != nil {
					t.Errorf("cannot kill the grandchild %q", first)
				}
			}
			if len(out) != size+len("the end\n") || !strings.HasSuffix(out, "the end\n") {
				t.Errorf("%d bytes are in the log", len(out))
			}
			os.Remove(h.path("x.out"))
		})
	}
}

// What a process leaves behind finds the pipes closed on our side.
func TestPipesAreClosedAtTheEnd(t *testing.T) {
	h := newHarness(t)
	g, report := h.gate("gate"), h.gate("report")
	before := descriptors(t)
	// SIGPIPE is ignored in it: echo fails instead.
	h.run(h.script("x", `(read go <`+g.path+`; echo late 2>/dev/null; echo $? >`+report.path+`) & exit 0`))
	g.open()
	if got := report.reached(); got == "0\n" || got == "" {
		t.Errorf("the grandchild's echo answers %q, want a failure", got)
	}
	if out := h.read("x.out"); out != "" {
		t.Errorf("the log has %q", out)
	}
	h.fails(h.program("bad", "/no/such"))
	h.fails(h.program("log", "/bin/true", func(p *core.ProcessSpec) { p.Stderr.File.Path = "/no/such/log" }))
	// What a test before has left to the collector may be closed meanwhile.
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors are open, %d before", after, before)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestOrderOfSpawns(t *testing.T) {
	h := newHarness(t)
	const n = 20
	order := make([]*job, n)
	for i := range order {
		command := "/bin/true"
		if i%7 == 3 {
			command = "/no/such"
		}
		order[i] = h.spawn(h.program("p", command))
	}
	last := 0
	for i, j := range order {
		s := receive(t, j.started)
		if (s.pid == 0) != (i%7 == 3) {
			t.Fatalf("process %d: pid %d, %q", i, s.pid, s.why)
		}
		if s.pid == 0 {
			continue
		}
		if s.pid <= last && last-s.pid < 1000 { // pids may begin anew
			t.Errorf("process %d has pid %d after %d", i, s.pid, last)
		}
		last = s.pid
		receive(t, j.ended)
	}
}

func TestCloseDoesWhatWasAsked(t *testing.T) {
	h := newHarness(t)
	jobs := []*job{h.spawn(h.program("a", "/bin/true")), h.spawn(h.program("b", "/bin/true"))}
	h.Close()
	for _, j := range jobs {
		j.up()
		receive(t, j.ended)
	}
}

func TestManyAtOnce(t *testing.T) {
	h := newHarness(t)
	var jobs []*job
	var codes []int
	for i := range 200 {
		code := rand.IntN(100)
		name := fmt.Sprint("p", i)
		codes = append(codes, code)
		jobs = append(jobs, h.spawn(h.script(name, fmt.Sprintf("echo %s; exit %d", name, code))))
	}
	for i, j := range jobs {
		j.up()
		if got := receive(t, j.ended); got.Code != codes[i] {
			t.Errorf("process %d: %v, want code %d", i, got, codes[i])
		}
		if out := h.read(fmt.Sprint("p", i, ".out")); out != fmt.Sprint("p", i, "\n") {
			t.Errorf("process %d: log %q", i, out)
		}
		if len(j.started) != 0 || len(j.ended) != 0 {
			t.Errorf("process %d is told of twice", i)
		}
	}
}

// Texts: supervisor.process, Subprocess.spawn.
func TestUnopenableLog(t *testing.T) {
	h := newHarness(t)
	file := h.write("file", "", 0o644)
	if err := os.Mkdir(h.path("closed"), 0o500); err != nil {
		t.Fatal(err)
	}
	const kernels = "/sys/kernel/uevent_seqnum" // which nobody may write
	for _, tc := range []struct{ path, errno string }{
		{h.path("no/such/log"), "ENOENT"},
		{h.dir, "EISDIR"},
		{file + "/log", "ENOTDIR"},
		{h.path(strings.Repeat("x", 300)), "ENAMETOOLONG"},
		{h.path("closed/log"), "EACCES"},
		{kernels, "EACCES"},
	} {
		if _, err := os.OpenFile(tc.path, os.O_WRONLY, 0); tc.errno == "EACCES" && !errors.Is(err, fs.ErrPermission) {
			continue // root may open the first, and not everybody has the second
		}
		for _, channel := range []string{"stdout", "stderr"} {
			spec := h.program("name", "/bin/true", func(p *core.ProcessSpec) {
				if channel == "stdout" {
					p.Stdout.File.Path = tc.path
				} else {
					p.Stderr.File.Path = tc.path
				}
			})
			if got, want := h.fails(spec), "unknown error making dispatchers for 'name': "+tc.errno; got != want {
				t.Errorf("%s: %q, want %q", channel, got, want)
			}
		}
	}
}

func TestTooManyOpenFiles(t *testing.T) {
	h := newHarness(t)
	h.run(h.program("before", "/bin/true")) // what the runtime opens is open then
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	for _, more := range []int{0, 2, 4} {
		small := unix.Rlimit{Cur: uint64(lowestFree(t) + more), Max: limit.Max}
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &small); err != nil {
			t.Fatal(err)
		}
		why := receive(t, h.spawn(h.program("x", "/bin/true")).started).why
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Fatal(err)
		}
		if want := "too many open files to spawn 'x'"; why != want {
			t.Errorf("with %d descriptors: %q, want %q", more, why, want)
		}
	}
}

// lowestFree is the number that the next descriptor has.
func lowestFree(t *testing.T) int {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return int(f.Fd())
}

func TestPlaceOfAProcess(t *testing.T) {
	h := newHarness(t)
	uid, umask := os.Getuid(), 0o27
	if uid == 0 {
		uid = 65534 // nobody
	}
	dir := "/"
	// It is no script: another user cannot read our directory.
	h.run(h.program("x", `/bin/sh -c "umask; pwd; id -u; cut -d' ' -f5 /proc/$$/stat; echo $$; echo ~"`, func(p *core.ProcessSpec) {
		p.Umask, p.Directory, p.UID = &umask, &dir, &uid
		p.Environment = []core.EnvVar{{Name: "HOME", Value: "/kept"}}
	}))
	lines := strings.Fields(h.read("x.out"))
	if len(lines) != 6 {
		t.Fatalf("output %q, stderr %q", lines, h.read("x.err"))
	}
	if want := []string{"0027", "/", strconv.Itoa(uid), lines[4], lines[4], "/kept"}; !slices.Equal(lines, want) {
		t.Errorf("umask, directory, user, process group, pid and HOME are %q, want %q", lines, want)
	}
	if info, err := os.Stat(h.path("x.out")); err != nil || info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("the log is %v, %v: the umask is the child's alone", info, err)
	}
}

// A step that fails behind the fork is the child's: it has a pid, says so in its
// own log and ends with 127.
func TestFailureBehindTheFork(t *testing.T) {
	h := newHarness(t)
	missing := "/no/such/dir"
	for _, tc := range []struct {
		name   string
		change func(*core.ProcessSpec)
		want   string
	}{
		{"directory", func(p *core.ProcessSpec) { p.Directory = &missing }, "couldn't chdir to /no/such/dir: ENOENT"},
		{"format", func(p *core.ProcessSpec) { p.Command = h.write("text", "no interpreter\n", 0o755) + " a" }, "couldn't exec " + h.path("text") + ": ENOEXEC"},
		{"interpreter", func(p *core.ProcessSpec) { p.Command = h.write("script", "#!/no/such\n", 0o755) }, "couldn't exec " + h.path("script") + ": ENOENT"},
		{"user", func(p *core.ProcessSpec) { uid := 4000000; p.UID = &uid }, "couldn't setuid to 4000000: Can't find uid 4000000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status := h.run(h.program(tc.name, "/bin/true", tc.change))
			want := "supervisor: " + tc.want + "\nsupervisor: child process was not spawned\n"
			if got := h.read(tc.name + ".err"); got != want || status.Code != 127 {
				t.Errorf("%v, stderr %q, want %q", status, got, want)
			}
		})
	}
}

func TestSignal(t *testing.T) {
	h := newHarness(t)
	for _, group := range []bool{false, true} {
		name := fmt.Sprint("group-", group)
		g := h.gate(name)
		j := h.spawn(h.script(name, "sleep 1000 & echo $! >"+g.path+"; wait"))
		pid := j.up().pid
		grandchild, err := strconv.Atoi(strings.TrimSpace(g.reached()))
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Signal(pid, int(unix.SIGTERM), group); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, j.ended); got.Signal != 15 {
			t.Errorf("ended with %v", got)
		}
		if group {
			eventually(t, "the group's member to die", func() bool { return !alive(grandchild) })
		} else if syscall.Kill(grandchild, syscall.SIGKILL) != nil {
			t.Error("the signal went to the whole group")
		}
		if err := h.Signal(pid, int(unix.SIGTERM), group); err != unix.ESRCH {
			t.Errorf("signal to a process that has ended: %v, want ESRCH", err)
		}
	}
}

// alive says whether a process runs; one that nobody has reaped yet does not.
func alive(pid int) bool {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// eventually waits for what nothing tells the test of.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(deadline); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// At level debug the main log has the output too.
func TestOutputInTheMainLog(t *testing.T) {
	h := newHarness(t)
	h.log.level = rpcinterface.LevelDebg
	h.run(h.program("it's", `/bin/printf 'é\n'`))
	h.run(h.script("bad", `printf 'a\377b' >&2`))
	want := "DEBG \"it's\" stdout output:\né\n\nDEBG 'bad' stderr output:\nUndecodable: b'a\\xffb'"
	if got := h.log.text(); got != want {
		t.Errorf("main log\n%s\nwant\n%s", got, want)
	}
}

// BenchmarkSpawn is one process from the request to its end.
func BenchmarkSpawn(b *testing.B) {
	silent := func(p *core.ProcessSpec) {
		p.Stdout.File, p.Stderr.File = core.LogFile{Kind: core.LogNone}, core.LogFile{Kind: core.LogNone}
	}
	logged := func(*core.ProcessSpec) {}
	for _, bm := range []struct {
		name   string
		change func(*core.ProcessSpec)
	}{{"silent", silent}, {"logged", logged}} {
		b.Run(bm.name, func(b *testing.B) {
			h := newHarness(b)
			spec := h.program("x", "/bin/true", bm.change)
			b.ReportAllocs()
			for b.Loop() {
				h.run(spec)
			}
		})
	}
}
