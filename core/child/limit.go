package child

import (
	"errors"
	"fmt"
	"syscall"
)

// RestoreLimit gives the process back the soft limit of descriptors that it was
// started with. Go's start-up raises it for the process and lowers it again in
// each child; from here on children have what the process has, as the
// reference's do.
//
// syscall keeps the first value to itself, but restores it before it executes
// another program, and leaves it so when that fails: no program has an empty name.
func RestoreLimit() error {
	if err := syscall.Exec("", []string{""}, nil); !errors.Is(err, syscall.ENOENT) {
		return fmt.Errorf("cannot restore the limit of descriptors: %w", err)
	}
	return nil
}
