package core

import "context"

// WithClient is ctx for a call that a client is waiting for. What is done goes on when
// the client leaves, unless it asks ClientOf.
func WithClient(ctx, client context.Context) context.Context {
	return &clientContext{Context: ctx, client: client}
}

// ClientOf gives the context that ends when the client that waits for a call has
// closed its connection, or its half of it; nil where there is no such client.
func ClientOf(ctx context.Context) context.Context {
	client, _ := ctx.Value(clientKey{}).(context.Context)
	return client
}

type clientKey struct{}

type clientContext struct {
	context.Context
	client context.Context
}

// Value is context.Context's.
func (c *clientContext) Value(key any) any {
	if key == (clientKey{}) {
		return c.client
	}
	return c.Context.Value(key)
}
