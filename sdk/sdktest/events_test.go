package sdktest_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

func subscribe(t *testing.T, h *sdktest.Host, from uint64, types ...string) sdk.EventStream {
	t.Helper()
	events, err := h.Subscribe(t.Context(), types, from)
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func wantNotice(t *testing.T, events sdk.EventStream, want string) {
	t.Helper()
	e, dropped, err := events.Next(t.Context())
	if got := fmt.Sprintf("%d %s %q %d", e.Sequence, e.Event.Name, e.Event.Payload, dropped); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func TestEvents(t *testing.T) {
	h := sdktest.NewHost()
	h.Emit(sdk.Event{Name: "TICK_5", Payload: []byte("when:5")})
	fromNow, fromStart := subscribe(t, h, 0, "EVENT"), subscribe(t, h, 1, "tick", "REMOTE_COMMUNICATION")
	wantNotice(t, fromStart, `1 TICK_5 "when:5" 0`)
	h.Drop(3)
	h.Emit(sdk.Event{Name: "PROCESS_GROUP_ADDED"}, sdk.Event{Name: "TICK_60"})
	wantNotice(t, fromNow, `5 PROCESS_GROUP_ADDED "" 3`)
	wantNotice(t, fromNow, `6 TICK_60 "" 0`)
	wantNotice(t, fromStart, `6 TICK_60 "" 3`)
	if err := h.Publish(t.Context(), "a", "b"); err != nil {
		t.Error(err)
	}
	wantNotice(t, fromStart, `7 REMOTE_COMMUNICATION "type:a\nb" 0`)
	wantNotice(t, subscribe(t, h, 6, "EVENT"), `6 TICK_60 "" 0`)

	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, _, err := fromStart.Next(short); err != context.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
	fromStart.Close()
	if _, _, err := fromStart.Next(t.Context()); err != io.EOF {
		t.Errorf("got %v", err)
	}
	_, err := h.Subscribe(t.Context(), []string{"TICK_7"}, 0)
	wantFault(t, err, sdk.CodeBadName, "TICK_7")
}
