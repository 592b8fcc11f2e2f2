package child

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// fakeGetent puts a getent on the PATH that knows one user, one group, and what it
// was asked, which asked gives.
func fakeGetent(t *testing.T, more string) (asked func() []string) {
	t.Helper()
	dir := t.TempDir()
	log := filepath.Join(dir, "asked")
	script := `#!/bin/sh
echo "$*" >> ` + log + `
case "$*" in
"passwd plugvisor-far"|"passwd 712345") echo "plugvisor-far:*:712345:712346:Far, Away:/home/far:/bin/far" ;;
"group plugvisor-club"|"group 712347") echo "plugvisor-club:*:712347:plugvisor-far" ;;
"initgroups plugvisor-far") echo "plugvisor-far         712347 712346 9" ;;
"initgroups nobody") echo "nobody    712347" ;;
"passwd plugvisor-odd") echo "plugvisor-odd:*:-1:x" ;;
"passwd plugvisor-empty") ;;
` + more + `
*) exit 2 ;;
esac
`
	if err := os.WriteFile(filepath.Join(dir, "getent"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	return func() []string {
		text, err := os.ReadFile(log)
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(strings.ReplaceAll(strings.TrimSpace(string(text)), " ", "+"))
	}
}

// bothWays runs a test without and with a reaper.
func bothWays(t *testing.T, test func(t *testing.T, n *NameService)) {
	t.Run("before the reaper", func(t *testing.T) {
		test(t, NewNameService())
		noChildrenLeft(t)
	})
	t.Run("beside the reaper", func(t *testing.T) {
		test(t, newChildren(t).NameService())
	})
}

func TestNamesOfOtherSources(t *testing.T) {
	bothWays(t, func(t *testing.T, n *NameService) {
		asked := fakeGetent(t, "")
		far := Account{Name: "plugvisor-far", UID: 712345, GID: 712346, Home: "/home/far", elsewhere: true, shell: "/bin/far"}
		for range 2 { // the second time without asking
			if a, ok := n.User("plugvisor-far"); !ok || a != far {
				t.Errorf("by name: %+v, %v", a, ok)
			}
			if a, ok := n.UserID(712345); !ok || a != far {
				t.Errorf("by number: %+v, %v", a, ok)
			} else if a.Shell() != "/bin/far" {
				t.Errorf("shell %q", a.Shell())
			}
			if gid, ok := n.Group("plugvisor-club"); !ok || gid != 712347 {
				t.Errorf("group by name: %d, %v", gid, ok)
			}
			if !n.GroupID(712347) {
				t.Error("no group by number")
			}
		}
		want := []string{"passwd+plugvisor-far", "passwd+712345", "group+plugvisor-club", "group+712347"}
		if got := asked(); !slices.Equal(got, want) {
			t.Errorf("asked %q, want %q", got, want)
		}
	})
}

func TestNamesThatAreNowhere(t *testing.T) {
	bothWays(t, func(t *testing.T, n *NameService) {
		asked := fakeGetent(t, "")
		for _, name := range []string{"plugvisor-none", "plugvisor-odd", "plugvisor-empty", "-far", "a:b", "a\nb", "", "712345"} {
			if a, ok := n.User(name); ok {
				t.Errorf("user %q is %+v", name, a)
			}
			if gid, ok := n.Group(name); ok {
				t.Errorf("group %q is %d", name, gid)
			}
		}
		for _, id := range []int{-1, 700000} {
			if a, ok := n.UserID(id); ok {
				t.Errorf("user %d is %+v", id, a)
			}
			if n.GroupID(id) {
				t.Errorf("there is a group %d", id)
			}
		}
		want := []string{
			"passwd+plugvisor-none", "group+plugvisor-none", "passwd+plugvisor-odd", "group+plugvisor-odd",
			"passwd+plugvisor-empty", "group+plugvisor-empty", "passwd+700000", "group+700000",
		}
		if got := asked(); !slices.Equal(got, want) {
			t.Errorf("asked %q, want %q", got, want)
		}
	})
}

func TestLocalNamesAreNotAskedFor(t *testing.T) {
	asked := fakeGetent(t, "")
	n := NewNameService()
	if a, ok := n.User("root"); !ok || a.UID != 0 || a.Home != "/root" || !strings.HasPrefix(a.Shell(), "/bin/") {
		t.Errorf("root is %+v with shell %s, %v", a, a.Shell(), ok)
	}
	if gid, ok := n.Group("root"); !ok || gid != 0 || !n.GroupID(0) {
		t.Errorf("group root is %d, %v", gid, ok)
	}
	if got := asked(); got != nil {
		t.Errorf("asked %q", got)
	}
}

func TestNameServiceThatHangsOrFloods(t *testing.T) {
	bothWays(t, func(t *testing.T, n *NameService) {
		fakeGetent(t, `"passwd plugvisor-slow") exec sleep 1000 ;;
"passwd plugvisor-flood") exec cat /dev/zero ;;
"passwd plugvisor-late") echo "plugvisor-late:*:1:1:::"; exit 3 ;;`)
		n.timeout = 50 * time.Millisecond
		for _, name := range []string{"plugvisor-slow", "plugvisor-flood", "plugvisor-late"} {
			if a, ok := n.User(name); ok {
				t.Errorf("user %q is %+v", name, a)
			}
		}
	})
}

func TestNoGetent(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "plugvisor-tool"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+"::relative")
	for _, name := range []string{"plugvisor-tool", "plugvisor-none"} {
		if path, ok := findProgram(name); ok {
			t.Errorf("%s is found at %s", name, path)
		}
	}
	if path, ok := findProgram("sh"); !ok || !filepath.IsAbs(path) {
		t.Errorf("sh is found at %q, %v: not where systems have it", path, ok)
	}
}

func TestCredentialOfOtherSources(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	bothWays(t, func(t *testing.T, n *NameService) {
		fakeGetent(t, "")
		want := &syscall.Credential{Uid: 712345, Gid: 712346, Groups: []uint32{712346, 712347, 9}}
		if cred, message := n.CredentialFor(712345); message != "" || !reflect.DeepEqual(cred, want) {
			t.Errorf("credential %+v, %q; want %+v", cred, message, want)
		}
		uid, gid := nobody(t)
		for elsewhere, groups := range map[bool][]uint32{true: {uint32(gid), 712347}, false: {uint32(gid)}} {
			n.groupsElsewhere = elsewhere
			if cred, message := n.CredentialFor(uid); message != "" || !slices.Equal(cred.Groups, groups) {
				t.Errorf("groups elsewhere %v: %+v, %q; want %v", elsewhere, cred, message, groups)
			}
		}
	})
}

func TestChildRunsAsUserOfOtherSources(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	fakeGetent(t, "")
	c := newChildren(t)
	spec := sh("grep -E '^(Uid|Gid|Groups):' /proc/self/status")
	uid := 712345
	spec.UID, spec.Env = &uid, os.Environ()
	got := statusOf(run(t, c, spec).stdout)
	if f := strings.Fields(got["Uid"]); len(f) != 4 || f[0] != "712345" || f[3] != "712345" {
		t.Errorf("uids %q", got["Uid"])
	}
	if f := strings.Fields(got["Gid"]); len(f) != 4 || f[0] != "712346" {
		t.Errorf("gids %q", got["Gid"])
	}
	if got["Groups"] != "9 712346 712347" {
		t.Errorf("groups %q", got["Groups"])
	}
}

func TestNamesOtherSources(t *testing.T) {
	for conf, want := range map[string]bool{
		"":                      false,
		"group: files\n":        false,
		"group:files systemd\n": true,
		" group :\tsss files\n": true,
		"#group: sss\n":         false,
		"group: files # sss\n":  false,
		"passwd: sss\n":         false,
		"group: files [NOTFOUND=return UNAVAIL=return]\n":      false,
		"passwd: files\ngroup: files [NOTFOUND=continue] ldap": true,
	} {
		if got := namesOtherSources(conf, "group"); got != want {
			t.Errorf("%q: %v, want %v", conf, got, want)
		}
	}
}
