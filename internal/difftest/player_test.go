package difftest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long anything may take: ten times what the slowest does.
const patience = 30 * time.Second

// interval is how often what nothing tells of is looked at.
const interval = 10 * time.Millisecond

// base is the configuration before that of the scenario, whose [supervisord]
// section it shares.
const base = `[unix_http_server]
file = $D/s

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
%s
[supervisord]
logfile = $D/main.log
pidfile = $D/pid
childlogdir = $D/logs
nodaemon = true
minfds = 256

`

const twiddlerSection = `
[rpcinterface:twiddler]
supervisor.rpcinterface_factory = supervisor_twiddler.rpcinterface:make_twiddler_rpcinterface
`

const cacheSection = `
[rpcinterface:cache]
supervisor.rpcinterface_factory = supervisor_cache.rpcinterface:make_cache_rpcinterface
`

// player plays one scenario with one side's program, in a directory of its own.
type player struct {
	program program
	dir     string
	client  *http.Client

	daemon *exec.Cmd
	exited chan struct{} // closed when the daemon was waited for
	output bytes.Buffer  // of the daemon, good when it has exited
	later  []chan string
	read   map[string]int // how much of a log was seen, by the command that reads it
}

func newPlayer(p program) (*player, error) {
	// The path of the socket must be short.
	dir, err := os.MkdirTemp("", "dt")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "logs"), 0o700); err != nil {
		return nil, err
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(dir, "s"))
	}
	return &player{
		program: p, dir: dir, read: map[string]int{},
		client: &http.Client{Timeout: patience, Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}},
	}, nil
}

// close ends what runs and removes the directory.
func (p *player) close() error {
	if p.running() {
		killTree(p.daemon.Process.Pid)
		<-p.exited
	}
	return os.RemoveAll(p.dir)
}

func (p *player) running() bool {
	if p.daemon == nil {
		return false
	}
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// play does what a step says and gives the answer, hidden.
func (p *player) play(s *step) (string, error) {
	text, err := p.command(s)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.line, err)
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return text, nil
}

func (p *player) command(s *step) (string, error) {
	word, rest, _ := strings.Cut(s.line, " ")
	switch word {
	case "config":
		return "", p.config(rest, s.input)
	case "file":
		return "", p.file(strings.Fields(rest), s.input)
	case "start":
		return "", p.start(strings.Fields(p.expand(rest)))
	case "leave":
		return p.leave(strings.Fields(p.expand(rest)))
	case "signal":
		return "", p.signal(rest)
	case "end":
		return p.end()
	case "only":
		names, call, _ := strings.Cut(rest, " ")
		return p.call(call, strings.Split(names, ","))
	case "later":
		return "", p.callLater(rest)
	case "answer":
		return p.answer()
	case "wait":
		name, state, _ := strings.Cut(rest, " ")
		return "", p.waitFor("to be "+state, func() (bool, string) { return p.inState(name, state) })
	case "output", "errors":
		name, text, _ := strings.Cut(rest, " ")
		method := map[string]string{"output": "supervisor.readProcessStdoutLog", "errors": "supervisor.readProcessStderrLog"}[word]
		return "", p.waitFor(word, func() (bool, string) { return p.hasOutput(method, name, text) })
	case "await":
		return "", p.waitFor("the log", func() (bool, string) {
			log := p.log()
			return p.find(s.line, log, p.expand(rest)), log
		})
	case "log":
		return p.showLog(rest)
	case "show":
		data, err := os.ReadFile(filepath.Join(p.dir, rest))
		return p.hideText(string(data)), err
	}
	return p.call(s.line, nil)
}

func (p *player) expand(s string) string { return strings.ReplaceAll(s, "$D", p.dir) }

func (p *player) config(kind, text string) error {
	switch kind {
	case "whole":
	case "":
		text = fmt.Sprintf(base, "") + text
	case "twiddler":
		text = fmt.Sprintf(base, twiddlerSection) + text
	case "cache":
		text = fmt.Sprintf(base, cacheSection) + text
	default:
		return errors.New("unknown kind of configuration")
	}
	return os.WriteFile(filepath.Join(p.dir, "c.conf"), []byte(p.expand(text)), 0o600)
}

func (p *player) file(args []string, text string) error {
	mode := uint64(0o644)
	if len(args) == 2 {
		var err error
		if mode, err = strconv.ParseUint(args[1], 8, 32); err != nil {
			return err
		}
	}
	path := filepath.Join(p.dir, args[0])
	if err := os.WriteFile(path, []byte(p.expand(text)), 0o600); err != nil {
		return err
	}
	return os.Chmod(path, os.FileMode(mode))
}

