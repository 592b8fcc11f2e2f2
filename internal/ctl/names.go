package ctl

import "strings"

// target is what a name on the command line means: a process, or all processes
// of a group.
type target struct {
	group, process string
	whole          bool // every process of the group
}

// parseTarget reads "process", "group:process", "group:*" or "group:".
func parseTarget(name string) target {
	group, process, ok := strings.Cut(name, ":")
	switch {
	case !ok:
		return target{group: name, process: name}
	case process == "" || process == "*":
		return target{group: group, whole: true}
	default:
		return target{group: group, process: process}
	}
}
