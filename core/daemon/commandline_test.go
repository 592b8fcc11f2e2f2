package daemon

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	goflag "flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core/config"
)

var (
	update    = goflag.Bool("update", false, "record the transcript of command lines anew; needs -reference")
	reference = goflag.String("reference", "", "directory of a checkout of Supervisor 4.4, with which -update records")
)

// debian is where Debian's package has Supervisor 4.2.5.
const debian = "/usr/lib/python3/dist-packages"

//go:embed testdata/realize.py
var realize string

const transcript = "testdata/commandline.txt"

// TestCommandLine compares with what Supervisor 4.4 made of the same command
// lines. In the transcript the answer stands below each, indented: settings other
// than those of "-c bare.conf", or exit code and text.
func TestCommandLine(t *testing.T) {
	path, err := filepath.Abs(transcript)
	if err != nil {
		t.Fatal(err)
	}
	text, lines, want := readTranscript(t)
	files(t)
	if *update {
		want = record(t, lines, *reference)
		if err := os.WriteFile(path, []byte(joinTranscript(text, want)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compareAnswers(t, lines, ours(t, lines), want)
}

// TestCommandLineOfTheInstalled compares with the Supervisor that is installed.
func TestCommandLineOfTheInstalled(t *testing.T) {
	if _, err := os.Stat(debian + "/supervisor"); err != nil {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatalf("cannot find the reference: %v", err)
		}
		t.Skipf("cannot find the reference: %v", err)
	}
	_, lines, _ := readTranscript(t)
	files(t)
	compareAnswers(t, lines, ours(t, lines), record(t, lines, debian))
}

func compareAnswers(t *testing.T, lines, got, want []string) {
	t.Helper()
	for i, line := range lines {
		if got[i] != want[i] {
			t.Errorf("%s\n%swant\n%s", line, got[i], want[i])
		}
	}
}

// files copies the configuration files to a directory of the test's own and goes
// there.
func files(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/conf")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"logs", "tmp"} {
		if err := os.Mkdir(dir+"/"+name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TMPDIR", dir+"/tmp")
	t.Setenv("HOME", dir)
	t.Chdir(dir)
}

// readTranscript gives the transcript, its command lines and their answers.
func readTranscript(t *testing.T) (text string, lines, answers []string) {
	t.Helper()
	data, err := os.ReadFile(transcript)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "  "):
			answers[len(answers)-1] += line
		default:
			lines, answers = append(lines, strings.TrimSuffix(line, "\n")), append(answers, "")
		}
	}
	return string(data), lines, answers
}

// joinTranscript puts new answers into a transcript.
func joinTranscript(text string, answers []string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "  ") {
			continue
		}
		b.WriteString(line)
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			b.WriteString(answers[0])
			answers = answers[1:]
		}
	}
	return b.String()
}

// arguments takes a command line of the transcript apart; $D is the directory.
func arguments(t *testing.T, line string) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	args, err := config.SplitCommand(strings.ReplaceAll(line, "$D", dir))
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return args
}

// bare is the command line whose settings the others are compared with.
const bare = "-c bare.conf"

// shorten drops the settings that are those of bare, and hides the directory.
func shorten(t *testing.T, lines []string, answers [][]string) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	plain := answers[slices.Index(lines, bare)]
	out := make([]string, len(lines))
	for i, answer := range answers {
		for _, line := range answer {
			if lines[i] == bare || !slices.Contains(plain, line) {
				out[i] += "  " + strings.ReplaceAll(line, dir, "$D") + "\n"
			}
		}
	}
	return out
}

// record asks the Supervisor in a directory.
func record(t *testing.T, lines []string, dir string) []string {
	t.Helper()
	cases := make([][]string, len(lines))
	for i, line := range lines {
		cases[i] = arguments(t, line)
	}
	input, err := json.Marshal([]any{[]string{dir}, cases})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/usr/bin/python3", "-X", "utf8", "-c", realize)
	cmd.Stdin = bytes.NewReader(input)
	output, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		t.Fatalf("cannot run the reference: %v\n%s", err, exit.Stderr)
	}
	if err != nil {
		t.Fatal(err)
	}
	var answers [][]string
	if err := json.Unmarshal(output, &answers); err != nil {
		t.Fatal(err)
	}
	return shorten(t, lines, answers)
}

