package extension

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// boundedMethods are those of the test plugin that show or use up what it has.
func boundedMethods() []string { return []string{"identity", "environ", "allocate", "burn", "open"} }

func (p *testPlugin) bounded(method string) (rpcinterface.Value, error) {
	switch method {
	case "identity":
		groups, err := os.Getgroups()
		return rpcinterface.String(fmt.Sprint(os.Getuid(), os.Geteuid(), os.Getgid(), os.Getegid(), groups)), err
	case "environ":
		return rpcinterface.String(strings.Join(os.Environ(), "\n")), nil
	case "allocate":
		var kept [][]byte
		for {
			b := make([]byte, 1<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			if kept = append(kept, b); len(kept) > 1<<20 {
				return rpcinterface.Int(len(kept)), nil
			}
		}
	case "burn":
		for n := 0; ; n++ { // until it is killed
			runtime.KeepAlive(n)
		}
	case "open":
		var files []*os.File
		defer func() {
			for _, f := range files {
				f.Close()
			}
		}()
		for {
			f, err := os.Open(os.DevNull)
			if err != nil {
				return rpcinterface.String(fmt.Sprintf("below %v: %v", len(files) < 40, err)), nil
			}
			files = append(files, f)
			if len(files) > 1000 {
				return rpcinterface.String("no end"), nil
			}
		}
	}
	return nil, rpcinterface.NewFault(rpcinterface.CodeUnknownMethod)
}

// openTo lets everybody into a directory that a test has made.
func openTo(t *testing.T, dir string) string {
	t.Helper()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPluginUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can start a plugin as another user")
	}
	kids, err := children()
	if err != nil {
		t.Fatal(err)
	}
	nobody, cred, err := identify(kids.NameService(), 0, "nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir := openTo(t, shortTempDir(t))
	path := filepath.Join(dir, "plugin")
	sum := copySelf(t, path)
	specs := map[string]core.ExtensionSpec{
		"from its file": hashed(path, ""),
		"from a copy":   hashed(path, sum),
		"within limits": hashed(path, ""),
		"bundled":       section("x", "plain"),
	}
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			spec.User = "nobody"
			spec.Environment = []core.EnvVar{{Name: "MINE", Value: "a=b"}, {Name: "SHELL", Value: "/bin/other"}, {Name: "PLUGIN_UNIX_SOCKET_DIR", Value: "/x"}}
			spec.Grants = &rpcinterface.Grants{rpcinterface.GrantProcessesRead}
			cfg := Config{Environ: []string{"PATH=/bin", "HOME=/root", "USER=root", "LOGNAME=root", "SHELL=/bin/sh", "SECRET=1"}}
			switch name {
			case "within limits":
				spec.Limits = core.PluginLimits{Memory: 1 << 30, CPU: time.Minute, Files: 100}
			case "bundled":
				spec.Factory = "plain"
				cfg.Bundled = []string{"plain"}
			}
			cfg.Specs = []core.ExtensionSpec{spec}
			r := newRig(t, cfg).start(t)
			var groups []int
			for _, g := range cred.Groups {
				groups = append(groups, int(g))
			}
			want := fmt.Sprint(nobody.UID, nobody.UID, nobody.GID, nobody.GID, groups)
			if got := r.mustCall(t, "x.identity"); got != rpcinterface.Value(rpcinterface.String(want)) {
				t.Errorf("it is %v, want %s", got, want)
			}
			// The way back to the host, over a socket that the daemon has made.
			if n := r.mustCall(t, "x.processes"); n != rpcinterface.Value(rpcinterface.Int(3)) {
				t.Errorf("it sees %v processes", n)
			}
			env := strings.Split(string(r.mustCall(t, "x.environ").(rpcinterface.String)), "\n")
			for _, want := range []string{"PATH=/bin", "HOME=" + nobody.Home, "USER=nobody", "LOGNAME=nobody", "SHELL=/bin/other", "MINE=a=b", "PLUGVISOR_LIFELINE=1"} {
				if !slices.Contains(env, want) {
					t.Errorf("the environment lacks %s: %q", want, env)
				}
			}
			socketDir := ""
			for _, v := range env {
				if strings.HasPrefix(v, "SECRET=") || v == "HOME=/root" {
					t.Errorf("it has inherited %s", v)
				}
				if dir, ok := strings.CutPrefix(v, "PLUGIN_UNIX_SOCKET_DIR="); ok {
					socketDir += dir
				}
			}
			entries, err := os.ReadDir(socketDir)
			if err != nil || len(entries) < 2 || !strings.HasPrefix(socketDir, r.runDir) {
				t.Fatalf("sockets in %q: %v, %v", socketDir, entries, err)
			}
			for _, path := range append([]string{""}, names(entries)...) {
				var st unix.Stat_t
				if err := unix.Lstat(filepath.Join(socketDir, path), &st); err != nil || int(st.Uid) != nobody.UID {
					t.Errorf("%s/%s belongs to %d, %v", socketDir, path, st.Uid, err)
				}
				if path == "" && st.Mode&0o777 != 0o700 {
					t.Errorf("the directory of sockets has mode %o", st.Mode)
				}
			}
		})
	}
	t.Run("whose executable is closed to it", func(t *testing.T) {
		closed := shortTempDir(t)
		path := filepath.Join(closed, "plugin")
		copySelf(t, path)
		spec := hashed(path, "")
		spec.User = "nobody"
		r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}})
		if err := r.Resolve(); err != nil {
			t.Fatal(err)
		}
		if err := r.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "user nobody, which plugin.user names, cannot execute "+path+": "+closed+" is closed to it") {
			t.Error(err)
		}
	})
}

