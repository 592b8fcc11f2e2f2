package supervisor

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// State is the supervisor's state.
func (s *Supervisor) State() rpcinterface.SupervisorState {
	return rpcinterface.SupervisorState(s.state.Load())
}

// Identification is the daemon's identifier.
func (s *Supervisor) Identification() string { return s.identifier }

// Groups lists the groups in the order in which they were added.
func (s *Supervisor) Groups() []rpcinterface.GroupInfo {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]rpcinterface.GroupInfo, len(s.order))
	for i, g := range s.order {
		out[i] = rpcinterface.GroupInfo{Name: g.name, Priority: g.priority}
	}
	return out
}

// HasGroup says whether there is a group of the name.
func (s *Supervisor) HasGroup(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.groups[name] != nil
}

// find gives the process that clients call name. BAD_NAME when there is none, or
// when the name is that of a whole group.
func (s *Supervisor) find(name string) (*proc, error) {
	groupName, processName, all := rpcinterface.SplitNamespec(name)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.groups[groupName]; g != nil && !all {
		if p := g.members[processName]; p != nil {
			return p, nil
		}
	}
	return nil, fault(rpcinterface.CodeBadName, name)
}

// Process tells of one process. BAD_NAME when there is none of the name.
func (s *Supervisor) Process(name string) (rpcinterface.ProcessInfo, error) {
	p, err := s.find(name)
	if err != nil {
		return rpcinterface.ProcessInfo{}, err
	}
	return p.info(time.Now()), nil
}

// Spec gives the configuration of one process. BAD_NAME when there is none.
func (s *Supervisor) Spec(name string) (*core.ProcessSpec, error) {
	p, err := s.find(name)
	if err != nil {
		return nil, err
	}
	return p.spec.Load(), nil
}

// Processes tells of all processes, sorted by the names of group and process.
func (s *Supervisor) Processes() []rpcinterface.ProcessInfo {
	now := time.Now()
	all := s.all()
	out := make([]rpcinterface.ProcessInfo, len(all))
	for i, p := range all {
		out[i] = p.info(now)
	}
	return out
}

// all lists every process, sorted by the names of group and process.
func (s *Supervisor) all() []*proc {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*proc, 0, len(s.order))
	for _, g := range s.groupsByName() {
		out = append(out, g.byName()...)
	}
	return out
}

// groupsByName lists the groups sorted by name, for who holds the lock. The slice is
// shared: do not change it.
func (s *Supervisor) groupsByName() []*group {
	if sorted := s.byName.Load(); sorted != nil {
		return *sorted
	}
	out := slices.Clone(s.order)
	slices.SortFunc(out, func(a, b *group) int { return cmp.Compare(a.name, b.name) })
	s.byName.Store(&out)
	return out
}

// info puts a process's record into the form that clients get.
func (p *proc) info(now time.Time) rpcinterface.ProcessInfo {
	r, spec := p.record.Load(), p.spec.Load()
	info := rpcinterface.ProcessInfo{
		Name: p.name, Group: p.group.name,
		Start: r.start, Stop: r.stop, Now: now.Unix(),
		State: r.state, SpawnErr: r.spawnErr, ExitStatus: r.exit, PID: r.pid,
		StdoutLogfile: logPath(spec.Stdout), StderrLogfile: logPath(spec.Stderr),
	}
	info.Description = describe(&info)
	return info
}

func logPath(l core.LogSpec) string {
	if l.File.Kind == core.LogPath {
		return l.File.Path
	}
	return ""
}

// describe is the text that supervisorctl status shows behind the state.
func describe(info *rpcinterface.ProcessInfo) string {
	switch info.State {
	case rpcinterface.ProcessRunning:
		return "pid " + strconv.Itoa(info.PID) + ", uptime " + pytext.Timedelta(max(info.Now-info.Start, 0))
	case rpcinterface.ProcessFatal, rpcinterface.ProcessBackoff:
		if info.SpawnErr == "" {
			return fmt.Sprintf(`unknown error (try "tail %s")`, info.Name)
		}
		return info.SpawnErr
	case rpcinterface.ProcessStopped, rpcinterface.ProcessExited:
		if info.Start == 0 {
			return "Not started"
		}
		return time.Unix(info.Stop, 0).Format("Jan 02 03:04 PM")
	}
	return ""
}