// ours asks this package.
func ours(t *testing.T, lines []string) []string {
	t.Helper()
	answers := make([][]string, len(lines))
	for i, line := range lines {
		var stderr strings.Builder
		p := Program{Args: append([]string{"supervisord"}, arguments(t, line)...), Stderr: &stderr}
		s, err := p.settle(config.SystemEnvironment())
		if err != nil {
			code := p.leave(err)
			answers[i] = append([]string{fmt.Sprint("exit ", code)}, strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")...)
			continue
		}
		answers[i] = shown(s)
	}
	return shorten(t, lines, answers)
}

// shown lists settings as realize.py does.
func shown(s *settings) []string {
	truth := func(b bool) string { return strings.ToUpper(fmt.Sprint(b)[:1]) + fmt.Sprint(b)[1:] }
	directory, uid, url := "None", "None", "None"
	if s.Directory != nil {
		directory = *s.Directory
	}
	if s.account != nil {
		uid = fmt.Sprint(s.account.UID)
	}
	if s.serverURL != "" {
		url = s.serverURL
	}
	return []string{
		"logfile=" + s.Logfile, fmt.Sprint("logfile_maxbytes=", s.LogfileMaxBytes), fmt.Sprint("logfile_backups=", s.LogfileBackups),
		"loglevel=" + s.LogLevel.String(), "pidfile=" + s.Pidfile, "identifier=" + s.Identifier, "childlogdir=" + s.ChildLogDir,
		"directory=" + directory, fmt.Sprintf("umask=%04o", s.Umask), fmt.Sprint("minfds=", s.MinFDs), fmt.Sprint("minprocs=", s.MinProcs),
		"nodaemon=" + truth(s.NoDaemon), "silent=" + truth(s.Silent), "nocleanup=" + truth(s.NoCleanup), "strip_ansi=" + truth(s.StripANSI),
		"uid=" + uid, "serverurl=" + url,
	}
}

// The prose of the help is ours; the options in it are the reference's.
func TestHelpAndVersion(t *testing.T) {
	for _, tc := range []struct {
		args []string
		want string // the first line
	}{
		{[]string{"-h"}, "supervisord -- start programs, and keep them running."},
		{[]string{"--help"}, "supervisord -- start programs, and keep them running."},
		{[]string{"-?"}, "supervisord -- start programs, and keep them running."},
		{[]string{"-c", "/no/such", "-e", "info", "--hel"}, "supervisord -- start programs, and keep them running."},
		{[]string{"-v"}, "4.4.0"},
		{[]string{"--version"}, "4.4.0"},
		{[]string{"-n", "-v", "-n", "-e", "loud"}, "4.4.0"}, // what stands behind it is not looked at
	} {
		stdout, stderr, code := leaves(t, tc.args...)
		if first, _, _ := strings.Cut(stdout, "\n"); first != tc.want || stderr != "" || code != 0 {
			t.Errorf("%q: exit code %d, stdout %q, stderr %q", tc.args, code, first, stderr)
		}
	}
	if _, stderr, code := leaves(t, "-v", "start"); code != 2 || !strings.HasPrefix(stderr, "Error: positional arguments are not supported: ['start']\n") {
		t.Errorf("-v start: exit code %d, stderr %q", code, stderr)
	}
	stdout, _, _ := leaves(t, "-h")
	if !strings.Contains(stdout, "Usage: /bin/supervisord [options]\n") {
		t.Errorf("the help does not name the program:\n%s", stdout)
	}
	for _, f := range flags() {
		if f.long == "" {
			continue
		}
		name := "--" + f.long
		if f.short != "" {
			name = "-" + f.short + "/" + name
		}
		if !strings.Contains(stdout, "\n"+name+" ") {
			t.Errorf("the help does not have %s", name)
		}
	}
}

// leaves runs a program that leaves before it starts anything.
func leaves(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	var errs strings.Builder
	code = Main(Program{Args: append([]string{"/bin/supervisord"}, args...), Stdout: write, Stderr: &errs})
	write.Close()
	text, err := io.ReadAll(read)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), errs.String(), code
}
