package rpcinterface_test

import (
	"testing"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func TestEventIs(t *testing.T) {
	for _, tt := range []struct {
		name, of string
		want     bool
	}{
		{rpcinterface.EventTick5, rpcinterface.EventTick5, true},
		{rpcinterface.EventTick5, rpcinterface.EventTick, true},
		{rpcinterface.EventTick5, rpcinterface.EventAny, true},
		{rpcinterface.EventTick, rpcinterface.EventTick5, false},
		{rpcinterface.EventTick60, "TICK_6", false},
		{rpcinterface.EventProcessLogStdout, rpcinterface.EventProcessLog, true},
		{rpcinterface.EventProcessLogStdout, rpcinterface.EventProcessState, false},
		{rpcinterface.EventProcessLogStdout, "PROCESS", false},
		{rpcinterface.EventProcessLogStdout, "PROCESS_", false},
		{rpcinterface.EventProcessLogStdout, "", false},
	} {
		if got := (rpcinterface.Event{Name: tt.name}).Is(tt.of); got != tt.want {
			t.Errorf("%s is %s: %v", tt.name, tt.of, got)
		}
	}
}

func TestParseGrants(t *testing.T) {
	const all = "processes:read processes:control programs:write logs:read stdin:write log:write events:subscribe events:publish rpc:call=a.*"
	grants, err := rpcinterface.ParseGrants(all)
	if err != nil || len(grants) != 9 || !rpcinterface.Grants(grants).Has(rpcinterface.GrantEventsPublish) {
		t.Errorf("got %v, %v", grants, err)
	}
	for _, bad := range []string{"events", "events:", "rpc:call=", "rpc:call=[", "log:write,log:write"} {
		if got, err := rpcinterface.ParseGrants(bad); err == nil {
			t.Errorf("%s is taken for %v", bad, got)
		}
	}
}
