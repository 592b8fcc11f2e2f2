package extension

import (
	"strconv"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
)

// info is what an operator is told of the extension.
func (x *extension) info() core.ExtensionInfo {
	v := x.current.Load()
	now := x.now()
	starts := x.counts.starts.Load()
	info := core.ExtensionInfo{
		Name:      x.name,
		Section:   x.section,
		File:      v.spec.File,
		Factory:   v.spec.Factory,
		Resolved:  v.factory,
		State:     v.life.state,
		Since:     v.life.since.Unix(),
		Now:       now.Unix(),
		Version:   v.desc.Version,
		Protocol:  v.protocol,
		Restarts:  uint64(max(0, starts-1)),
		Calls:     uint64(x.counts.calls.Load()),
		Errors:    uint64(x.counts.errors.Load()),
		Faults:    uint64(x.counts.faults.Load()),
		Grants:    words(v.grants),
		Lacking:   words(missing(v.desc.Grants, v.grants)),
		Handlers:  v.desc.ResultHandlers,
		Required:  v.spec.Required,
		Enabled:   v.spec.Enabled,
		User:      v.spec.User,
		SHA256:    v.spec.SHA256,
		Exclusive: exclusive(v.desc, v.spec),

		CallTimeout: x.callTimeout(),
		Limits:      v.spec.Limits,
	}
	for _, m := range v.desc.Methods {
		info.Methods = append(info.Methods, m.Name)
	}
	for _, c := range v.desc.Commands {
		info.Commands = append(info.Commands, c.Name)
	}
	last, when := x.counts.lastFailure()
	if info.LastError = last; last != "" {
		info.LastErrorTime = when.Unix()
	}
	switch info.State {
	case Backoff, Fatal, Disabled:
		info.Reason = v.life.reason
		info.Description = v.life.reason
	}
	switch info.State {
	case Backoff:
		info.Description += ", next attempt in " + max(0, v.life.due.Sub(now)).Round(time.Second).String()
	case Running:
		info.PID = v.session.proc.pid
		info.Memory = residentMemory(info.PID)
		info.Start = info.Since
		info.Description = "pid " + strconv.Itoa(info.PID) + ", uptime " + pytext.Timedelta(max(0, info.Now-info.Start))
	}
	return info
}

// words are texts of a kind as plain strings.
func words[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
