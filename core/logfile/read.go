package logfile

import (
	"errors"
	"io"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// Errors of Read, with the texts of the reference's faults.
var (
	// ErrBadArguments: a negative length, or a length beside a negative offset.
	ErrBadArguments = errors.New("BAD_ARGUMENTS")
	// ErrFailed: the file cannot be read.
	ErrFailed = errors.New("FAILED")
)

// Read reads length bytes from offset on, or to the end when length is 0. A
// negative offset with length 0 reads that many bytes from the end (options.py,
// readFile). The file is looked at before the arguments.
func Read(path string, offset, length int64) ([]byte, error) {
	f, size, err := openToRead(path)
	if err != nil {
		return nil, ErrFailed
	}
	defer f.Close()
	if length < 0 || offset < 0 && length != 0 {
		return nil, ErrBadArguments
	}
	if offset < 0 {
		offset = max(0, size+offset)
	}
	left := max(0, size-offset)
	if length == 0 || length > left {
		length = left
	}
	data, err := readAt(f, offset, length)
	if err != nil {
		return nil, ErrFailed
	}
	return data, nil
}

// Tail reads length bytes from offset on, for one who follows the file by asking
// again with next, which is its size. Where fewer bytes than length are behind
// offset the last length bytes of the file are given, even those before offset.
// Overflow says that there were more than length; then, too, the last ones are
// given (options.py, tailFile). A file that cannot be read is empty, and next is
// offset.
func Tail(path string, offset, length int64) (data []byte, next int64, overflow bool) {
	f, size, err := openToRead(path)
	if err != nil {
		return nil, offset, false
	}
	defer f.Close()
	from := offset
	if size > add(from, length) {
		overflow = true
		from = size - 1
	}
	if add(from, length) > size {
		if from > size-1 {
			length = 0
		}
		from = size - length
	}
	from, length = max(0, from), max(0, length)
	data, err = readAt(f, from, min(length, max(0, size-from)))
	if err != nil {
		return nil, offset, false
	}
	return data, size, overflow
}

// openToRead opens a file that has a size. It does not wait for the other end of a
// named pipe.
func openToRead(path string) (f *os.File, size int64, err error) {
	f, err = openAtOnce(path)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = unix.EISDIR
	}
	if err == nil {
		size, err = f.Seek(0, io.SeekEnd)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, size, nil
}

// openAtOnce opens a file to read, and does not wait for the other end of what turns
// out to be a pipe. A lease is waited for: it is short.
func openAtOnce(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if errors.Is(err, unix.EWOULDBLOCK) { // so it is no pipe
		f, err = os.OpenFile(path, os.O_RDONLY, 0)
	}
	return f, err
}

// readAt reads length bytes, or fewer when the file has become shorter.
func readAt(f *os.File, offset, length int64) ([]byte, error) {
	if length == 0 {
		return nil, nil
	}
	data := make([]byte, length)
	n, err := f.ReadAt(data, offset)
	if err == io.EOF {
		err = nil
	}
	return data[:n], err
}

// add does not wrap around.
func add(a, b int64) int64 {
	switch sum := a + b; {
	case a > 0 && b > 0 && sum < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && sum >= 0:
		return math.MinInt64
	default:
		return sum
	}
}
