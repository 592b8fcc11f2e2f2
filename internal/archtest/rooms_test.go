package archtest

// module is the path that all rows below are relative to.
const module = "github.com/plugvisor/plugvisor"

// room is one row of the plan.
type room struct {
	path string
	// ours lists the packages of this module it may import.
	ours []string
	// third lists the modules that it may reach, itself or through others.
	third []string
	// std says what of the standard library it must not import itself.
	std limit
}

// limit is a set of packages of the standard library, with the reason why a room
// must keep away from them. A package stands for those below it too.
type limit struct {
	packages []string
	// code forbids go statements and reading the clock as well.
	code bool
	why  string
}

var (
	free = limit{}

	// Starting processes is for core/child alone: it has the one reaper.
	noExec = limit{
		packages: []string{"os/exec"},
		why:      "os/exec waits for its children itself, which fights the one reaper in core/child",
	}
	noNet = limit{
		packages: []string{"os/exec", "net"},
		why:      "the room has no business on the network, and children are started by core/child",
	}
	closed = limit{
		packages: []string{"os", "net", "log", "io/ioutil", "plugin"},
		why:      "the room works on values: what it needs of the machine is handed in or done by others",
	}
	pure = limit{
		packages: []string{"os", "net", "log", "io/ioutil", "plugin", "runtime", "sync", "syscall", "unsafe"},
		code:     true,
		why:      "the room is pure: same input, same output, in any order, in virtual time",
	}
)

// Modules by what they are for.
var (
	ini   = []string{"gopkg.in/ini.v1"}
	kolo  = []string{"github.com/kolo/xmlrpc"}
	sys   = []string{"golang.org/x/sys"}
	liner = []string{"github.com/peterh/liner", "github.com/mattn/go-runewidth", "github.com/clipperhouse/uax29/v2", "golang.org/x/sys"}
	hclog = []string{
		"github.com/hashicorp/go-hclog", "github.com/fatih/color", "github.com/mattn/go-colorable",
		"github.com/mattn/go-isatty", "golang.org/x/sys",
	}
	grpc = []string{
		"google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto/googleapis/rpc",
		"golang.org/x/net", "golang.org/x/sys", "golang.org/x/text",
	}
	// Prometheus's client without its HTTP handler, which would bring a compressor.
	prometheus = []string{
		"github.com/prometheus/client_golang", "github.com/prometheus/client_model", "github.com/prometheus/common", "github.com/prometheus/procfs",
		"github.com/beorn7/perks", "github.com/cespare/xxhash/v2", "github.com/munnerz/goautoneg",
		"google.golang.org/protobuf", "golang.org/x/sys",
	}
	goPlugin = join(grpc, hclog, []string{
		"github.com/hashicorp/go-plugin", "github.com/hashicorp/yamux", "github.com/oklog/run",
		"github.com/golang/protobuf",
	})
)