func names(entries []os.DirEntry) (list []string) {
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestPluginUserRefused(t *testing.T) {
	names := child.NewNameService()
	_, _, err := identify(names, 4711, "nobody")
	if err == nil || !strings.Contains(err.Error(), "plugin.user = nobody needs a supervisord that is root, and this one has uid 4711") ||
		!strings.Contains(err.Error(), "user in [supervisord]") {
		t.Error(err)
	}
	if _, _, err := identify(names, 0, "plugvisor-none"); err == nil || !strings.Contains(err.Error(), "there is no user plugvisor-none, which plugin.user names") {
		t.Error(err)
	}
	if a, cred, err := identify(names, os.Getuid(), strconv.Itoa(os.Getuid())); err != nil || cred != nil || a.UID != os.Getuid() {
		t.Errorf("the daemon's own user: %+v, %v, %v", a, cred, err)
	}
}

// What the host gives away is its own socket, whatever the plugin has put there.
func TestOnlySocketsAreGiven(t *testing.T) {
	dir := shortTempDir(t)
	path := filepath.Join(dir, "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("/etc/passwd", link); err != nil {
		t.Fatal(err)
	}
	cred := &syscall.Credential{Uid: 65534, Gid: 65534}
	for _, p := range []string{path, link} {
		if err := giveSocket(p, cred); err == nil || !strings.Contains(err.Error(), "not the socket that was made there") {
			t.Errorf("%s: %v", p, err)
		}
	}
}

// inPlainGo runs the test in a build without the race detector and C, as plugins are
// published, where this is one with either: the race detector reserves far more
// memory than a plugin has, and so do C's threads. It says whether it did.
func inPlainGo(t *testing.T) bool {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if !ok || !slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) &&
		!slices.Contains(info.Settings, debug.BuildSetting{Key: "CGO_ENABLED", Value: "1"}) {
		return false
	}
	cmd := exec.Command("go", "test", "-count=1", "-run", "^"+t.Name()+"$", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	// How it ended may have been told to our own reaper.
	if out, err := cmd.CombinedOutput(); !bytes.HasPrefix(out, []byte("ok ")) {
		t.Errorf("in plain Go: %v\n%s", err, out)
	}
	return true
}

func TestLimitOfMemory(t *testing.T) {
	spec := section("x", "plain")
	spec.Limits.Memory = 256 << 20
	if inPlainGo(t) {
		return
	}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	_, err := r.call(t, "x.allocate")
	wantFault(t, err, rpcinterface.CodeFailed, "during the call")
	r.log.await(t, "having wanted more than the 256MB of memory that plugin.max_memory allows; starting it again")
	r.mustCall(t, "x.pid")
}

func TestLimitOfProcessorTime(t *testing.T) {
	spec := section("x", "plain")
	spec.Limits.CPU = time.Second
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	_, err := r.call(t, "x.burn")
	wantFault(t, err, rpcinterface.CodeFailed, "during the call")
	r.log.await(t, "was killed by SIGKILL, having used the 1s of processor time that plugin.max_cpu allows; starting it again")
	r.mustCall(t, "x.pid")
}

func TestLimitOfFiles(t *testing.T) {
	spec := section("x", "plain")
	spec.Limits.Files = 40
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	got := string(r.mustCall(t, "x.open").(rpcinterface.String))
	if !strings.Contains(got, "below true") || !strings.Contains(got, "too many open files") {
		t.Errorf("it opened files until %s", got)
	}
	r.mustCall(t, "x.pid")
}

// What runtimes say when they get no memory, also for another thread.
func TestShortage(t *testing.T) {
	for text, want := range map[string]bool{
		"fatal error: runtime: out of memory: cannot allocate 4194304-byte block":       true,
		"runtime/cgo: pthread_create failed: Resource temporarily unavailable\nSIGABRT": true,
		"Traceback (most recent call last):\nRuntimeError: can't start new thread":      true,
		"MemoryError": true,
		"panic: runtime error: index out of range [3] with length 3":                       false,
		"accept4: too many open files: Resource temporarily unavailable, no memory needed": false,
	} {
		for cut := range len(text) {
			var s shortage
			s.Write([]byte(text[:cut]))
			s.Write([]byte(text[cut:]))
			if s.heard.Load() != want {
				t.Fatalf("%q, cut at %d: %v", text, cut, !want)
			}
		}
	}
}

// What the documentation says is enough for a plugin in Go is enough.
func TestLeastLimits(t *testing.T) {
	spec := section("x", "plain")
	if inPlainGo(t) {
		return
	}
	spec.Limits = core.PluginLimits{Memory: goMemory, CPU: time.Second, Files: 32}
	r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}}).start(t)
	r.mustCall(t, "x.pid")
	r.mustCall(t, "x.processes")
	var busy sync.WaitGroup
	for range 32 {
		busy.Go(func() {
			for range 20 {
				if _, err := r.call(t, "x.pid"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	busy.Wait()

	spec.Limits.Memory = 32 << 20
	r = newRig(t, Config{Specs: []core.ExtensionSpec{spec}})
	if err := r.Resolve(); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "memory") || !strings.Contains(err.Error(), "plugin.max_memory") {
		t.Errorf("with too little: %v", err)
	}
}

// fakeCgroups is a file system with the daemon in a cgroup.
func fakeCgroups(t *testing.T, place string, files map[string]string) (c *cgroups, top string) {
	t.Helper()
	dir := t.TempDir()
	top = filepath.Join(dir, "cgroup")
	files["../self/cgroup"] = "9:name=systemd:/\n0::" + place + "\n"
	files["../self/mountinfo"] = "25 30 0:23 / /proc rw - proc proc rw\n36 35 0:30 / " + top + " rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
	for name, text := range files {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &cgroups{proc: filepath.Join(dir, "self")}, top
}

func TestCgroup(t *testing.T) {
	read := func(path string) string {
		text, _ := os.ReadFile(path)
		return string(text)
	}
	t.Run("root of all", func(t *testing.T) {
		c, top := fakeCgroups(t, "/", map[string]string{"cgroup.controllers": "cpu memory\n", "cgroup.subtree_control": "cpu\n"})
		g, err := c.add(64 << 20)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Dir(g.dir) != top || read(g.dir+"/memory.max") != "67108864" || read(g.dir+"/memory.swap.max") != "0" || read(top+"/cgroup.subtree_control") != "+memory" {
			t.Errorf("%s: %q, %q", g.dir, read(g.dir+"/memory.max"), read(top+"/cgroup.subtree_control"))
		}
		if g.exhausted() {
			t.Error("exhausted before it began")
		}
		if err := g.set("memory.events", "low 0\noom 1\noom_kill 1\n"); err != nil {
			t.Fatal(err)
		}
		if !g.exhausted() {
			t.Error("a kill by the kernel is not seen")
		}
		b := bounds{limits: core.PluginLimits{Memory: 64 << 20}, cgroup: g}
		if limits := b.rlimits(); len(limits) != 0 || b.dir() != g.dir {
			t.Errorf("limits besides the cgroup: %v, %s", limits, b.dir())
		}
		g.remove()
		if read(g.dir+"/cgroup.kill") != "1" || len(c.live) != 0 {
			t.Error("what was left in it was not killed")
		}
	})
	t.Run("not delegated", func(t *testing.T) {
		c, _ := fakeCgroups(t, "/a/b", map[string]string{"a/b/cgroup.controllers": "memory", "cgroup.events": "", "a/cgroup.controllers": "memory"})
		if g, err := c.add(1 << 30); err != errNotDelegated {
			t.Errorf("%v, %v", g, err)
		}
	})
	t.Run("without the controller", func(t *testing.T) {
		c, _ := fakeCgroups(t, "/", map[string]string{"cgroup.controllers": "cpu"})
		if g, err := c.add(1 << 30); err == nil || !strings.Contains(err.Error(), "has no controller of memory") {
			t.Errorf("%v, %v", g, err)
		}
	})
	t.Run("above is delegated", func(t *testing.T) {
		c, top := fakeCgroups(t, "/unit/main", map[string]string{"unit/main/cgroup.events": "", "unit/cgroup.subtree_control": "memory", "cgroup.events": ""})
		if err := unix.Setxattr(top+"/unit", "user.delegate", []byte("1"), 0); err != nil {
			t.Skipf("no extended attributes here: %v", err)
		}
		g, err := c.add(1 << 30)
		if err != nil || filepath.Dir(g.dir) != top+"/unit" {
			t.Errorf("%+v, %v", g, err)
		}
	})
	t.Run("own is delegated", func(t *testing.T) {
		c, top := fakeCgroups(t, "/unit", map[string]string{"unit/cgroup.procs": "", "unit/cgroup.controllers": "memory", "cgroup.events": ""})
		if err := unix.Setxattr(top+"/unit", "user.delegate", []byte("1"), 0); err != nil {
			t.Skipf("no extended attributes here: %v", err)
		}
		g, err := c.add(1 << 30)
		if err != nil || filepath.Dir(g.dir) != top+"/unit" || !exists(top+"/unit", leafCgroup) {
			t.Errorf("%+v, %v", g, err)
		}
	})
}
