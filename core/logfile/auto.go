package logfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
)

// autoLetters are those of Python's tempfile, autoLength how many a name has.
const (
	autoLetters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	autoLength  = 8
)

// CreateAuto makes the log of a process whose configuration names none: an empty
// file of mode 0600 called NAME-CHANNEL---IDENTIFIER-XXXXXXXX.log (options.py,
// get_autochildlog_name).
func CreateAuto(dir, name, channel, identifier string) (path string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return "", fmt.Errorf("cannot create log file: %w", err)
	}
	const attempts = 100
	for range attempts {
		path = dir + "/" + name + "-" + channel + "---" + identifier + "-" + autoSuffix() + ".log"
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("cannot create log file: %w", err)
		}
		return path, f.Close()
	}
	return "", fmt.Errorf("cannot create log file: no name is free in %s", dir)
}

func autoSuffix() string {
	var b [autoLength]byte
	rand.Read(b[:])
	for i := range b {
		b[i] = autoLetters[int(b[i])%len(autoLetters)]
	}
	return string(b[:])
}

// CleanAuto removes the automatic logs, and their backups, that an earlier run
// with the same identifier left in dir (options.py, clear_autochildlogdir). Failed
// are the paths of those that it could not remove; err says that dir could not be
// read.
func CleanAuto(dir, identifier string) (failed []string, err error) {
	stale, err := regexp.Compile(`^.+?---` + regexp.QuoteMeta(identifier) + `-\S+\.log\.{0,1}\d{0,4}`)
	if err != nil {
		return nil, fmt.Errorf("cannot look for stale log files: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot look for stale log files: %w", err)
	}
	for _, entry := range entries {
		if !stale.MatchString(entry.Name()) {
			continue
		}
		// Not os.Remove, which would remove an empty directory.
		if path := filepath.Join(dir, entry.Name()); syscall.Unlink(path) != nil {
			failed = append(failed, path)
		}
	}
	return failed, nil
}
