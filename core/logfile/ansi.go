package logfile

import (
	"bytes"
	"slices"
)

// The escape sequences that are removed begin with ansiBegin and end with the next
// of ansiEnds, whatever is between (dispatchers.py, stripEscapes).
const (
	ansiEscape = '\x1b'
	ansiBegin  = "\x1b["
	ansiEnds   = "HfABCDRsuJKhlpm"
)

// StripANSI removes terminal escape sequences. It returns p itself where there is
// none, and never changes it.
func StripANSI(p []byte) []byte {
	if !bytes.Contains(p, []byte(ansiBegin)) {
		return p
	}
	var s stripper
	return s.strip(slices.Clone(p))
}

// stripper removes escape sequences from a text that comes in pieces, of which
// none may end between the two bytes of ansiBegin.
type stripper struct {
	inside bool // of a sequence
}

// strip works in place.
func (s *stripper) strip(p []byte) []byte {
	if !s.inside && !bytes.Contains(p, []byte(ansiBegin)) {
		return p
	}
	kept := p[:0]
	for len(p) > 0 {
		if s.inside {
			end := bytes.IndexAny(p, ansiEnds)
			if end < 0 {
				break
			}
			p, s.inside = p[end+1:], false
			continue
		}
		text, rest, found := bytes.Cut(p, []byte(ansiBegin))
		kept = append(kept, text...)
		p, s.inside = rest, found
	}
	return kept
}
