package web

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// view is all that the status page shows of the supervisor.
type view struct {
	State  string  `json:"state"`
	Now    int64   `json:"now"` // seconds since the epoch
	Groups []group `json:"groups"`
}

// group is a section of the page. Processes that are groups of their own share the
// first one.
type group struct {
	Name      string    `json:"name"`
	Solo      bool      `json:"solo,omitempty"`
	Processes []process `json:"processes"`
}

// process is a row of the page, and what updates say of it.
type process struct {
	Name        string   `json:"name"` // as clients address it
	State       string   `json:"state"`
	Description string   `json:"description"`
	Start       int64    `json:"start,omitempty"` // since when it runs, in seconds since the epoch
	PID         int      `json:"pid,omitempty"`
	Actions     []string `json:"actions"`
	// Dynamic: it was added at run time. Only views tell.
	Dynamic bool `json:"dynamic,omitempty"`
}

// look reads what the page shows.
func (p *Pages) look() view {
	infos := p.Supervisor.Processes()
	members := map[string][]process{}
	dynamic := p.dynamic()
	for i := range infos {
		group := infos[i].Group
		row := makeProcess(&infos[i])
		row.Dynamic = dynamic[row.Name]
		members[group] = append(members[group], row)
	}
	names := make([]string, 0, len(members))
	for _, g := range p.Supervisor.Groups() {
		names = append(names, g.Name)
	}
	slices.Sort(names)
	solo := group{Solo: true, Processes: []process{}}
	groups := []group{{}}
	for _, name := range names {
		processes := members[name]
		if len(processes) == 1 && processes[0].Name == name {
			solo.Processes = append(solo.Processes, processes[0])
		} else {
			groups = append(groups, group{Name: name, Processes: append([]process{}, processes...)})
		}
	}
	groups[0] = solo
	return view{State: p.state(), Now: time.Now().Unix(), Groups: groups}
}

func (p *Pages) dynamic() map[string]bool {
	if p.Dynamic == nil {
		return nil
	}
	names := map[string]bool{}
	for _, name := range p.Dynamic() {
		names[name] = true
	}
	return names
}

func (p *Pages) state() string { return strings.ToLower(p.Supervisor.State().String()) }

func makeProcess(info *rpcinterface.ProcessInfo) process {
	p := process{
		Name: info.Namespec(), State: info.State.String(), Description: info.Description,
		Actions: actionsFor(info.State),
	}
	if info.State == rpcinterface.ProcessRunning {
		p.Start, p.PID = info.Start, info.PID
	}
	return p
}

// The rows' actions by state. The reference has none but clearlog for a process that
// is starting or backing off; a program that does not come up must be stoppable.
var (
	whileRunning  = []string{"restart", "stop", "clearlog"}
	whileStarting = []string{"stop", "clearlog"}
	whileStopped  = []string{"start", "clearlog"}
	otherwise     = []string{"clearlog"}
)

func actionsFor(state rpcinterface.ProcessState) []string {
	switch state {
	case rpcinterface.ProcessRunning:
		return whileRunning
	case rpcinterface.ProcessStarting, rpcinterface.ProcessBackoff:
		return whileStarting
	case rpcinterface.ProcessStopped, rpcinterface.ProcessExited, rpcinterface.ProcessFatal:
		return whileStopped
	}
	return otherwise
}

// Prefix is the part of the name that the group has given, with its colon.
func (p process) Prefix() string {
	if i := strings.IndexByte(p.Name, ':'); i >= 0 {
		return p.Name[:i+1]
	}
	return ""
}

// Bare is the rest of the name.
func (p process) Bare() string { return p.Name[len(p.Prefix()):] }

// Word is the state as the page writes it.
func (p process) Word() string { return strings.ToLower(p.State) }

// Path is the name as a part of the path of a log's stream, which is unescaped twice
// and cut at some characters in between.
func (p process) Path() string {
	path := url.PathEscape(p.Name)
	if strings.ContainsAny(p.Name, "%;?#") {
		path = url.PathEscape(path)
	}
	return path
}
