package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// countScript is a program that writes numbered lines to both of its streams. Which
// runs it has had, and how many lines each wrote, stands in NAME.begun and NAME.done;
// a run that was killed is missing in the latter.
const (
	lineText    = "to be found again in the log, whole and in its place"
	countScript = `echo >>"$1.begun"; n=$(wc -l <"$1.begun" 2>/dev/null); i=0
while [ $i -lt 120 ]; do
  echo "$1 $n $i ` + lineText + `"
  echo "$1 $n $i ` + lineText + `" >&2
  i=$((i+1))
done
echo $n $i >>"$1.done"; sleep 0.6`
)

// countBackups is more than there are ever rotations.
const countBackups = 3000

const countOptions = "stdout_logfile_maxbytes=6KB\nstdout_logfile_backups=3000\nstderr_logfile_maxbytes=9000\nstderr_logfile_backups=3000\n"

// Of a run of the program that counts in floods, which is this executable.
const (
	floodTime  = 4 * time.Second
	floodPause = 500 * time.Millisecond
	floodBytes = 300 << 10 // at a time, at most
)

// countInFloods writes numbered lines in bursts, until its time is over or SIGTERM
// comes; what it has begun to write it ends.
func countInFloods(name string) error {
	begun, err := os.OpenFile(name+".begun", os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer begun.Close()
	if _, err := begun.WriteString("\n"); err != nil {
		return err
	}
	info, err := begun.Stat()
	if err != nil {
		return err
	}
	run := info.Size()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, floodTime)
	defer cancel()
	var buf []byte
	n := 0
	for ctx.Err() == nil {
		buf = buf[:0]
		for size := rand.IntN(floodBytes); len(buf) < size; n++ {
			buf = fmt.Appendf(buf, "%s %d %d %s\n", name, run, n, lineText)
		}
		for _, out := range []*os.File{os.Stdout, os.Stderr} {
			if _, err := out.Write(buf); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(rand.N(floodPause)):
		}
	}
	done, err := os.OpenFile(name+".done", os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer done.Close()
	_, err = fmt.Fprintln(done, run, n)
	return err
}

// tally is what was found of the counted programs.
type tally struct {
	runs, lines, files int
	wrong              []string
}

// counting is what is known of one program while its log is read.
type counting struct {
	done      map[int]int // lines of the runs that ended by themselves
	run, next int
}

// tally compares a log and its backups with what some programs wrote there. A run
// that was not killed has all its lines; of one that was, a part from the first
// line on.
func (s *soak) tally(log string, programs ...string) (tally, error) {
	var t tally
	complain := func(format string, args ...any) { t.wrong = append(t.wrong, log+": "+fmt.Sprintf(format, args...)) }
	all := map[string]*counting{}
	for _, name := range programs {
		done, err := ledger(filepath.Join(s.dir, name+".done"))
		if err != nil {
			return t, err
		}
		all[name] = &counting{done: done}
	}
	end := func(name string, c *counting) { // the lines of a run have ended
		if lines, known := c.done[c.run]; known && lines != c.next {
			complain("run %d of %s has %d lines of %d", c.run, name, c.next, lines)
		}
		delete(c.done, c.run)
	}
	files, err := logFiles(filepath.Join(s.dir, log))
	if err != nil {
		return t, err
	}
	t.files = len(files)
	err = eachLine(files, func(line string) {
		name, run, number, ok := parseLine(line)
		c := all[name]
		if !ok || c == nil {
			complain("there is the line %q", line)
			return
		}
		if run != c.run {
			end(name, c)
			c.run, c.next = run, 0
			t.runs++
		}
		if number != c.next {
			complain("line %d of run %d of %s comes where line %d should be", number, run, name, c.next)
		}
		c.next = number + 1
		t.lines++
	})
	if err != nil {
		return t, err
	}
	for name, c := range all {
		end(name, c)
		for run, lines := range c.done {
			if lines > 0 {
				complain("run %d of %s is missing", run, name)
			}
		}
	}
	return t, nil
}

// parseLine takes a line of a program that counts apart.
func parseLine(line string) (name string, run, number int, ok bool) {
	fields := strings.SplitN(line, " ", 4)
	if len(fields) != 4 || fields[3] != lineText {
		return "", 0, 0, false
	}
	run, err := strconv.Atoi(fields[1])
	if err != nil {
		return "", 0, 0, false
	}
	number, err = strconv.Atoi(fields[2])
	return fields[0], run, number, err == nil
}

// logFiles lists a log and its backups, the oldest first.
func logFiles(path string) ([]string, error) {
	var out []string
	for i := 1; ; i++ {
		backup := path + "." + strconv.Itoa(i)
		if _, err := os.Stat(backup); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return nil, err
		}
		out = append([]string{backup}, out...)
	}
	if len(out) >= countBackups {
		return nil, fmt.Errorf("%s has so many backups that some are lost", path)
	}
	return append(out, path), nil
}

// ledger reads how many lines each run wrote; a file that is not there is empty.
func ledger(path string) (map[int]int, error) {
	out := map[int]int{}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		var run, lines int
		if _, err := fmt.Sscan(line, &run, &lines); err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", path, err)
		}
		out[run] = lines
	}
	return out, nil
}

// eachLine reads files as if they were one.
func eachLine(paths []string, do func(line string)) error {
	for lines := bufio.NewScanner(&chain{paths: paths}); ; {
		if !lines.Scan() {
			return lines.Err()
		}
		do(lines.Text())
	}
}

// chain reads one file after the other.
type chain struct {
	paths []string
	file  *os.File
}

func (c *chain) Read(p []byte) (int, error) {
	for {
		if c.file == nil {
			if len(c.paths) == 0 {
				return 0, io.EOF
			}
			var err error
			if c.file, err = os.Open(c.paths[0]); err != nil {
				return 0, err
			}
			c.paths = c.paths[1:]
		}
		n, err := c.file.Read(p)
		if n > 0 || err != io.EOF {
			return n, err
		}
		c.file.Close()
		c.file = nil
	}
}
