package main

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// listen is an event listener. It takes events and answers as its manner says:
// "accept", "reject" every third, "die" with every tenth in hand, "babble" what is
// not the protocol after twenty.
func listen(in io.Reader, out io.Writer, manner string) {
	r := bufio.NewReader(in)
	for n := 1; ; n++ {
		fmt.Fprint(out, "READY\n")
		if !takeEvent(r) {
			return
		}
		switch {
		case manner == "die" && n%10 == 0:
			return
		case manner == "babble" && n%20 == 0:
			fmt.Fprint(out, "what was the question?\n")
		case manner == "reject" && n%3 == 0:
			fmt.Fprint(out, "RESULT 4\nFAIL")
		default:
			fmt.Fprint(out, "RESULT 2\nOK")
		}
	}
}

// takeEvent reads a header and its payload; false at the end of the input.
func takeEvent(r *bufio.Reader) bool {
	header, err := r.ReadString('\n')
	if err != nil {
		return false
	}
	for _, field := range strings.Fields(header) {
		if length, ok := strings.CutPrefix(field, "len:"); ok {
			n, err := strconv.Atoi(length)
			if err != nil {
				return false
			}
			_, err = r.Discard(n) // payloads here are ASCII, so characters are bytes
			return err == nil
		}
	}
	return false
}
