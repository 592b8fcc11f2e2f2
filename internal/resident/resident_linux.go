package resident

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"syscall"
)

// DropExecutable takes the pages of the program's file out of the page tables. It takes
// a millisecond or two, most of which the kernel needs to list the mappings; afterwards
// the first touch of each 64 KiB takes a microsecond or two, as when the program began.
// An error says what could not be dropped: nothing depends on it.
func DropExecutable() error {
	// Every process may read its own smaps, also when it has given up root's rights.
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return fmt.Errorf("cannot list mappings: %w", err)
	}
	defer file.Close()
	all, err := parse(bufio.NewScanner(file))
	if err != nil {
		return fmt.Errorf("cannot list mappings: %w", err)
	}
	var errs []error
	for _, m := range droppable(all, reflect.ValueOf(DropExecutable).Pointer()) {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED); errno != 0 {
			errs = append(errs, fmt.Errorf("cannot drop pages of %x-%x: %w", m.start, m.end, errno))
		}
	}
	return errors.Join(errs...)
}

// mapping is what is known of one.
type mapping struct {
	start, end  uintptr
	permissions string // as in r-xp
	file        string // device and inode, "" where there is none
	clean       bool   // all of its pages are the file's
}

// droppable gives those mappings of the file in which an address of code lies whose
// pages can be had again from it.
func droppable(all []mapping, code uintptr) []mapping {
	file := ""
	for _, m := range all {
		if m.start <= code && code < m.end {
			file = m.file
		}
	}
	var out []mapping
	for _, m := range all {
		if file != "" && m.file == file && m.clean && strings.HasPrefix(m.permissions, "r-") && strings.HasSuffix(m.permissions, "p") {
			out = append(out, m)
		}
	}
	return out
}

// parse reads smaps: of each mapping a line as in maps, and lines of a key, a colon and
// what it has of that.
func parse(lines *bufio.Scanner) ([]mapping, error) {
	var out []mapping
	for lines.Scan() {
		fields := bytes.Fields(lines.Bytes())
		if len(fields) < 2 {
			continue
		}
		key, isKey := bytes.CutSuffix(fields[0], []byte(":"))
		if !isKey {
			m, err := parseMapping(fields)
			if err != nil {
				return nil, err
			}
			out = append(out, m)
			continue
		}
		if len(out) == 0 {
			continue
		}
		m, none := &out[len(out)-1], string(fields[1]) == "0"
		switch string(key) {
		case "Anonymous":
			m.clean = none
		case "Swap": // comes after Anonymous
			m.clean = m.clean && none
		}
	}
	return out, lines.Err()
}

// parseMapping reads the range, permissions, offset, device, inode and perhaps the path.
func parseMapping(fields [][]byte) (mapping, error) {
	from, to, ok := strings.Cut(string(fields[0]), "-")
	start, err := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	if !ok || err != nil || err2 != nil || len(fields) < 5 {
		return mapping{}, fmt.Errorf("cannot read %q", bytes.Join(fields, []byte(" ")))
	}
	m := mapping{start: uintptr(start), end: uintptr(end), permissions: string(fields[1])}
	if inode := string(fields[4]); inode != "0" {
		m.file = string(fields[3]) + " " + inode
	}
	return m, nil
}
