package extension

import (
	"fmt"
	"sync"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// complaintPause is how long an extension's unanswered calls are counted after one
// was told in the log.
const complaintPause = 10 * time.Second

// complaints keeps the log readable where an extension fails call after call.
type complaints struct {
	mu    sync.Mutex
	pause bool // one was told, and a timer runs
	more  int  // since then
}

// complain logs a call that the extension did not answer: the first at once, and
// those of each pause that follows by their number.
func (x *extension) complain(format string, args ...any) {
	c := &x.complaints
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pause {
		c.more++
		return
	}
	c.pause = true
	time.AfterFunc(complaintPause, x.endPause)
	x.say(rpcinterface.LevelWarn, "%s", fmt.Sprintf(format, args...))
}

func (x *extension) endPause() {
	c := &x.complaints
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more == 0 || x.m.life.Err() != nil {
		c.pause = false
		return
	}
	x.say(rpcinterface.LevelWarn, "extension '%s' failed to answer %d more calls within %v", x.name, c.more, complaintPause)
	c.more = 0
	time.AfterFunc(complaintPause, x.endPause)
}
