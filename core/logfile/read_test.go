package logfile

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// sample is a file of 37 bytes.
func sample(t testing.TB) (path, text string) {
	t.Helper()
	text = "0123456789:;<=>?@ABCDEFGHIJKLMNOPQRST"
	path = filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, text
}

func TestRead(t *testing.T) {
	path, text := sample(t)
	tests := []struct {
		offset, length int64
		want           string
		err            error
	}{
		{0, 0, text, nil},
		{5, 0, text[5:], nil},
		{5, 3, "567", nil},
		{-5, 0, "PQRST", nil},
		{-50, 0, text, nil},
		{math.MinInt64, 0, text, nil},
		{40, 0, "", nil},
		{40, 2, "", nil},
		{30, 100, text[30:], nil},
		{30, math.MaxInt64, text[30:], nil},
		{math.MaxInt64, math.MaxInt64, "", nil},
		{-5, 1, "", ErrBadArguments},
		{0, -1, "", ErrBadArguments},
		{-5, -1, "", ErrBadArguments},
	}
	for _, test := range tests {
		got, err := Read(path, test.offset, test.length)
		if string(got) != test.want || err != test.err {
			t.Errorf("Read(%d, %d) = %q, %v; want %q, %v", test.offset, test.length, got, err, test.want, test.err)
		}
	}
}

// Values are those that the reference's tailFile gives.
func TestTail(t *testing.T) {
	path, text := sample(t)
	tests := []struct {
		offset, length int64
		want           string
		next           int64
		overflow       bool
	}{
		{0, 10, "KLMNOPQRST", 37, true},
		{30, 10, text[27:], 37, false},
		{0, 37, text, 37, false},
		{0, 38, text, 37, false},
		{37, 10, "", 37, false},
		{40, 10, "", 37, false},
		{36, 1, "T", 37, false},
		{-5, 10, "KLMNOPQRST", 37, true},
		{-5, 3, "RST", 37, true},
		{0, 0, "", 37, true},
		{0, -5, "", 37, true},
		{100, 5, "", 37, false},
		{20, 100, text, 37, false},
		{5, -2, "", 37, true},
		{37, 0, "", 37, false},
		{36, 0, "", 37, true},
		{1000, 2000, "", 37, false},
		{math.MaxInt64, math.MaxInt64, "", 37, false},
		{0, math.MaxInt64, text, 37, false},
		{math.MinInt64, math.MinInt64, "", 37, true},
	}
	for _, test := range tests {
		got, next, overflow := Tail(path, test.offset, test.length)
		if string(got) != test.want || next != test.next || overflow != test.overflow {
			t.Errorf("Tail(%d, %d) = %q, %d, %v; want %q, %d, %v",
				test.offset, test.length, got, next, overflow, test.want, test.next, test.overflow)
		}
	}
}

func TestReadWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "none"), fifo} {
		for _, offset := range []int64{0, -1} {
			if _, err := Read(path, offset, 5); !errors.Is(err, ErrFailed) {
				t.Errorf("Read(%s, %d, 5): %v, want FAILED before BAD_ARGUMENTS", path, offset, err)
			}
			if data, next, overflow := Tail(path, offset, 5); len(data) != 0 || next != offset || overflow {
				t.Errorf("Tail(%s, %d, 5) = %q, %d, %v", path, offset, data, next, overflow)
			}
		}
	}
	if data, err := Read("/dev/null", 0, 0); len(data) != 0 || err != nil {
		t.Errorf("Read of /dev/null: %q, %v", data, err)
	}
}

func BenchmarkTail16KBOf50MB(b *testing.B) {
	path := filepath.Join(b.TempDir(), "log")
	if err := os.WriteFile(path, make([]byte, 50<<20), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if data, _, _ := Tail(path, 0, 16<<10); len(data) != 16<<10 {
			b.Fatal(len(data))
		}
	}
}
