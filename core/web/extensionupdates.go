package web

import (
	"context"
	"reflect"
	"slices"
	"time"

	"github.com/plugvisor/plugvisor/core"
)

// afterNumbers is how often numbers, such as calls, are looked at again while
// somebody follows the page of extensions. Nothing announces them.
const afterNumbers = 2 * time.Second

// followExtensions sends what the page of extensions shows, whole, whenever
// something in it is different, until ctx ends, the client has left, or the
// supervisor has ended.
func (u *updates) followExtensions(ctx context.Context) {
	sub := u.pages.Subscribe([]core.EventKind{core.EventSupervisorStateChange})
	defer sub.Close()
	notices := make(chan notice, 1)
	go listen(ctx, sub, notices)
	numbers := time.NewTicker(afterNumbers)
	defer numbers.Stop()
	var told extensionsView
	for {
		// The channel is taken before the look, so that no change falls between.
		var changed <-chan struct{}
		if u.pages.Extensions != nil {
			changed = u.pages.Extensions.Changed()
		}
		v := u.pages.lookAtExtensions()
		if told.Extensions == nil || !reflect.DeepEqual(v.timeless(), told) {
			if u.send(v) != nil {
				return
			}
			told = v.timeless()
			if !pause(ctx, afterChange) {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-numbers.C:
		case _, ok := <-notices:
			if !ok {
				return
			}
		}
	}
}

// timeless is the view without what changes with the time alone and is reckoned by
// the page: the uptimes.
func (v extensionsView) timeless() extensionsView {
	v.Now = 0
	v.Extensions = slices.Clone(v.Extensions)
	for i := range v.Extensions {
		if v.Extensions[i].Start != 0 {
			v.Extensions[i].Description = ""
		}
	}
	return v
}

// pause waits, and says whether ctx has not ended meanwhile.
func pause(ctx context.Context, length time.Duration) bool {
	select {
	case <-time.After(length):
		return true
	case <-ctx.Done():
		return false
	}
}
