package rpcinterface

import "strings"

// ProcessInfo is what supervisor.getProcessInfo tells of one process. Times are
// seconds since the epoch, 0 for never.
type ProcessInfo struct {
	Name          string
	Group         string
	Start         int64
	Stop          int64
	Now           int64
	State         ProcessState
	SpawnErr      string
	ExitStatus    int
	StdoutLogfile string // "" when there is none
	StderrLogfile string
	PID           int
	Description   string
}

// GroupInfo describes one process group.
type GroupInfo struct {
	Name     string
	Priority int64
}

// Namespec is the name by which clients address the process: the bare name where
// group and process are called alike, else "group:process".
func (i ProcessInfo) Namespec() string { return Namespec(i.Group, i.Name) }

// Namespec joins a group's and a process's name as clients write them.
func Namespec(group, process string) string {
	if group == process {
		return process
	}
	return group + ":" + process
}

// SplitNamespec takes such a name apart. A bare name is a group and a process of
// the same name; "group:*" and "group:" name all of a group.
func SplitNamespec(name string) (group, process string, all bool) {
	group, process, found := strings.Cut(name, ":")
	switch {
	case !found:
		return name, name, false
	case process == "*" || process == "":
		return group, "", true
	}
	return group, process, false
}
