package main

import (
	"github.com/plugvisor/plugvisor/core/daemon"
	"github.com/plugvisor/plugvisor/plugins/cache"
	"github.com/plugvisor/plugvisor/plugins/twiddler"
	"github.com/plugvisor/plugvisor/sdk"
)

// plugins are the bundled ones. Each is off until a section registers it.
func plugins() []daemon.Plugin {
	return []daemon.Plugin{
		{Name: "twiddler", Serve: func() { sdk.Serve(twiddler.Plugin()) }},
		{Name: "cache", Serve: func() { sdk.Serve(cache.Plugin()) }},
	}
}
