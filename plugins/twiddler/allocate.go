package twiddler

import (
	"os"
	"syscall"
)

// allocate makes room for a file's first size bytes (fallocate(2)), where the file
// system can.
func allocate(f *os.File, size int64) error {
	const keepSize = 1 // FALLOC_FL_KEEP_SIZE
	for {
		switch err := syscall.Fallocate(int(f.Fd()), keepSize, 0, size); err {
		case syscall.EINTR:
		case syscall.EOPNOTSUPP, syscall.ENOSYS:
			return nil
		default:
			return err
		}
	}
}
