package sdk

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Notice is an event as a plugin reads it.
type Notice struct {
	SequencedEvent
	// Dropped is how many events were lost before this one, because the plugin
	// read too slowly or asked for them too late.
	Dropped uint64
}

// Events reads events of the types, and of those that come from them, from a
// sequence number on, or with 0 from the moment when the loop begins:
//
//	for n, err := range sdk.Events(ctx, host, 0, sdk.EventProcessState) {
//		if err != nil {
//			return err
//		}
//		…
//	}
//
// The loop ends with ctx and with the supervisor. An error, such as that of a grant
// that is missing, is its last turn. The plugin needs GrantEventsSubscribe.
func Events(ctx context.Context, host Host, from uint64, types ...string) iter.Seq2[Notice, error] {
	return func(yield func(Notice, error) bool) {
		stream, err := host.Subscribe(ctx, types, from)
		if err != nil {
			yield(Notice{}, err)
			return
		}
		defer stream.Close()
		err = read(ctx, stream, func(n Notice) bool { return yield(n, nil) })
		if err != nil {
			yield(Notice{}, err)
		}
	}
}

// read gives notices to f for as long as it wants them and there are any.
func read(ctx context.Context, stream EventStream, f func(Notice) bool) error {
	for {
		e, dropped, err := stream.Next(ctx)
		switch {
		case errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case !f(Notice{e, dropped}):
			return nil
		}
	}
}

// Watcher reads events in the background. What a factory returns may be a Watcher,
// for a plugin that has no methods, or embed one: its Close is then called when the
// plugin ends.
type Watcher struct {
	cancel context.CancelFunc
	done   chan struct{}
	err    error // once done is closed
}

// Watch begins to read events, as Events does, and calls handle with one after the
// other. A factory calls it:
//
//	func newGreeter(host sdk.Host, cfg sdk.Config) (*sdk.Watcher, error) {
//		return sdk.Watch(host, 0, func(ctx context.Context, n sdk.Notice) {
//			host.Log(ctx, sdk.LevelInfo, "hello, "+n.Event.Process)
//		}, sdk.EventProcessStateRunning)
//	}
//
// A panic in handle ends the plugin, which the supervisor then starts again. What it
// remembers of the sequence numbers elsewhere than in its memory lets it go on
// where it was.
func Watch(host Host, from uint64, handle func(ctx context.Context, n Notice), types ...string) (*Watcher, error) {
	ctx, cancel := context.WithCancel(context.Background())
	stream, err := host.Subscribe(ctx, types, from)
	if err != nil {
		cancel()
		return nil, err
	}
	w := &Watcher{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer stream.Close()
		w.err = read(ctx, stream, func(n Notice) bool {
			handle(ctx, n)
			return true
		})
	}()
	return w, nil
}

// Close ends the watching, and the context of the call of handle that is under way,
// for whose return it waits. The error is why it had ended before, if it had. A nil
// Watcher watches nothing.
func (w *Watcher) Close() error {
	if w == nil {
		return nil
	}
	w.cancel()
	<-w.done
	return w.err
}
