package logfile

import (
	"bytes"
	"testing"
)

// modelStrip is the reference's loop over single bytes, as a specification.
func modelStrip(p []byte) []byte {
	var out []byte
	show := true
	for i := 0; i < len(p); i++ {
		switch {
		case !show:
			show = bytes.IndexByte([]byte(ansiEnds), p[i]) >= 0
		case bytes.HasPrefix(p[i:], []byte(ansiBegin)):
			show = false
		default:
			out = append(out, p[i])
		}
	}
	return out
}

var ansiSeeds = []string{
	"", "plain", "\x1b[31mred\x1b[0m", "a\x1b[2Kb", "\x1b", "\x1b[", "x\x1b[1", "\x1b]0;title\a", "\x1b[5X hello",
	"\x1b\x1b[mz", "[m", "\x1b[\x1b[mz", "\xff\x1b[1;2Hé",
}

func TestStripANSI(t *testing.T) {
	want := []string{
		"", "plain", "red", "ab", "\x1b", "", "x", "\x1b]0;title\a", "ello", "\x1bz", "[m", "z", "\xffé",
	}
	for i, seed := range ansiSeeds {
		in := []byte(seed)
		if got := string(StripANSI(in)); got != want[i] {
			t.Errorf("StripANSI(%q) = %q, want %q", seed, got, want[i])
		}
		if string(in) != seed {
			t.Errorf("StripANSI changed its argument %q to %q", seed, in)
		}
	}
}

func FuzzStripANSI(f *testing.F) {
	for _, seed := range ansiSeeds {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		if got, want := StripANSI(p), modelStrip(p); !bytes.Equal(got, want) {
			t.Errorf("StripANSI(%q) = %q, want %q", p, got, want)
		}
	})
}
