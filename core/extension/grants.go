package extension

import (
	"path"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// grantsOf decides what an extension may do: what its section says, else what a
// bundled plugin asks for, or the little that any other has.
func grantsOf(spec core.ExtensionSpec, k kind, asked []rpcinterface.Grant) rpcinterface.Grants {
	switch {
	case spec.Grants != nil:
		return *spec.Grants
	case k == bundled:
		return asked
	default:
		return rpcinterface.Grants{rpcinterface.GrantProcessesRead, rpcinterface.GrantLogWrite}
	}
}

// missing lists what was asked for and is not held.
func missing(asked []rpcinterface.Grant, held rpcinterface.Grants) []rpcinterface.Grant {
	var out []rpcinterface.Grant
	for _, g := range asked {
		if !covers(held, g) {
			out = append(out, g)
		}
	}
	return out
}

// covers says whether g is held, itself or as a part of a wider pattern.
func covers(held rpcinterface.Grants, g rpcinterface.Grant) bool {
	if held.Has(g) {
		return true
	}
	asked, ok := strings.CutPrefix(string(g), rpcinterface.GrantCallPrefix)
	if !ok {
		return false
	}
	for _, h := range held {
		if pattern, ok := strings.CutPrefix(string(h), rpcinterface.GrantCallPrefix); ok {
			if ok, _ := path.Match(pattern, asked); ok {
				return true
			}
		}
	}
	return false
}

func joinGrants(list []rpcinterface.Grant) string {
	return strings.Join(words(list), " ")
}
