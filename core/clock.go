package core

import "time"

// Clock tells the time. Production uses SystemClock; tests hand in their own or
// run in a testing/synctest bubble.
type Clock interface {
	Now() time.Time
}

// SystemClock is the machine's clock.
type SystemClock struct{}

// Now is time.Now.
func (SystemClock) Now() time.Time { return time.Now() }
