package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
)

// firstUpdate is a client that leaves when it has read one update.
type firstUpdate struct {
	*httptest.ResponseRecorder
	leave func()
}

func (f *firstUpdate) SetWriteDeadline(time.Time) error { return nil }

func (f *firstUpdate) FlushError() error {
	f.leave()
	return nil
}

// The status page marks the processes that were added at run time, and what scripts
// are sent says so too.
func TestDynamicProcesses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.begin(Group("g", 999, Program("a")))
		defer h.End()
		h.pages.Dynamic = h.Sup.DynamicProcesses
		if page := h.get("/").Body.String(); strings.Contains(page, "run time") {
			t.Error("a process of the file's is marked")
		}
		p := Program("b", func(p *core.ProcessSpec) { p.Program, p.Source = "b", &core.ProgramSource{Dynamic: true} })
		if err := h.Sup.AddProcesses(t.Context(), "g", []*core.ProcessSpec{p}, nil); err != nil {
			t.Fatal(err)
		}
		page := h.get("/").Body.String()
		const badge = `<span class="dynamic" title="added at run time">dynamic</span>`
		if strings.Count(page, badge) != 1 || !strings.Contains(page, `<span class="bare">b</span> `+badge+`</a>`) {
			t.Errorf("b is not marked, or others are: %s", page)
		}
		var view struct {
			Groups []struct {
				Processes []struct {
					Name    string
					Dynamic bool
				}
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		first := &firstUpdate{httptest.NewRecorder(), cancel}
		h.ServeHTTP(first, request(http.MethodGet, "/updates", "").WithContext(ctx))
		if err := json.Unmarshal([]byte(strings.TrimPrefix(first.Body.String(), "data: ")), &view); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(view.Groups); !strings.Contains(got, "[{g:a false} {g:b true}]") {
			t.Errorf("scripts are sent %s", got)
		}
	})
}
