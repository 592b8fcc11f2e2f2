package resident

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// subject has the test's executable be a process that drops its pages and tells what
// it had mapped before and afterwards. An argument is a file to remove first.
const subject = "RESIDENT_TEST_SUBJECT"

func TestMain(m *testing.M) {
	if os.Getenv(subject) != "" {
		if err := beSubject(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const goroutines = 4 // of a subject, which go on

// told is what a subject tells.
type told struct {
	Executable    string         // the link in /proc
	Before, After map[string]int // bytes of the executable that are mapped, by permissions
	Written       string         // what was written to a page of it before that became read-only
	Worked        int            // goroutines that went on meanwhile and afterwards
}

func beSubject(out io.Writer) error {
	var t told
	var err error
	if len(os.Args) > 1 {
		if err := os.Remove(os.Args[1]); err != nil {
			return err
		}
	}
	if t.Executable, err = os.Readlink("/proc/self/exe"); err != nil {
		return err
	}
	written, err := writtenPage("written")
	if err != nil {
		return err
	}
	if err := touchAll(); err != nil {
		return err
	}
	if t.Before, err = mapped(); err != nil {
		return err
	}
	if err := DropExecutable(); err != nil {
		return err
	}
	if t.After, err = mapped(); err != nil {
		return err
	}
	t.Written = string(written[:len("written")])
	if t.Worked, err = work(); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(t)
}

// writtenPage maps a page of the executable, as a linker does that relocates: it is
// written, then made read-only.
func writtenPage(text string) ([]byte, error) {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	page, err := unix.Mmap(int(file.Fd()), 0, os.Getpagesize(), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	copy(page, text)
	return page, unix.Mprotect(page, unix.PROT_READ)
}

// own lists the mappings of the executable that can't be written.
func own() ([]mapping, error) {
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	all, err := parse(bufio.NewScanner(file))
	if err != nil {
		return nil, err
	}
	return droppable(all, reflect.ValueOf(DropExecutable).Pointer()), nil
}

// touchAll has every page of them mapped.
func touchAll() error {
	all, err := own()
	if err != nil {
		return err
	}
	for _, m := range all {
		_, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, unix.MADV_POPULATE_READ)
		if errno != 0 {
			return fmt.Errorf("cannot touch %x-%x: %w", m.start, m.end, errno)
		}
	}
	return nil
}

// mapped counts what of them is mapped.
func mapped() (map[string]int, error) {
	all, err := own()
	if err != nil {
		return nil, err
	}
	sums := map[string]int{}
	for _, m := range all {
		const entry = 8 // bytes of pagemap for each page
		pages := make([]byte, entry*int(m.end-m.start)/os.Getpagesize())
		if err := readAt("/proc/self/pagemap", pages, entry*int64(m.start)/int64(os.Getpagesize())); err != nil {
			return nil, err
		}
		for i := entry - 1; i < len(pages); i += entry {
			if pages[i]&0x80 != 0 { // present
				sums[m.permissions] += os.Getpagesize()
			}
		}
	}
	return sums, nil
}

func readAt(path string, p []byte, offset int64) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.ReadAt(p, offset)
	return err
}

// work has goroutines use the executable's code and data, and the collector read its
// tables, while pages are dropped again and again. It gives how many ended well.
func work() (int, error) {
	const rounds = 50
	var all sync.WaitGroup
	results := make(chan bool, goroutines)
	for range goroutines {
		all.Go(func() {
			good := true
			for range rounds {
				text, err := json.Marshal(map[string][]int{"a": {1, 2, 3}})
				good = good && err == nil && string(text) == `{"a":[1,2,3]}` && panics()
			}
			results <- good
		})
	}
	for range rounds {
		if err := DropExecutable(); err != nil {
			return 0, err
		}
		runtime.GC()
	}
	all.Wait()
	worked := 0
	for range goroutines {
		if <-results {
			worked++
		}
	}
	return worked, nil
}

func panics() (recovered bool) {
	defer func() { recovered = recover() != nil }()
	var none *told
	none.Worked++
	return false
}

// run starts a subject and gives what it tells.
func run(t *testing.T, files []*os.File, argv ...string) told {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), subject+"=1")
	cmd.ExtraFiles = files
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, problems.String())
	}
	var got told
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Logf("%s: %v bytes mapped before, %v afterwards", got.Executable, got.Before, got.After)
	return got
}

