package extension

import "os"

// BundledArg is argv[0] of a bundled plugin, which is the daemon's own executable
// run with the plugin's name as the only argument. It is what ps shows.
const BundledArg = "supervisord-plugin"

// BundledName says whether this process was started as a bundled plugin, and as
// which. A main that has bundled plugins asks it before anything else.
func BundledName() (string, bool) { return bundledName(os.Args) }

func bundledName(argv []string) (string, bool) {
	if len(argv) != 2 || argv[0] != BundledArg {
		return "", false
	}
	return argv[1], true
}
