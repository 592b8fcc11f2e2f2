package extension

import (
	"context"
	"crypto/rand"
	"sync"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// calls holds the calls that one plugin process is serving. A plugin that calls
// other namespaces on a caller's behalf shows the token of the call; who the
// caller is, how deep the call stands and when it must end is known from here.
type calls struct {
	mu      sync.Mutex
	open    map[string]*openCall
	closed  bool
	drained chan struct{} // closed when no call is open nor can begin
}

// openCall is one call that is being served.
type openCall struct {
	ctx    context.Context
	cancel context.CancelFunc
	caller rpcinterface.Caller
	way    *way
}

func newCalls() *calls {
	return &calls{open: map[string]*openCall{}, drained: make(chan struct{})}
}

// begin enters a call and gives its token. ok is false when the plugin has ended.
func (c *calls) begin(call *openCall) (token string, ok bool) {
	token = rand.Text()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return "", false
	}
	c.open[token] = call
	return token, true
}

// finish makes a token worthless.
func (c *calls) finish(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, token)
	if c.closed && len(c.open) == 0 {
		close(c.drained)
	}
}

// lookup finds the call of a token.
func (c *calls) lookup(token string) (*openCall, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call, ok := c.open[token]
	return call, ok
}

// closing tells how many calls are open where no other can begin.
func (c *calls) closing() (open int, closed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.open), c.closed
}

// close lets no call begin any more.
func (c *calls) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	if len(c.open) == 0 {
		close(c.drained)
	}
}

// abort ends the calls that are open.
func (c *calls) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.open {
		call.cancel()
	}
}

// way is the extensions through which a call has come, the last first; nil is none.
type way struct {
	name  string
	depth int
	up    *way
}

type wayKey struct{}

// wayOf is the way of the call that ctx belongs to.
func wayOf(ctx context.Context) *way {
	w, _ := ctx.Value(wayKey{}).(*way)
	return w
}

func withWay(ctx context.Context, w *way) context.Context {
	return context.WithValue(ctx, wayKey{}, w)
}

// through is the way that goes on through an extension.
func (w *way) through(name string) *way { return &way{name: name, depth: w.length() + 1, up: w} }

// length is how many extensions stand between the call and a client.
func (w *way) length() int {
	if w == nil {
		return 0
	}
	return w.depth
}

// passes says whether the call has come through an extension.
func (w *way) passes(name string) bool {
	for ; w != nil; w = w.up {
		if w.name == name {
			return true
		}
	}
	return false
}
