package extension

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/core"
)

const (
	// maxLine is how much of one line of a plugin's output is logged, in bytes.
	maxLine = 8 << 10
	// maxLines is how many lines of one plugin's output are logged in a second, and
	// maxBytes how much of them.
	maxLines = 500
	maxBytes = 256 << 10
)

// output brings what a plugin writes into the main log: lines of hclog's JSON at
// their level, other lines at INFO. Long lines are cut, and of a flood the lines
// over maxLines or maxBytes a second are counted instead, so that a plugin cannot
// fill the log nor block on a full pipe. What is not text is escaped: the log is
// read on terminals, and by clients that want UTF-8.
type output struct {
	log   hclog.Logger
	clock core.Clock

	mu      sync.Mutex
	window  time.Time
	lines   int
	bytes   int
	dropped int
	last    string // the last line that is not JSON
}

func newOutput(log hclog.Logger, clock core.Clock) *output {
	return &output{log: log, clock: clock}
}

// stream is a writer for one of the plugin's streams. Each needs its own.
func (o *output) stream() *stream { return &stream{out: o} }

// lastLine gives the last line that was no log record, "" for none.
func (o *output) lastLine() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// flush says how many lines have been left out since it was last said.
func (o *output) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.reportDropped()
}

func (o *output) reportDropped() {
	if o.dropped > 0 {
		o.log.Warn(fmt.Sprintf("%d lines of output were left out: more than %d, or %d KiB, a second", o.dropped, maxLines, maxBytes>>10))
		o.dropped = 0
	}
}

func (o *output) line(b []byte) {
	if len(b) == 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.clock.Now(); now.Sub(o.window) >= time.Second {
		o.window, o.lines, o.bytes = now, 0, 0
		o.reportDropped()
	}
	o.lines++
	o.bytes += len(b)
	if o.lines > maxLines || o.bytes > maxBytes {
		if o.dropped++; o.dropped == 1 {
			time.AfterFunc(time.Second, o.flush) // nothing more may come
		}
		return
	}
	if b[0] == '{' && o.record(b) {
		return
	}
	o.last = printable(string(b))
	o.log.Info(o.last)
}

// record logs a line that is a record of hclog's JSON.
func (o *output) record(b []byte) bool {
	var fields map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if d.Decode(&fields) != nil {
		return false
	}
	message, ok := fields["@message"].(string)
	level, _ := fields["@level"].(string)
	if !ok || hclog.LevelFromString(level) == hclog.NoLevel {
		return false
	}
	if fields["@module"] == o.log.Name() {
		delete(fields, "@module")
	}
	for _, k := range []string{"@message", "@level", "@timestamp", "@caller"} {
		delete(fields, k)
	}
	var pairs []any
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		pairs = append(pairs, strings.TrimPrefix(k, "@"), fields[k])
	}
	o.log.Log(hclog.LevelFromString(level), printable(message), pairs...)
	return true
}

// printable escapes what is neither text nor a line's end or a tab.
func printable(s string) string {
	plain := func(r rune) bool { return unicode.IsPrint(r) || r == '\n' || r == '\t' }
	if utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1, r < utf8.RuneSelf && !plain(r):
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !plain(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// stream cuts what is written to it into lines.
type stream struct {
	out *output
	mu  sync.Mutex
	buf []byte
	cut bool // the rest of the line is thrown away
}

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(p)
	for len(p) > 0 {
		part, rest, whole := bytes.Cut(p, []byte{'\n'})
		if room := maxLine - len(s.buf); len(part) > room {
			part, s.cut = part[:room], true
		}
		s.buf = append(s.buf, part...)
		if whole {
			s.end()
		}
		p = rest
	}
	return n, nil
}

// close logs a last line that had no end.
func (s *stream) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end()
}

func (s *stream) end() {
	line := bytes.TrimRight(s.buf, "\r")
	if s.cut {
		line = append(line, "…"...)
	}
	s.out.line(line)
	s.buf, s.cut = s.buf[:0], false
}
