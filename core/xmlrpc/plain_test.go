package xmlrpc

import (
	"strings"
	"testing"
)

// Each byte is found to be plain or not at each place of a word.
func TestPlain(t *testing.T) {
	for c := range 256 {
		for at := range 20 {
			text := []byte(strings.Repeat("~", 20))
			text[at] = byte(c)
			want := at
			if c >= ' ' && c < 0x80 && !strings.ContainsRune("&<>", rune(c)) {
				want = len(text)
			}
			if got := plain(string(text)); got != want {
				t.Errorf("byte %#x at %d: %d, want %d", c, at, got, want)
			}
		}
	}
}

func BenchmarkAppendText(b *testing.B) {
	text := strings.Repeat("127.0.0.1 - - GET /index.html HTTP/1.1 200 5120\n", 340)
	b.SetBytes(int64(len(text)))
	var out []byte
	for b.Loop() {
		out = appendText(out[:0], text)
	}
}