func TestPagesAreDroppedAndTheProcessGoesOn(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, executable string // the latter is how the link in /proc ends
		run              func(t *testing.T) told
	}{
		{"file", filepath.Base(self), func(t *testing.T) told { return run(t, nil, self) }},
		{"deleted file", "copy (deleted)", func(t *testing.T) told {
			path := filepath.Join(t.TempDir(), "copy")
			file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o700)
			if err != nil {
				t.Fatal(err)
			}
			copyTo(t, file, self)
			if err := file.Close(); err != nil {
				t.Fatal(err)
			}
			return run(t, nil, path, path)
		}},
		{"sealed memory", "/memfd:image (deleted)", func(t *testing.T) told {
			fd, err := unix.MemfdCreate("image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
			if err != nil {
				t.Fatal(err)
			}
			image := os.NewFile(uintptr(fd), "image")
			defer image.Close()
			copyTo(t, image, self)
			seals := unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
			if _, err := unix.FcntlInt(image.Fd(), unix.F_ADD_SEALS, seals); err != nil {
				t.Fatal(err)
			}
			return run(t, []*os.File{image}, "/proc/self/fd/3")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := test.run(t)
			if !strings.HasSuffix(got.Executable, test.executable) {
				t.Errorf("executable %q, want one that ends in %q", got.Executable, test.executable)
			}
			// Were nothing dropped, nothing would be missing: all was touched before.
			for _, permissions := range []string{"r-xp", "r--p"} {
				before, after := got.Before[permissions], got.After[permissions]
				if before < 1<<20 || after > before*9/10 {
					t.Errorf("%s: %d bytes mapped before, %d afterwards, want less than nine tenths", permissions, before, after)
				}
			}
			if got.Written != "written" {
				t.Errorf("a page that was written reads %q", got.Written)
			}
			if got.Worked != goroutines {
				t.Errorf("%d goroutines went on, want %d", got.Worked, goroutines)
			}
		})
	}
}

func copyTo(t *testing.T, to *os.File, from string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if _, err := io.Copy(to, in); err != nil {
		t.Fatal(err)
	}
}

// Only what can be had again from the file that the code is in is dropped.
func TestDroppable(t *testing.T) {
	const text = `00400000-00500000 r-xp 00000000 fe:00 11 /bin/x (deleted)
Rss:                1024 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
00500000-00600000 r--p 00100000 fe:00 11 /bin/x (deleted)
Anonymous:             0 kB
Swap:                  0 kB
00600000-00601000 r--p 00200000 fe:00 11 /bin/x (deleted)
Anonymous:             4 kB
Swap:                  0 kB
00601000-00602000 r--p 00201000 fe:00 11 /bin/x (deleted)
Anonymous:             0 kB
Swap:                  4 kB
00602000-00603000 rw-p 00202000 fe:00 11 /bin/x (deleted)
Anonymous:             0 kB
Swap:                  0 kB
00603000-00604000 r--s 00203000 fe:00 11 /bin/x (deleted)
Anonymous:             0 kB
Swap:                  0 kB
00604000-00605000 ---p 00204000 fe:00 11 /bin/x (deleted)
Anonymous:             0 kB
Swap:                  0 kB
00605000-00606000 r--p 00205000 fe:00 11 /bin/x (deleted)
Rss:                   0 kB
00700000-00800000 rw-p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
00800000-00900000 r-xp 00000000 fe:01 11 /lib/of/another/device
Anonymous:             0 kB
Swap:                  0 kB
7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
Swap:                  0 kB
`
	all, err := parse(bufio.NewScanner(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		code uintptr
		want string
	}{
		{"in the executable", 0x400123, "400000-500000 500000-600000"},
		{"in a library", 0x800000, "800000-900000"},
		{"at the end of a mapping", 0x900000, ""},
		{"in no file", 0x7f0000000000, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, m := range droppable(all, test.code) {
				got = append(got, fmt.Sprintf("%x-%x", m.start, m.end))
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsNoListOfMappingsIsAnError(t *testing.T) {
	for _, text := range []string{"some text", "1000-zz r--p 0 fe:00 11", "1000-2000 r--p"} {
		if all, err := parse(bufio.NewScanner(strings.NewReader(text))); err == nil {
			t.Errorf("%q: %v, want an error", text, all)
		}
	}
}
