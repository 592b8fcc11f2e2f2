package child

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// askTimeout is how long a name service may take to answer.
	askTimeout = 30 * time.Second
	// answerLifetime is how long what a name service said is believed.
	answerLifetime = 10 * time.Second
	// maxAnswer limits what is read of an answer, in bytes.
	maxAnswer = 16 << 20
)

// Account is a user of the system.
type Account struct {
	Name     string
	UID, GID int
	Home     string
	// elsewhere says that the user is not in /etc/passwd; shell then is the user's.
	elsewhere bool
	shell     string
}

// NameService finds users and groups. Those that are not in /etc/passwd and
// /etc/group it asks getent(1) for, which knows all sources of nsswitch.conf(5);
// so a statically linked daemon finds who the C library would. What getent found
// is believed for ten seconds, and a source that does not answer within 30
// seconds does not have the name. All methods may be used by many goroutines.
type NameService struct {
	// children start getent; nil: it is started and waited for directly.
	children *Children
	// groupsElsewhere says that users may be in groups that are not in
	// /etc/group.
	groupsElsewhere bool
	timeout         time.Duration

	mu      sync.Mutex
	answers map[question]answer
}

type question struct{ database, key string }

type answer struct {
	fields  []string
	expires time.Time
}

// NewNameService makes one that is to be used only before there is a Children,
// whose reaper would take its children away. See Children.NameService.
func NewNameService() *NameService { return newNameService(nil) }

func newNameService(c *Children) *NameService {
	n := &NameService{children: c, timeout: askTimeout, answers: make(map[question]answer)}
	if text, err := os.ReadFile("/etc/nsswitch.conf"); err == nil {
		n.groupsElsewhere = namesOtherSources(string(text), "group") || namesOtherSources(string(text), "initgroups")
	}
	return n
}

// User finds a user by name.
func (n *NameService) User(name string) (Account, bool) {
	if u, err := user.Lookup(name); err == nil {
		return accountOf(u)
	}
	if isNumber(name) { // which getent takes for a uid
		return Account{}, false
	}
	return n.account(name)
}

// UserID finds a user by uid.
func (n *NameService) UserID(uid int) (Account, bool) {
	if uid < 0 {
		return Account{}, false
	}
	key := strconv.Itoa(uid)
	if u, err := user.LookupId(key); err == nil {
		return accountOf(u)
	}
	return n.account(key)
}

// Group finds a group's number by its name.
func (n *NameService) Group(name string) (gid int, ok bool) {
	if g, err := user.LookupGroup(name); err == nil {
		gid, err := strconv.Atoi(g.Gid)
		return gid, err == nil
	}
	if isNumber(name) {
		return 0, false
	}
	return n.group(name)
}

// GroupID says whether there is a group of a number.
func (n *NameService) GroupID(gid int) bool {
	if gid < 0 {
		return false
	}
	key := strconv.Itoa(gid)
	if _, err := user.LookupGroupId(key); err == nil {
		return true
	}
	_, ok := n.group(key)
	return ok
}

// groupsOf gives the groups that list a user, in any order.
func (n *NameService) groupsOf(a Account) ([]uint32, error) {
	if a.elsewhere || n.groupsElsewhere {
		if fields, ok := n.ask("initgroups", a.Name); ok && len(fields) == 1 {
			return numbers(strings.Fields(strings.TrimPrefix(fields[0], a.Name))), nil
		}
	}
	u := user.User{Username: a.Name, Uid: strconv.Itoa(a.UID), Gid: strconv.Itoa(a.GID)}
	ids, err := u.GroupIds()
	return numbers(ids), err
}

func numbers(ids []string) (out []uint32) {
	for _, id := range ids {
		if g, err := strconv.ParseUint(id, 10, 32); err == nil {
			out = append(out, uint32(g))
		}
	}
	return out
}

func accountOf(u *user.User) (Account, bool) {
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return Account{}, false
	}
	gid, err := strconv.Atoi(u.Gid)
	return Account{Name: u.Username, UID: uid, GID: gid, Home: u.HomeDir}, err == nil
}

// Shell gives the user's login shell, /bin/sh where none is named. os/user does not
// tell it.
func (a Account) Shell() string {
	shell := a.shell
	if text, err := os.ReadFile("/etc/passwd"); err == nil && !a.elsewhere {
		for line := range strings.Lines(string(text)) {
			if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) == 7 && fields[0] == a.Name {
				shell = fields[6]
				break
			}
		}
	}
	if shell == "" {
		return "/bin/sh"
	}
	return shell
}

// account asks for a line of passwd(5).
func (n *NameService) account(key string) (Account, bool) {
	fields, ok := n.ask("passwd", key)
	if !ok || len(fields) != 7 {
		return Account{}, false
	}
	uid, err := strconv.ParseUint(fields[2], 10, 32)
	if err != nil {
		return Account{}, false
	}
	gid, err := strconv.ParseUint(fields[3], 10, 32)
	return Account{Name: fields[0], UID: int(uid), GID: int(gid), Home: fields[5], elsewhere: true, shell: fields[6]}, err == nil
}

