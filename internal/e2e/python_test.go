package e2e

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// python is Debian's: the package supervisor installs its modules for that one.
const python = "/usr/bin/python3"

func requireAll() bool { return os.Getenv("PLUGVISOR_REQUIRE") == "all" }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// needPython skips the test without Python and Supervisor's modules.
func needPython(t *testing.T) {
	t.Helper()
	need(t, exists(python), "python3")
	need(t, exists("/usr/lib/python3/dist-packages/supervisor/xmlrpc.py"), "Debian's package supervisor")
}

// session types testdata/NAME.pycon into a Python interpreter. The file is what
// one would see on the screen:
//
//	>>> s.supervisor.startProcess('ls')
//	True
//
// Blank lines and those that begin with "#" are left out. In what is expected
// "..." stands for any text within the line, and a traceback is its last line.
// Before it goes on after "#log TEXT" it waits for a line of the daemon's log that
// has the text; each such line looks below the one found before. URL, SOCKET and
// DIR, in braces after a dollar sign, are the daemon's.
func (d *daemon) session(name string) {
	d.t.Helper()
	needPython(d.t)
	text, err := os.ReadFile(filepath.Join("testdata", name+".pycon"))
	if err != nil {
		d.t.Fatal(err)
	}
	script := strings.NewReplacer("${URL}", "http://"+d.addr, "${SOCKET}", d.sock, "${DIR}", d.dir).Replace(string(text))
	py := d.interpreter()
	seen := 0
	list := strings.Split(script, "\n")
	for i := 0; i < len(list); {
		line := list[i]
		i++
		if text, ok := strings.CutPrefix(line, "#log "); ok {
			seen = d.waitFrom(seen, text)
		}
		typed, ok := strings.CutPrefix(line, ">>> ")
		if !ok {
			continue
		}
		got := py.enter(typed)
		for ; i < len(list) && strings.HasPrefix(list[i], "..."); i++ {
			got = py.enter(strings.TrimPrefix(strings.TrimPrefix(list[i], "..."), " "))
		}
		var want []string
		for ; i < len(list) && list[i] != "" && list[i][0] != '#' && !strings.HasPrefix(list[i], ">>> "); i++ {
			want = append(want, list[i])
		}
		if !matches(strings.Join(want, "\n"), got) {
			d.t.Errorf("%s.pycon:%d: %s\ngot:\n%s\nwant:\n%s", name, i, typed, got, strings.Join(want, "\n"))
		}
	}
	py.leave()
}

func matches(want, got string) bool {
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), `\.\.\.`, `.*`)
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// interpreter is a Python that waits for the next line.
type interpreter struct {
	d     *daemon
	stdin io.WriteCloser
	out   chan string // its output, up to a prompt each, and the rest
	wait  func() error
}

func (d *daemon) interpreter() *interpreter {
	d.t.Helper()
	cmd := d.command(python, "-I", "-X", "utf8", "-u", "-q", "-i")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout // the prompts
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	py := &interpreter{d, stdin, make(chan string), cmd.Wait}
	go py.read(stdout)
	py.prompt()
	return py
}

// read cuts the output at the prompts.
func (py *interpreter) read(r io.Reader) {
	defer close(py.out)
	var text strings.Builder
	chunk := make([]byte, 4096)
	for {
		n, err := r.Read(chunk)
		text.Write(chunk[:n])
		for _, prompt := range []string{">>> ", "... "} {
			if rest, ok := strings.CutSuffix(text.String(), prompt); ok {
				py.out <- rest
				text.Reset()
			}
		}
		if err != nil {
			return
		}
	}
}

func (py *interpreter) prompt() string {
	py.d.t.Helper()
	select {
	case text, ok := <-py.out:
		if !ok {
			py.d.t.Fatal("the interpreter has ended")
		}
		return text
	case <-time.After(patience):
		py.d.t.Fatal("the interpreter shows no prompt")
		return ""
	}
}

// enter types a line and gives the answer.
func (py *interpreter) enter(line string) string {
	py.d.t.Helper()
	if _, err := fmt.Fprintln(py.stdin, line); err != nil {
		py.d.t.Fatalf("cannot type: %v", err)
	}
	text := strings.TrimRight(py.prompt(), "\n")
	if strings.HasPrefix(text, "Traceback ") {
		text = text[strings.LastIndexByte(text, '\n')+1:]
	}
	return text
}

func (py *interpreter) leave() {
	py.d.t.Helper()
	py.stdin.Close()
	for range py.out {
	}
	if err := py.wait(); err != nil {
		py.d.t.Errorf("the interpreter failed: %v", err)
	}
}
