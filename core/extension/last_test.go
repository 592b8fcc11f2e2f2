package extension

import (
	"context"
	"syscall"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// TestLastVerb: a verb that a call ends with is answered in the words of one that its
// method waits for, however it ends.
func TestLastVerb(t *testing.T) {
	for name, test := range map[string]struct {
		grants  rpcinterface.Grants
		timeout time.Duration
		params  []string
		during  func(t *testing.T, r *rig, leave func())
		code    int // 0: it is done
		fault   string
	}{
		"done":    {params: []string{"web", "p"}},
		"refused": {params: []string{"none", "p"}, code: rpcinterface.CodeBadName, fault: "BAD_NAME: group: none"},
		"without the grant": {grants: rpcinterface.Grants{rpcinterface.GrantLogWrite}, params: []string{"web", "p"}, code: rpcinterface.CodeFailed,
			fault: "FAILED: extension 'x' lacks the grant programs:write (plugin.grants of [rpcinterface:x])"},
		"the plugin is killed meanwhile": {params: []string{"web", "hang"}, code: rpcinterface.CodeFailed,
			during: func(t *testing.T, r *rig, _ func()) { kill(t, r.mustCall(t, "x.pid"), syscall.SIGKILL) },
			fault:  "FAILED: extension 'x' was killed by SIGKILL during the call; the outcome is unknown"},
		"its time is up": {params: []string{"web", "hang"}, timeout: 3 * time.Second, code: rpcinterface.CodeFailed,
			fault: "FAILED: extension 'x' did not answer within 3s (plugin.call_timeout); the outcome is unknown"},
		"the client leaves": {params: []string{"web", "hang"}, code: rpcinterface.CodeFailed,
			during: func(_ *testing.T, _ *rig, leave func()) { leave() },
			fault:  "FAILED: extension 'x' had not answered when the caller left; the outcome is unknown"},
	} {
		methods := []string{"add", "lastadd"}
		if test.timeout > 0 {
			methods = methods[1:] // the plugin's clock may be the first to end what its method waits for
		}
		for _, method := range methods {
			t.Run(name+"/"+method, func(t *testing.T) {
				spec := section("x", "ok")
				spec.Grants = &rpcinterface.Grants{rpcinterface.GrantProgramsWrite}
				if test.grants != nil {
					spec.Grants = &test.grants
				}
				if test.timeout > 0 {
					spec.CallTimeout = test.timeout
				}
				r := newRig(t, Config{Specs: []core.ExtensionSpec{spec}, LeaveGrace: time.Millisecond}).start(t)
				client, leave := context.WithCancel(t.Context())
				defer leave()
				type outcome struct {
					value rpcinterface.Value
					err   error
				}
				answer := make(chan outcome, 1)
				go func() {
					params := []rpcinterface.Value{rpcinterface.String(test.params[0]), rpcinterface.String(test.params[1])}
					v, err := r.registry.Call(core.WithClient(t.Context(), client), "x."+method, params, testCaller)
					answer <- outcome{v, err}
				}()
				if test.during != nil {
					awaitHanging(t, r)
					test.during(t, r, leave)
				}
				got := <-answer
				if test.code == 0 {
					if got.err != nil || got.value != rpcinterface.Bool(true) {
						t.Errorf("got %v, %v", got.value, got.err)
					}
					return
				}
				wantFault(t, got.err, test.code)
				if got.err.Error() != test.fault {
					t.Errorf("fault %q, want %q", got.err, test.fault)
				}
				if test.timeout > 0 {
					r.log.await(t, "WARN extension 'x' did not answer x."+method)
				}
			})
		}
	}
}

// awaitHanging waits until the engine was asked for what hangs.
func awaitHanging(t *testing.T, r *rig) {
	t.Helper()
	await(t, "the verb", func() bool { return r.engine.hanging.Load() > 0 })
}