// prepare makes the command of a supervisord in an environment that is always the
// same.
func (p *player) prepare(args []string) *exec.Cmd {
	if !strings.Contains(" "+strings.Join(args, " "), " -c ") {
		args = append([]string{"-c", filepath.Join(p.dir, "c.conf")}, args...)
	}
	cmd := exec.Command(p.program.path, args...)
	cmd.Dir = p.dir
	cmd.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/home/u", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "TMPDIR=" + p.dir + "/logs", "FROM=outside"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

func (p *player) start(args []string) error {
	if p.running() {
		return errors.New("supervisord runs already")
	}
	cmd := p.prepare(args)
	p.output.Reset()
	cmd.Stdout, cmd.Stderr = &p.output, &p.output
	// What the daemon leaves behind may keep the output open.
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	p.daemon, p.exited = cmd, exited
	go func() {
		_ = cmd.Wait() // its code is read where it matters
		close(exited)
	}()
	return p.waitFor("supervisord to answer", func() (bool, string) {
		if !p.running() {
			return false, fmt.Sprintf("%v\n%s", cmd.ProcessState, p.output.String())
		}
		v, err := p.ask("supervisor.getPID", nil)
		return err == nil && v == any(int64(cmd.Process.Pid)), fmt.Sprint(v, err)
	})
}

func (p *player) leave(args []string) (string, error) {
	cmd := p.prepare(args)
	var out bytes.Buffer
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		return "", err
	}
	killer := time.AfterFunc(patience, func() { killTree(cmd.Process.Pid) })
	err := cmd.Wait()
	killer.Stop()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return "", err
	}
	return fmt.Sprintf("%v\n%s", cmd.ProcessState, p.hideText(out.String())), nil
}

func (p *player) signal(name string) error {
	number, ok := map[string]syscall.Signal{
		"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM, "USR2": syscall.SIGUSR2,
	}[name]
	if !ok || p.daemon == nil {
		return errors.New("no such signal, or no supervisord")
	}
	return p.daemon.Process.Signal(number)
}

func (p *player) end() (string, error) {
	select {
	case <-p.exited:
		return fmt.Sprint(p.daemon.ProcessState), nil
	case <-time.After(patience):
		return "", errors.New("supervisord still runs")
	}
}

// ask makes a call.
func (p *player) ask(method string, params array) (any, error) {
	resp, err := p.client.Post("http://localhost/RPC2", "text/xml", bytes.NewReader(request(method, params)))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return failure(fmt.Sprint("HTTP ", resp.StatusCode)), nil
	}
	return response(resp.Body), nil
}

func (p *player) call(text string, names []string) (string, error) {
	method, params, err := parseCall(p.expand(text))
	if err != nil {
		return "", err
	}
	v, err := p.ask(method, params)
	if err != nil {
		return "", err
	}
	if names != nil {
		v = only(names, v)
	}
	return show(p.hide(v)), nil
}

func (p *player) callLater(text string) error {
	method, params, err := parseCall(p.expand(text))
	if err != nil {
		return err
	}
	answer := make(chan string, 1)
	p.later = append(p.later, answer)
	go func() {
		v, err := p.ask(method, params)
		if err != nil {
			v = failure(err.Error())
		}
		answer <- show(p.hide(v))
	}()
	return nil
}

func (p *player) answer() (string, error) {
	if len(p.later) == 0 {
		return "", errors.New("no call waits")
	}
	answer := <-p.later[0]
	p.later = p.later[1:]
	return answer, nil
}

// waitFor looks again and again. seen is shown when it was in vain.
func (p *player) waitFor(what string, look func() (done bool, seen string)) error {
	for end := time.Now().Add(patience); ; time.Sleep(interval) {
		done, seen := look()
		if done {
			return nil
		}
		if time.Now().After(end) || !p.running() {
			return fmt.Errorf("waited in vain for %s; last: %s", what, seen)
		}
	}
}

func (p *player) inState(name, state string) (bool, string) {
	v, err := p.ask("supervisor.getProcessInfo", array{name})
	if err != nil {
		return false, err.Error()
	}
	is := show(only([]string{"statename"}, v))
	return is == fmt.Sprintf(`{"statename": %q}`, state), show(v)
}

// hasOutput looks for a text behind where it was found before.
func (p *player) hasOutput(method, name, text string) (bool, string) {
	v, err := p.ask(method, array{name, int64(0), int64(0)})
	if err != nil {
		return false, err.Error()
	}
	log, _ := v.(string)
	return p.find(method+" "+name+" "+text, log, text), show(v)
}

// find says whether text is in a log behind what a reader has seen, and if so has
// the reader see it.
func (p *player) find(reader, log, text string) bool {
	if p.read[reader] > len(log) { // it was cleared
		p.read[reader] = 0
	}
	i := strings.Index(log[p.read[reader]:], text)
	if i < 0 {
		return false
	}
	p.read[reader] += i + len(text)
	return true
}

// log is the main log.
func (p *player) log() string {
	data, err := os.ReadFile(filepath.Join(p.dir, "main.log"))
	if err != nil {
		return ""
	}
	return string(data)
}

func (p *player) showLog(pattern string) (string, error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return "", err
	}
	if p.running() {
		// A state can be seen before the lines about it are written. What does nothing
		// is done when all that is over.
		_, _ = p.ask("supervisor.stopProcess", array{"no such process"}) // it may be about to end
	}
	log, reader := p.log(), "log "+pattern
	log = log[:strings.LastIndex(log, "\n")+1] // a line may be on its way
	if p.read[reader] > len(log) {             // it was cleared
		p.read[reader] = 0
	}
	log, p.read[reader] = log[p.read[reader]:], len(log)
	var b strings.Builder
	for line := range strings.Lines(p.hideText(log)) {
		line = strings.TrimPrefix(line, "TIME ")
		if match.MatchString(line) && !strings.HasPrefix(line, "CRIT Supervisor is running as root.") {
			b.WriteString(line)
		}
	}
	return b.String(), nil
}
