package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links a path may lead over, as in the kernel.
const maxLinks = 40

// CheckPath refuses an executable that somebody other than root or the daemon's
// user could exchange: a plugin has what its section is granted, so whoever can
// change its file has that too. The error names every file and directory that is
// in the way, and the commands that help.
//
// The file and each directory on the way to it, over symbolic links, must belong to
// root or to uid and be writable by nobody else. As in sshd's StrictModes, a group
// is others too, also where it is called a user's private one: whether somebody
// else is in it is not to be found out for sure. A directory with the sticky bit,
// such as /tmp, is let pass where the next on the way is a directory, for then
// nobody else can exchange that; it cannot hold the executable itself, nor a link
// to it, for there others can be first with a file of the name.
//
// plugin.user may not own the file either: a plugin that can change itself keeps
// what somebody has once made of it.
func CheckPath(path string, uid int) error {
	in := inspection{uid: uint32(uid)}
	if err := in.walk(path); err != nil {
		return err
	}
	return in.verdict()
}

// inspection collects what is wrong along a path.
type inspection struct {
	uid     uint32
	open    []string // others can write to it
	foreign []string // somebody else's
	owners  []uint32 // of the foreign
	shared  []string // sticky directories that hold the file, or a link
}

func (in *inspection) walk(path string) error {
	dir, rest := "/", strings.Split(path, "/")
	sticky, err := in.directory(dir)
	if err != nil {
		return err
	}
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			dir = filepath.Dir(dir) // dir has no link in it
		default:
			path := filepath.Join(dir, name)
			info, err := os.Lstat(path)
			if err != nil {
				return fmt.Errorf("cannot look at %s: %w", path, errors.Unwrap(err))
			}
			if info.IsDir() {
				dir = path
				break
			}
			if sticky {
				add(&in.shared, dir)
			}
			if info.Mode()&fs.ModeSymlink == 0 {
				in.judge(path, info)
				return nil
			}
			if links++; links > maxLinks {
				return fmt.Errorf("cannot look at %s: %w", path, syscall.ELOOP)
			}
			target, err := os.Readlink(path)
			if err != nil {
				return fmt.Errorf("cannot look at %s: %w", path, errors.Unwrap(err))
			}
			if filepath.IsAbs(target) {
				dir = "/"
			}
			rest = append(strings.Split(target, "/"), rest...)
		}
		if sticky, err = in.directory(dir); err != nil {
			return err
		}
	}
	return nil
}

// directory judges a directory on the way. Sticky says that others can make files in
// it, but not remove those of others.
func (in *inspection) directory(path string) (sticky bool, err error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, fmt.Errorf("cannot look at %s: %w", path, errors.Unwrap(err))
	}
	if writable(info) && info.Mode()&fs.ModeSticky != 0 {
		in.owner(path, info)
		return true, nil
	}
	in.judge(path, info)
	return false, nil
}

func (in *inspection) judge(path string, info fs.FileInfo) {
	in.owner(path, info)
	if writable(info) {
		add(&in.open, path)
	}
}

func (in *inspection) owner(path string, info fs.FileInfo) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if ok && (st.Uid == 0 || st.Uid == in.uid) {
		return
	}
	if add(&in.foreign, path) && ok {
		in.owners = append(in.owners, st.Uid)
	}
}

func writable(info fs.FileInfo) bool { return info.Mode().Perm()&0o022 != 0 }

// add adds a path once.
func add(list *[]string, path string) bool {
	for _, p := range *list {
		if p == path {
			return false
		}
	}
	*list = append(*list, path)
	return true
}

// verdict tells all that is wrong, with the remedies.
func (in *inspection) verdict() error {
	var wrong, remedies []string
	if len(in.open) > 0 {
		wrong = append(wrong, "others can write to "+strings.Join(in.open, ", "))
		remedies = append(remedies, "chmod go-w "+quoted(in.open))
	}
	for i, path := range in.foreign {
		wrong = append(wrong, path+" belongs to uid "+strconv.Itoa(int(in.owners[i])))
	}
	if len(in.foreign) > 0 {
		owner := "root"
		if in.uid != 0 {
			owner = strconv.Itoa(int(in.uid))
		}
		remedies = append(remedies, "chown "+owner+" "+quoted(in.foreign))
	}
	for _, path := range in.shared {
		wrong = append(wrong, "everybody can make files in "+path)
		remedies = append(remedies, "put the plugin into a directory of its own")
	}
	if len(wrong) == 0 {
		return nil
	}
	return untrusted("whoever can exchange a plugin has what it is granted, and " + strings.Join(wrong, ", and ") +
		"; " + strings.Join(remedies, "; "))
}

// untrusted is the error for an executable that others could exchange.
type untrusted string

func (text untrusted) Error() string { return string(text) }

// quoted lists paths as a shell takes them.
func quoted(paths []string) string {
	words := make([]string, len(paths))
	for i, p := range paths {
		words[i] = p
		if strings.ContainsAny(p, " \t\n'\"\\$&;|<>()*?[]#~`!{}") {
			words[i] = "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
