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

// SplitNamespec takes such a name apart. A bare name is a group of one process of
// the same name; "group:*" and "group:" name all of a group, and process is "".
func SplitNamespec(name string) (group, process string) {
	group, process, found := strings.Cut(name, ":")
	if !found {
		return name, name
	}
	if process == "*" {
		process = ""
	}
	return group, process
}
