//go:build !linux

package resident

import "errors"

// DropExecutable works on Linux.
func DropExecutable() error { return errors.ErrUnsupported }
