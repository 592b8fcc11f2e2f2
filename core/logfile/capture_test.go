package logfile

import (
	"bytes"
	"strings"
	"testing"
)

func TestBounded(t *testing.T) {
	tests := []struct {
		max    int64
		writes []string
		want   string
	}{
		{5, []string{"abc", "de"}, "abcde"},
		{5, []string{"abc", "def"}, "def"},
		{5, []string{"abcde", "f"}, "bcdef"},
		{5, []string{"ab", "cdefghij"}, "cdefghij"}, // one write is kept whole
		{5, []string{"abcdefghij", "k"}, "bcdefghijk"},
	}
	for _, test := range tests {
		b := bounded{max: test.max}
		for _, w := range test.writes {
			b.write([]byte(w))
		}
		if string(b.data) != test.want {
			t.Errorf("%d bytes, writes %q: %q, want %q", test.max, test.writes, b.data, test.want)
		}
	}
}

func TestPrefixAtEnd(t *testing.T) {
	for text, want := range map[string]int{"": 0, "x": 0, "<": 1, "a<!-": 3, "<<": 1, beginToken: 0, beginToken[:23]: 23, "a" + beginToken[:23] + "b": 0} {
		if got := prefixAtEnd([]byte(text), beginToken); got != want {
			t.Errorf("prefixAtEnd(%q) = %d, want %d", text, got, want)
		}
	}
}

// pieces runs a stream's pipeline, without pipe and files, over reads of given
// sizes, and gives the logged output and the captures.
func pieces(cfg StreamConfig, text []byte, size func(i int) int) (data string, captures []string) {
	var out bytes.Buffer
	s := &Stream{cfg: cfg}
	s.captured.max = cfg.CaptureMaxBytes
	s.SetOnData(func(p []byte) {
		if !s.capturing {
			out.Write(p)
		}
	})
	s.cfg.OnCapture = func(p []byte) { captures = append(captures, string(p)) }
	for i := 0; len(text) > 0; i++ {
		n := max(1, min(size(i), len(text)))
		p := append(append([]byte(nil), s.held[:s.nheld]...), text[:n]...)
		s.nheld = 0
		s.process(p)
		text = text[n:]
	}
	s.finish()
	return out.String(), captures
}

func whole(int) int { return 1 << 30 }

func TestCapture(t *testing.T) {
	tests := []struct {
		name, text string
		want       string
		captures   []string
	}{
		{"none", "plain", "plain", nil},
		{"one", "a" + beginToken + "cap" + endToken + "b", "ab", []string{"cap"}},
		{"two", beginToken + "1" + endToken + "-" + beginToken + "2" + endToken, "-", []string{"1", "2"}},
		{"empty", "a" + beginToken + endToken + "b", "ab", []string{""}},
		{"end alone is text", "a" + endToken + "b", "a" + endToken + "b", nil},
		{"begin within is captured", beginToken + "x" + beginToken + endToken, "", []string{"x" + beginToken}},
		{"begun token at the end", "a" + beginToken[:10], "a" + beginToken[:10], nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, size := range []int{1, 2, 3, 7, 1 << 20} {
				cfg := StreamConfig{CaptureMaxBytes: 1000}
				got, captures := pieces(cfg, []byte(test.text), func(int) int { return size })
				if got != test.want || strings.Join(captures, "|") != strings.Join(test.captures, "|") || len(captures) != len(test.captures) {
					t.Errorf("reads of %d: output %q, captures %q; want %q, %q", size, got, captures, test.want, test.captures)
				}
			}
		})
	}
}

// However the reads fall, the outcome is that of one read.
func FuzzPipeline(f *testing.F) {
	for _, seed := range ansiSeeds {
		f.Add([]byte(seed+beginToken+seed+endToken+seed), []byte{1, 5, 2}, true, true)
	}
	f.Add([]byte("\x1b"+beginToken+"\x1b[\x1b"+endToken+"m\x1b<"), []byte{1}, true, true)
	f.Add([]byte("<!--XSUPERVISOR:<!--XSUPERVISOR:BEGIN-->"), []byte{3}, false, true)
	f.Fuzz(func(t *testing.T, text, sizes []byte, strip, capture bool) {
		cfg := StreamConfig{StripANSI: strip}
		if capture {
			cfg.CaptureMaxBytes = 1 << 40
		}
		size := func(i int) int {
			if len(sizes) == 0 {
				return 1
			}
			return int(sizes[i%len(sizes)])
		}
		got, gotCaptures := pieces(cfg, text, size)
		want, wantCaptures := pieces(cfg, text, whole)
		if got != want || strings.Join(gotCaptures, "|") != strings.Join(wantCaptures, "|") {
			t.Errorf("text %q in pieces %v: %q, %q; whole: %q, %q", text, sizes, got, gotCaptures, want, wantCaptures)
		}
		if !capture {
			model := string(text)
			if strip {
				model = string(modelStrip(text))
			}
			if want != model {
				t.Errorf("text %q: %q, want %q", text, want, model)
			}
		}
	})
}
