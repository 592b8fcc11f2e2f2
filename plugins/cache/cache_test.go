package cache_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/plugins/cache"
	"github.com/plugvisor/plugvisor/sdk"
	"github.com/plugvisor/plugvisor/sdk/sdktest"
)

var (
	absent = sdk.NewFault(sdk.CodeBadName)
	badKey = sdk.NewFault(sdk.CodeBadName, "Cache key must be a non-empty string")
	count  = sdk.NewFault(sdk.CodeIncorrectParameters)
)

func start(t *testing.T) (*sdktest.Host, *sdktest.Namespace) {
	host := sdktest.NewHost()
	return host, sdktest.Start(t, cache.Plugin(), host, nil)
}

func TestKeys(t *testing.T) {
	_, ns := start(t)
	ns.Want("getAPIVersion", "0.2")
	ns.Want("getKeys", []string{})
	ns.Want("getCount", 0)
	for _, key := range []string{"b", "é", "a", "Z"} {
		ns.Want("store", true, key, key)
	}
	ns.Want("store", true, []byte("a"), "again")
	ns.Want("getKeys", []string{"Z", "a", "b", "é"})
	ns.Want("getCount", 4)
	ns.Want("fetch", "again", "a")
	ns.Want("delete", true, "a")
	ns.Want("delete", true, "a")
	ns.WantFault("fetch", absent, "a")
	ns.Want("clear", true)
	ns.Want("getCount", 0)
	ns.WantFault("fetch", absent, "b")
}

func TestValuesStayAsTheyAre(t *testing.T) {
	_, ns := start(t)
	for i, v := range []any{
		nil, 1, -1 << 40, true, "", "é", 2.5, []byte{0, 255}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		[]any{}, []any{1, nil, []int{2}}, map[string]any{}, map[string]any{"a": []byte("x")},
	} {
		key := fmt.Sprint(i)
		ns.Want("store", true, key, v)
		ns.Want("fetch", v, key)
	}
}

func TestRefusals(t *testing.T) {
	host, ns := start(t)
	for _, key := range []any{"", []byte{}, nil, 1, true, 2.5, []string{"a"}, map[string]int{}, time.Unix(0, 0)} {
		ns.WantFault("store", badKey, key, "x")
		ns.WantFault("fetch", badKey, key)
		ns.WantFault("delete", badKey, key)
	}
	ns.Want("getCount", 0)
	ns.WantFault("store", count, "a")
	ns.WantFault("fetch", count)
	ns.WantFault("clear", count, 1)
	for state, refused := range map[sdk.SupervisorState]bool{
		sdk.SupervisorShutdown: true, sdk.SupervisorRestarting: false, sdk.SupervisorRunning: false,
	} {
		host.SetState(state)
		for _, m := range ns.Describe().Methods {
			params := slices.Repeat([]any{"k"}, len(m.Signature)-1)
			_, err := ns.Call(m.Name, params...)
			if got := err != nil && *sdk.AsFault(err) == *sdk.NewFault(sdk.CodeShutdownState); got != refused {
				t.Errorf("%s while %v: %v", m.Name, state, err)
			}
		}
	}
	if _, err := sdktest.Configure(t, cache.Plugin(), host, sdktest.Options{"size": "1"}); err == nil {
		t.Error("an unknown key is accepted")
	}
}

// TestAtOnce is for the race detector.
func TestAtOnce(t *testing.T) {
	_, ns := start(t)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			ns.Want("store", true, fmt.Sprint(i), i)
			ns.Want("fetch", i, fmt.Sprint(i))
			ns.Call("getKeys")
		})
	}
	all.Wait()
	ns.Want("getCount", 20)
}