// group asks for a line of group(5).
func (n *NameService) group(key string) (gid int, ok bool) {
	fields, ok := n.ask("group", key)
	if !ok || len(fields) < 3 {
		return 0, false
	}
	id, err := strconv.ParseUint(fields[2], 10, 32)
	return int(id), err == nil
}

// ask gives the fields of the line that getent has for a key.
func (n *NameService) ask(database, key string) (fields []string, ok bool) {
	if key == "" || strings.HasPrefix(key, "-") || strings.ContainsAny(key, ":\n\x00") {
		return nil, false
	}
	q, now := question{database, key}, time.Now()
	n.mu.Lock()
	known, ok := n.answers[q]
	n.mu.Unlock()
	if ok && now.Before(known.expires) {
		return known.fields, true
	}
	line, err := n.getent(database, key)
	if err != nil || strings.TrimSpace(line) == "" {
		return nil, false
	}
	fields = strings.Split(line, ":")
	n.mu.Lock()
	defer n.mu.Unlock()
	for old, a := range n.answers {
		if now.After(a.expires) {
			delete(n.answers, old)
		}
	}
	n.answers[q] = answer{fields, now.Add(answerLifetime)}
	return fields, true
}

// getent runs getent and gives the first line that it prints.
func (n *NameService) getent(database, key string) (line string, err error) {
	path, ok := findProgram("getent")
	if !ok {
		return "", errors.New("cannot find getent")
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("cannot run getent: %w", err)
	}
	defer null.Close()
	read, out, err := OutputPipe()
	if err != nil {
		return "", err
	}
	defer read.Close()
	pid, wait, err := n.start(&Spec{
		Path: path, Argv: []string{"getent", database, key}, Env: os.Environ(),
		Files: []*os.File{null, out, null}, NoShim: true,
	})
	out.Close()
	if err != nil {
		return "", err
	}
	_ = read.SetReadDeadline(time.Now().Add(n.timeout))
	line, readErr := bufio.NewReader(io.LimitReader(read, maxAnswer)).ReadString('\n')
	if readErr != nil && !errors.Is(readErr, io.EOF) {
		n.kill(pid)
	}
	read.Close() // what else it has to say is not waited for
	if status, err := wait(); err != nil || status != 0 || readErr != nil {
		return "", fmt.Errorf("cannot find %s %s: %w", database, key, errors.Join(err, readErr))
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// start starts a program, and gives what waits for its end.
func (n *NameService) start(spec *Spec) (pid int, wait func() (syscall.WaitStatus, error), err error) {
	if n.children != nil {
		spec.ordinary = true
		ended := make(chan syscall.WaitStatus, 1)
		pid, err = n.children.Start(spec, func(status syscall.WaitStatus) { ended <- status })
		return pid, func() (syscall.WaitStatus, error) { return <-ended, nil }, err
	}
	return startAlone(spec)
}

// startAlone starts a program while there is no reaper, and gives what waits for
// its end.
func startAlone(spec *Spec) (pid int, wait func() (syscall.WaitStatus, error), err error) {
	files, err := descriptors(spec.Files)
	if err != nil {
		return 0, nil, err
	}
	pid, err = syscall.ForkExec(spec.Path, spec.Argv, &syscall.ProcAttr{Env: spec.Env, Files: files})
	return pid, func() (status syscall.WaitStatus, err error) {
		for {
			if _, err = syscall.Wait4(pid, &status, 0, nil); !errors.Is(err, syscall.EINTR) {
				return status, err
			}
		}
	}, err
}

func (n *NameService) kill(pid int) {
	if n.children != nil {
		_ = n.children.Signal(pid, syscall.SIGKILL, false)
	} else {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// findProgram looks for a program along PATH, and then where systems have theirs.
func findProgram(name string) (string, bool) {
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/bin", "/bin") {
		path := filepath.Join(dir, name)
		if filepath.IsAbs(path) && unix.Access(path, unix.X_OK) == nil {
			return path, true
		}
	}
	return "", false
}

func isNumber(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' })
}

// namesOtherSources says whether a database of an nsswitch.conf(5) has more
// sources than files.
func namesOtherSources(conf, database string) bool {
	for line := range strings.Lines(conf) {
		line, _, _ = strings.Cut(line, "#")
		name, sources, ok := strings.Cut(line, ":")
		if !ok || strings.TrimSpace(name) != database {
			continue
		}
		for _, source := range strings.Fields(sources) {
			if source != "files" && !strings.HasPrefix(source, "[") && !strings.HasSuffix(source, "]") {
				return true
			}
		}
	}
	return false
}
