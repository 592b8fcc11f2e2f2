package config

import (
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// SystemEnvironment is the environment of this process as it is now. Users are
// those that os/user finds.
func SystemEnvironment() *Environment {
	// Both errors leave "", with which the file can still be read.
	host, _ := os.Hostname()
	dir, _ := os.Getwd()
	return &Environment{
		Environ:    os.Environ(),
		HostName:   host,
		TempDir:    tempDir(dir),
		WorkingDir: dir,
		UID:        os.Getuid(),
		Users:      systemUsers{},
		Files:      systemFiles{},
	}
}

// tempDir is Python's tempfile.gettempdir(): the first of these directories that
// a file can be made in.
func tempDir(workingDir string) string {
	for _, dir := range []string{os.Getenv("TMPDIR"), os.Getenv("TEMP"), os.Getenv("TMP"), "/tmp", "/var/tmp", "/usr/tmp", workingDir} {
		if dir == "" {
			continue
		}
		abs, err := filepath.Abs(dir)
		if err != nil {
			continue
		}
		f, err := os.CreateTemp(abs, "")
		if err != nil {
			continue
		}
		_ = f.Close()
		_ = os.Remove(f.Name())
		return abs
	}
	return workingDir
}

type systemFiles struct{}

func (systemFiles) Exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func (systemFiles) IsDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (systemFiles) Read(path string) ([]byte, error) { return os.ReadFile(path) }

func (systemFiles) List(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

type systemUsers struct{}

func (systemUsers) User(name string) (Account, bool) { return account(user.Lookup(name)) }

func (systemUsers) UserID(uid int) (Account, bool) {
	return account(user.LookupId(strconv.Itoa(uid)))
}

func (systemUsers) Group(name string) (int, bool) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, false
	}
	gid, err := strconv.Atoi(g.Gid)
	return gid, err == nil
}

func (systemUsers) GroupID(gid int) bool {
	_, err := user.LookupGroupId(strconv.Itoa(gid))
	return err == nil
}

func account(u *user.User, err error) (Account, bool) {
	if err != nil {
		return Account{}, false
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return Account{}, false
	}
	gid, err := strconv.Atoi(u.Gid)
	return Account{UID: uid, GID: gid, Home: u.HomeDir}, err == nil
}
