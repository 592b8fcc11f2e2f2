// Command cache is the bundled plugin of that name as a program of its own, for a
// factory that names it by its path.
package main

import (
	"github.com/plugvisor/plugvisor/plugins/cache"
	"github.com/plugvisor/plugvisor/sdk"
)

func main() {
	sdk.Serve(cache.Plugin())
}
