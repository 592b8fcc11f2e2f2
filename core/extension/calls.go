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
	mu     sync.Mutex
	open   map[string]*openCall
	closed bool
}

// openCall is one call that is being served.
type openCall struct {
	ctx    context.Context
	cancel context.CancelFunc
	caller rpcinterface.Caller
	depth  int
}

func newCalls() *calls { return &calls{open: map[string]*openCall{}} }

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
}

// lookup finds the call of a token.
func (c *calls) lookup(token string) (*openCall, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call, ok := c.open[token]
	return call, ok
}

// close lets no call begin any more.
func (c *calls) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// abort ends the calls that are open.
func (c *calls) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.open {
		call.cancel()
	}
}

type depthKey struct{}

// depthOf is how many plugins stand between the call of ctx and a client.
func depthOf(ctx context.Context) int {
	depth, _ := ctx.Value(depthKey{}).(int)
	return depth
}

func withDepth(ctx context.Context, depth int) context.Context {
	return context.WithValue(ctx, depthKey{}, depth)
}
