package child

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// DescriptorLimit gives the soft limit of descriptors that the process was started
// with, and that children get until the process sets another. Go's start-up raises
// it for the process, to one below the hard limit, and lowers it again in each
// child; so a shell is asked. Where there is none, the process gets the limit back
// too. It must be called before New.
func DescriptorLimit() (uint64, error) {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return 0, fmt.Errorf("cannot read the limit of descriptors: %w", err)
	}
	if now.Cur != now.Max-1 {
		return now.Cur, nil // not raised, or set since
	}
	if n, err := askShell("/bin/sh"); err == nil {
		return n, nil
	}
	if err := restoreLimit(); err != nil {
		return 0, err
	}
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now)
	return now.Cur, err
}

// askShell has a shell say what its limit is.
func askShell(path string) (limit uint64, err error) {
	read, write, err := OutputPipe()
	if err != nil {
		return 0, err
	}
	defer read.Close()
	_, wait, err := startAlone(&Spec{
		Path: path, Argv: []string{"sh", "-c", "ulimit -Sn"}, Files: []*os.File{nil, write, nil},
	})
	write.Close()
	if err != nil {
		return 0, err
	}
	line, readErr := bufio.NewReader(read).ReadString('\n')
	if _, err := wait(); err != nil || readErr != nil {
		return 0, errors.Join(err, readErr)
	}
	return strconv.ParseUint(strings.TrimSpace(line), 10, 64)
}

// restoreLimit gives the process the limit that its children get. syscall keeps it
// to itself, but restores it before it executes another program, and leaves it so
// when that fails: no program has an empty name.
func restoreLimit() error {
	if err := syscall.Exec("", []string{""}, nil); !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("cannot restore the limit of descriptors: %w", err)
	}
	return nil
}
