package rpcinterface

import (
	"fmt"
	"path"
	"strings"
)

// Grant is one permission of a plugin: a verb class such as "processes:read", or
// "rpc:call=PATTERN" for calling the methods that match PATTERN.
type Grant string

// The grants. State, identification and group names need none.
const (
	GrantProcessesRead    Grant = "processes:read"
	GrantProcessesControl Grant = "processes:control"
	GrantProgramsWrite    Grant = "programs:write"
	GrantLogsRead         Grant = "logs:read"
	GrantStdinWrite       Grant = "stdin:write"
	GrantLogWrite         Grant = "log:write"
	GrantEventsSubscribe  Grant = "events:subscribe"
	GrantEventsPublish    Grant = "events:publish"

	// GrantCallPrefix begins the grants to call other namespaces.
	GrantCallPrefix = "rpc:call="
)

// ParseGrants reads a blank-separated list of grants.
func ParseGrants(s string) ([]Grant, error) {
	var out []Grant
	for _, word := range strings.Fields(s) {
		g := Grant(word)
		switch g {
		case GrantProcessesRead, GrantProcessesControl, GrantProgramsWrite,
			GrantLogsRead, GrantStdinWrite, GrantLogWrite, GrantEventsSubscribe, GrantEventsPublish:
		default:
			pattern, ok := strings.CutPrefix(word, GrantCallPrefix)
			if !ok {
				return nil, fmt.Errorf("unknown grant %q", word)
			}
			if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
				return nil, fmt.Errorf("bad pattern in grant %q", word)
			}
		}
		out = append(out, g)
	}
	return out, nil
}

// Grants is a set of grants.
type Grants []Grant

// Has says whether g is in the set.
func (gs Grants) Has(g Grant) bool {
	for _, have := range gs {
		if have == g {
			return true
		}
	}
	return false
}

// MayCall says whether the set allows calling method ("supervisor.getPID"). The
// patterns are those of path.Match.
func (gs Grants) MayCall(method string) bool {
	for _, have := range gs {
		if pattern, ok := strings.CutPrefix(string(have), GrantCallPrefix); ok {
			if ok, _ := path.Match(pattern, method); ok {
				return true
			}
		}
	}
	return false
}
