package extension

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/child"
)

func TestOutputLines(t *testing.T) {
	for _, c := range []struct {
		name string
		in   []string
		want []string
	}{
		{"plain", []string{"a\nb\r\n"}, []string{"[INFO]  x: a", "[INFO]  x: b"}},
		{"in pieces, without an end", []string{"a", "b\n\n", "c"}, []string{"[INFO]  x: ab", "[INFO]  x: c"}},
		{"a record", []string{`{"@level":"warn","@message":"m","@module":"x","@timestamp":"2026-01-01T00:00:00Z","n":12,"a":"b c"}` + "\n"},
			[]string{`[WARN]  x: m: a="b c" n=12`}},
		{"a record of a module", []string{`{"@level":"error","@message":"m","@module":"db"}` + "\n"}, []string{"[ERROR] x: m: module=db"}},
		{"JSON that is no record", []string{`{"a":1}` + "\n" + `{"@level":"loud","@message":"m"}` + "\n"},
			[]string{`[INFO]  x: {"a":1}`, `[INFO]  x: {"@level":"loud","@message":"m"}`}},
		{"no text", []string{"a\x00\x1b[2Jb\xff é\u009b\n", `{"@level":"warn","@message":"m\u001b\n\tn"}` + "\n"},
			[]string{`[INFO]  x: a\x00\x1b[2Jb\xff é\u009b`, `[WARN]  x: m\x1b`, "n"}},
		{"no JSON", []string{"{oops\n"}, []string{"[INFO]  x: {oops"}},
		{"too long", []string{strings.Repeat("x", maxLine), "yz", "\nnext\n"},
			[]string{"[INFO]  x: " + strings.Repeat("x", maxLine) + "…", "[INFO]  x: next"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := newJournal()
			s := newOutput(log.hclog("x"), core.SystemClock{}).stream()
			for _, in := range c.in {
				if n, err := s.Write([]byte(in)); n != len(in) || err != nil {
					t.Fatalf("Write: %d, %v", n, err)
				}
			}
			s.close()
			if got := log.all(); !slices.Equal(got, c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestOutputFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newJournal()
		o := newOutput(log.hclog("x"), core.SystemClock{})
		s := o.stream()
		for i := range maxLines + 20 {
			fmt.Fprintln(s, i)
		}
		if got := len(log.all()); got != maxLines {
			t.Errorf("%d lines were logged", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := len(log.all()); got != maxLines+1 {
			t.Errorf("%d lines were logged when nothing more came", got)
		}
		fmt.Fprintln(s, "later")
		got := log.all()[maxLines:]
		want := []string{"[WARN]  x: 20 lines of output were left out: more than 500, or 256 KiB, a second", "[INFO]  x: later"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q", got)
		}
	})
}

func TestOutputBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := newJournal()
		s := newOutput(log.hclog("x"), core.SystemClock{}).stream()
		const lines = maxBytes/maxLine + 10
		for range lines {
			fmt.Fprintln(s, strings.Repeat("x", maxLine))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		got := log.all()
		want := "[WARN]  x: 10 lines of output were left out: more than 500, or 256 KiB, a second"
		if len(got) != lines-10+1 || got[len(got)-1] != want {
			t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
		}
	})
}

func FuzzOutput(f *testing.F) {
	for _, s := range []string{"a\nb", `{"@level":"warn","@message":"m","k":{"a":[1]}}` + "\n", `{"@message":1}` + "\n", "\r\n\x00\xff\n"} {
		f.Add([]byte(s), 3)
	}
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		cut = max(0, min(cut, len(b)))
		s := newOutput(newJournal().hclog("x"), core.SystemClock{}).stream()
		for _, part := range [][]byte{b[:cut], b[cut:]} {
			if n, err := s.Write(part); n != len(part) || err != nil {
				t.Errorf("Write: %d, %v", n, err)
			}
		}
		s.close()
	})
}

// A pipe whose process has ended gives what is left in it and then ends, though its
// other end is open.
func TestPipeEnds(t *testing.T) {
	read, write, err := child.OutputPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	p := newPipe(read)
	defer p.Close()
	type result struct {
		text string
		err  error
	}
	results := make(chan result)
	go func() {
		b := make([]byte, 100)
		for {
			n, err := p.Read(b)
			results <- result{string(b[:n]), err}
			if err != nil {
				return
			}
		}
	}()
	write.WriteString("first")
	if got := <-results; got.text != "first" {
		t.Errorf("got %+v", got)
	}
	p.end()
	if got := <-results; got.err == nil || got.err.Error() != "EOF" {
		t.Errorf("got %+v", got)
	}

	read, write2, err := child.OutputPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write2.Close()
	p = newPipe(read)
	defer p.Close()
	write2.WriteString("the last words")
	p.end()
	b := make([]byte, 100)
	if n, err := p.Read(b); string(b[:n]) != "the last words" || err != nil {
		t.Errorf("got %q, %v", b[:n], err)
	}
	if n, err := p.Read(b); n != 0 || err == nil {
		t.Errorf("got %q, %v", b[:n], err)
	}
}

// One that is written to for ever ends all the same.
func TestPipeIsBounded(t *testing.T) {
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	p := newPipe(zero)
	defer p.Close()
	p.ended.Store(true)
	total, b := 0, make([]byte, 1<<16)
	for {
		n, err := p.Read(b)
		total += n
		if err != nil {
			break
		}
	}
	if total != afterEnd {
		t.Errorf("read %d bytes", total)
	}
}
