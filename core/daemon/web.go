package daemon

import (
	"net/http"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/httpd"
	"github.com/plugvisor/plugvisor/core/web"
)

// pages makes the web interface. Its namespace is its own, as the reference's pages
// have one, whatever the table of namespaces holds.
func (r *run) pages() *web.Pages {
	return web.New(web.Config{
		Supervisor: r.supervisor,
		Methods:    r.supervisorNamespace(),
		Dynamic:    r.supervisor.DynamicProcesses,
		Extensions: r.extensions,
		Subscribe: func(kinds []core.EventKind) web.Subscription {
			return r.supervisor.Subscribe(kinds, 0)
		},
		Answer: httpd.Answer,
		Other:  http.HandlerFunc(httpd.NoPage),
	})
}