// rooms is the plan. A package without a row fails; a row may be there before
// its package.
var rooms = []room{
	// The contract stands in the middle; both sides import it, and it nothing.
	{path: "rpcinterface", std: pure},
	{path: "rpcinterface/wire", ours: words("rpcinterface rpcinterface/wire/pb"), third: goPlugin, std: noExec},
	{path: "rpcinterface/wire/pb", third: grpc, std: noNet},

	// The engine.
	{path: "core", ours: words("rpcinterface"), std: noNet},
	{path: "core/pytext", ours: words("rpcinterface"), std: pure},
	{path: "core/config", ours: words("core core/pytext rpcinterface"), third: ini, std: noNet},
	{path: "core/process", ours: words("core core/pytext rpcinterface"), std: pure},
	{path: "core/event", ours: words("core core/pytext rpcinterface"), std: pure},
	{path: "core/supervisor", ours: words("core core/process core/event core/pytext rpcinterface"), std: closed},
	{path: "core/supervisor/supervisortest", ours: words("core core/event core/process core/supervisor rpcinterface"), std: noNet},
	{path: "core/child", ours: words("core"), third: sys, std: noNet},
	{path: "core/logfile", ours: words("core"), third: sys, std: noExec},
	// It is the daemon's answer, and extension check of the command line gives it too.
	{path: "core/trust", third: sys, std: noNet},
	{path: "core/mainlog", ours: words("core core/logfile rpcinterface"), third: hclog, std: noNet},
	// core/process: the effects that it carries out are that package's types.
	{path: "core/engine", ours: words("core core/process core/supervisor core/child core/logfile core/event core/pytext rpcinterface"), third: sys, std: noExec},
	{path: "core/namespace", ours: words("core core/pytext rpcinterface"), std: closed},
	// core/namespace: its table of methods is one of that package's tables.
	{path: "core/supervisorns", ours: words("core core/namespace core/supervisor core/config core/logfile core/mainlog core/pytext rpcinterface"),
		third: join(ini, hclog), std: noNet},
	{path: "core/xmlrpc", ours: words("core/pytext rpcinterface"), std: pure},
	{path: "core/httpd", ours: words("core core/namespace core/xmlrpc core/logfile core/pytext rpcinterface"), third: sys, std: noExec},
	{path: "core/web", ours: words("core core/namespace core/supervisorns core/logfile core/pytext rpcinterface"), third: join(ini, hclog), std: noExec},
	{path: "core/metrics", ours: words("core rpcinterface"), third: prometheus, std: noExec},
	// os/exec: go-plugin's runner is handed an exec.Cmd; TestNoExec sees to it
	// that only that type is used.
	{path: "core/extension", ours: words("core core/config core/child core/namespace core/supervisor core/event core/logfile core/mainlog core/pytext core/trust rpcinterface rpcinterface/wire"),
		third: join(goPlugin, ini), std: free},
	{path: "core/daemon", ours: words("core core/config core/process core/event core/supervisor core/child core/logfile core/mainlog core/engine core/namespace " +
		"core/supervisorns core/xmlrpc core/httpd core/web core/metrics core/extension core/pytext internal/getopt internal/resident rpcinterface"),
		third: join(prometheus, goPlugin, ini), std: noExec},

	// The author's side.
	{path: "sdk", ours: words("internal/resident rpcinterface rpcinterface/wire"), third: goPlugin, std: noExec},
	// os/exec: Conformance looks executables up. It is never in the daemon.
	{path: "sdk/sdktest", ours: words("sdk sdk/check rpcinterface rpcinterface/wire"), third: goPlugin, std: free},
	// os/exec: as in core/extension.
	{path: "sdk/check", ours: words("sdk rpcinterface rpcinterface/wire"), third: goPlugin, std: free},
	{path: "sdk/python", ours: words("sdk rpcinterface rpcinterface/wire"), third: goPlugin, std: noExec},
	{path: "plugins/twiddler", ours: words("sdk"), third: goPlugin, std: noNet},
	{path: "plugins/cache", ours: words("sdk"), third: goPlugin, std: noNet},
	// It is copied out of the repository, so it has what any author has.
	{path: "examples/extensions/hello", ours: words("sdk"), third: goPlugin, std: noNet},

	// Of any process that starts and then rests, daemon or plugin, so both sides import
	// it; it knows nothing of either.
	{path: "internal/resident", std: noNet},

	// The command line and the small tools: clients, never the daemon.
	// core: what a section is, for extension check.
	{path: "internal/ctl", ours: words("core core/config core/pytext core/trust internal/getopt rpcinterface sdk/check"), third: join(kolo, liner, goPlugin, ini), std: noExec},
	{path: "internal/pidproxy", ours: words("core/config rpcinterface"), third: ini, std: free},
	{path: "internal/sampleconf", ours: words("core/config rpcinterface"), third: ini, std: noNet},
	{path: "internal/getopt", std: pure},

	// What is not part of the program.
	{path: "internal/archtest"},
	{path: "internal/browsertest"},
	{path: "internal/benchpeers", ours: words("internal/loopback rpcinterface"), third: join(goPlugin)},
	{path: "internal/e2e"},
	{path: "internal/counts"},
	{path: "internal/difftest"},
	{path: "internal/docrun"},
	{path: "internal/doctest"},
	{path: "internal/loopback", std: noExec},
	{path: "internal/pythontest"},
	{path: "internal/soak", ours: words("core/child core/daemon core/extension internal/loopback plugins/twiddler sdk"), third: join(prometheus, goPlugin, ini)},
	{path: "internal/testrun"},

	// The mains.
	{path: "cmd/supervisord", ours: words("core/daemon internal/ctl internal/pidproxy internal/sampleconf plugins/cache plugins/twiddler sdk rpcinterface"),
		third: join(kolo, liner, prometheus, goPlugin, ini), std: noExec},
	{path: "cmd/supervisorctl", ours: words("internal/ctl"), third: join(kolo, liner, goPlugin, ini), std: noExec},
	{path: "cmd/cache", ours: words("plugins/cache sdk"), third: goPlugin, std: noExec},
	{path: "cmd/twiddler", ours: words("plugins/twiddler sdk"), third: goPlugin, std: noExec},
}

// wall says that whatever is in from never reaches to, through any number of
// imports. A trailing "/..." stands for a package and all below it; a path with
// a dot in its first part is of another module.
type wall struct{ from, to, why string }

var walls = []wall{
	{"sdk/...", "core/...", "a plugin's author must not depend on the daemon's insides"},
	{"plugins/...", "core/...", "a bundled plugin is written exactly as a stranger's would be"},
	{"core/...", "sdk/...", "the daemon knows plugins by the contract, not by the kit that they are made with"},
	{"core/...", "plugins/...", "the daemon knows no plugin by name: cmd/supervisord hands in the list"},
	{"rpcinterface", "google.golang.org/grpc", "the contract is plain types; its wire is in rpcinterface/wire"},
	{"core/process", "google.golang.org/grpc", "the state machine is pure and knows no transport"},
	{"core/supervisor", "google.golang.org/grpc", "the loop never waits for a plugin, so it has no way to"},
	{"core/config", "google.golang.org/grpc", "supervisorctl reads its section with it and must stay small"},
	{"internal/ctl", "core/supervisor", "the command line is a client"},
	{"internal/ctl", "core/daemon", "the command line is a client"},
	{"internal/ctl", "core/child", "the command line starts no process"},
	{"cmd/...", "internal/pythontest", "helpers of tests stay out of the program"},
	{"cmd/...", "internal/loopback", "helpers of tests stay out of the program"},
	{"cmd/...", "core/supervisor/supervisortest", "helpers of tests stay out of the program"},
	{"cmd/...", "internal/benchpeers", "the bench stays out of the program"},
	{"cmd/...", "internal/soak", "the soak stays out of the program"},
}
