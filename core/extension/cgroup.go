package extension

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// cgroupPrefix begins the names of the plugins' cgroups; the daemon's pid and a
	// number follow.
	cgroupPrefix = "supervisord-plugin-"
	// leafCgroup is where the daemon moves to when its own cgroup is to have others
	// below it: only one without processes may have that.
	leafCgroup = "supervisord"
	// maxMoves is how often the processes of a cgroup are moved before it is given up:
	// each time those that were forked meanwhile are left.
	maxMoves = 100
)

var errNotDelegated = errors.New("no cgroup is delegated to supervisord")

// cgroups makes a cgroup (version 2) for each process of a plugin whose memory is
// limited. It does so only where one is delegated to the daemon: where systemd says
// so of the daemon's cgroup (Delegate=) or of the one above it (DelegateSubgroup=),
// or where the daemon is in the root of all, which nobody else manages then. With
// Delegate= alone the daemon moves itself, and all that is in its cgroup, one level
// down.
type cgroups struct {
	// proc is where the daemon's place is looked up, "" for /proc/self.
	proc string
	told atomic.Bool

	mu     sync.Mutex
	asked  bool
	parent string // below which they are made
	err    error  // why there is none
	last   int
	live   map[string]struct{}
}

// cgroup is that of one process and its children.
type cgroup struct {
	dir string
	all *cgroups
}

// first says whether it is asked for the first time.
func (c *cgroups) first() bool { return !c.told.Swap(true) }

// add makes a cgroup that may use so many bytes of memory.
func (c *cgroups) add(memory int64) (*cgroup, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.asked {
		c.asked = true
		c.parent, c.err = c.find()
	}
	if c.err != nil {
		return nil, c.err
	}
	c.sweep()
	c.last++
	g := &cgroup{dir: filepath.Join(c.parent, cgroupPrefix+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(c.last)), all: c}
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot make a cgroup: %w", err)
	}
	if err := g.set("memory.max", strconv.FormatInt(memory, 10)); err != nil {
		os.Remove(g.dir)
		return nil, err
	}
	// All of the plugin ends at once, and what it may not have in memory it cannot
	// have in swap. Kernels may lack either.
	_ = g.set("memory.oom.group", "1")
	_ = g.set("memory.swap.max", "0")
	if c.live == nil {
		c.live = make(map[string]struct{})
	}
	c.live[g.dir] = struct{}{}
	return g, nil
}

// find finds the cgroup below which ours are made, and makes it ready.
func (c *cgroups) find() (string, error) {
	dir, mount, err := c.own()
	if err != nil {
		return "", err
	}
	switch {
	case mount == dir && !exists(dir, "cgroup.events"): // the root of all
	case delegated(dir):
		if err := vacate(dir); err != nil {
			return "", err
		}
	case mount != dir && delegated(filepath.Dir(dir)):
		dir = filepath.Dir(dir)
	default:
		return "", errNotDelegated
	}
	if err := enable(dir, "memory"); err != nil {
		return "", err
	}
	return dir, nil
}

// own gives the directory of the daemon's cgroup, and that of the uppermost.
func (c *cgroups) own() (dir, mount string, err error) {
	proc := c.proc
	if proc == "" {
		proc = "/proc/self"
	}
	text, err := os.ReadFile(filepath.Join(proc, "cgroup"))
	if err != nil {
		return "", "", fmt.Errorf("cannot find the cgroup of supervisord: %w", err)
	}
	place := ""
	for line := range strings.Lines(string(text)) {
		if p, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::"); ok {
			place = path.Clean(p)
		}
	}
	text, err = os.ReadFile(filepath.Join(proc, "mountinfo"))
	if err != nil {
		return "", "", fmt.Errorf("cannot find the cgroup of supervisord: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		// 36 35 98:0 /root /mount/point options … - type source options
		before, after, ok := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !ok || len(fields) < 5 || !strings.HasPrefix(after, "cgroup2 ") {
			continue
		}
		if below, err := filepath.Rel(fields[3], place); place != "" && err == nil && !strings.HasPrefix(below, "..") {
			return filepath.Join(fields[4], below), fields[4], nil
		}
	}
	return "", "", errNotDelegated
}

func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}

// delegated says whether systemd has left a cgroup to who runs in it.
func delegated(dir string) bool {
	for _, name := range []string{"trusted.delegate", "user.delegate"} {
		value := make([]byte, 8)
		if n, err := unix.Getxattr(dir, name, value); err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// vacate moves the processes of a cgroup to one below it.
func vacate(dir string) error {
	leaf := filepath.Join(dir, leafCgroup)
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("cannot make a cgroup: %w", err)
	}
	for range maxMoves {
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return fmt.Errorf("cannot read the processes of a cgroup: %w", err)
		}
		pids := strings.Fields(string(text))
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			err := write(filepath.Join(leaf, "cgroup.procs"), pid)
			if err != nil && !errors.Is(err, syscall.ESRCH) { // it has ended
				return err
			}
		}
	}
	return fmt.Errorf("cannot move all processes of %s", dir)
}

// enable lets the cgroups below dir have a controller.
func enable(dir, controller string) error {
	has := func(file string) bool {
		text, err := os.ReadFile(filepath.Join(dir, file))
		return err == nil && slices.Contains(strings.Fields(string(text)), controller)
	}
	switch {
	case has("cgroup.subtree_control"):
		return nil
	case !has("cgroup.controllers"):
		return fmt.Errorf("the cgroup %s has no controller of %s", dir, controller)
	}
	return write(filepath.Join(dir, "cgroup.subtree_control"), "+"+controller)
}

func write(file, text string) error {
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write to a cgroup: %w", err)
	}
	return nil
}

func (g *cgroup) set(file, text string) error { return write(filepath.Join(g.dir, file), text) }

// exhausted says whether the kernel has killed a process for its memory.
func (g *cgroup) exhausted() bool {
	text, err := os.ReadFile(filepath.Join(g.dir, "memory.events"))
	if err != nil {
		return false
	}
	for line := range bytes.Lines(text) {
		if n, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("oom_kill ")); ok && string(n) != "0" {
			return true
		}
	}
	return false
}

// remove ends what is left in the cgroup, and the cgroup. Where that takes the kernel
// a while, the next that is made does it.
func (g *cgroup) remove() {
	_ = g.set("cgroup.kill", "1") // a kernel since 5.14
	_ = os.Remove(g.dir)
	g.all.mu.Lock()
	defer g.all.mu.Unlock()
	delete(g.all.live, g.dir)
}

// sweep removes the cgroups that this daemon, and those that are dead, have left.
func (c *cgroups) sweep() {
	entries, err := os.ReadDir(c.parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		rest, ours := strings.CutPrefix(e.Name(), cgroupPrefix)
		pid, err := strconv.Atoi(strings.Split(rest, "-")[0])
		dir := filepath.Join(c.parent, e.Name())
		_, live := c.live[dir]
		if !ours || err != nil || live {
			continue
		}
		if pid == os.Getpid() || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			_ = os.Remove(dir) // the kernel does not while there is anybody in it
		}
	}
}
