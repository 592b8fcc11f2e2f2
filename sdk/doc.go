// Package sdk is what the author of a plugin imports, and all of it. A plugin is
// a program that serves one RPC namespace to the supervisor:
//
//	//go:embed greeter.go
//	var source embed.FS
//
//	func main() {
//		sdk.Serve(sdk.Plugin{
//			Version: "1.0",
//			Factory: sdk.FactoryOf(newGreeter),
//			Sources: source,
//			Grants:  []sdk.Grant{sdk.GrantLogWrite},
//		})
//	}
//
//	type greeter struct {
//		host  sdk.Host
//		words string
//	}
//
//	func newGreeter(host sdk.Host, cfg sdk.Config) (*greeter, error) {
//		return &greeter{host, cfg.String("words", "Hello")}, nil
//	}
//
//	// Greet says hello and leaves a line in the log.
//	//
//	// @param string name   Whom to greet
//	// @return string       The greeting
//	func (g *greeter) Greet(ctx context.Context, name string) (string, error) {
//		text := g.words + ", " + name
//		return text, g.host.Log(ctx, sdk.LevelInfo, text)
//	}
//
// # Methods
//
// The exported methods of what the factory returns are the methods of the
// namespace, under their names with the first letter lowered. They are called by
// many goroutines at once. A method takes a context.Context first if it wants
// one, then its parameters, then parameters of type Optional, which clients may
// leave out. It returns a value, an error, or both, or nothing; where there is no
// value the client is answered true.
//
// Values are of these Go types: integers, bool, string, floats, []byte, time.Time,
// slices, maps with string keys, structs, pointers to any of them, and Value or one of
// its kinds where the type is not known beforehand; also types made of them, such as
// time.Duration, which is an integer. A method with other types, or other results than
// a value, an error, or both, is an error when the plugin starts, which names it; none
// is left out.
//
//   - An integer has to fit into its type, else the argument is refused; int8 takes -128
//     to 127. Doubles and booleans are no integers. Towards XML-RPC clients an integer that
//     does not fit into 32 bits is a fault.
//   - A float takes integers too. NaN and the infinities are passed as they are.
//   - A []byte takes strings too. A string that is no UTF-8 has U+FFFD for what is not.
//   - A time.Time is what the clock shows, without its zone and to the second. One that is
//     received is in UTC.
//   - A nil slice or map is an empty one. Nil is no argument for them.
//   - A pointer is nil or what it points to.
//   - Members of a struct are its exported fields, named by a tag, `rpc:"name"`, else as
//     methods are, and not those with the tag "-". Those of a struct that is embedded,
//     without a tag, are its own. A member that is a pointer may be absent, and is
//     left out where it is nil; any other is needed. Unknown members are refused.
//   - Arrays and structs may be nested 32 deep.
//
// A wrong number or type of arguments is answered INCORRECT_PARAMETERS before the
// method is called. A *Fault that the method returns or wraps reaches the client
// as it is, any other error as FAILED with its text. A panic is the fault of that
// one call, and its stack is in the main log.
//
// A method may end with a verb of the host that the supervisor does when the method has
// returned: see Last.
//
// Two methods are not for clients, if they have exactly these forms: BeforeCall
// (see Gate) and Close() error, which is called when the plugin ends.
//
// # Events
//
// Watch calls a function with each event of some types, in the background, from the
// factory on until the plugin ends; Events reads them in a loop, such as in a method
// that waits for one. A plugin may do nothing else: a Watcher has no methods. Events
// have sequence numbers, so that one who has been away can go on after the last that
// it has seen, and is told how many it has missed. Host.Publish sends an event.
//
// # Logging
//
// Logger(ctx) is an hclog.Logger whose messages land in the supervisor's main log, under
// the extension's name and with their level:
//
//	sdk.Logger(ctx).Warn("cannot greet", "name", name, "error", err)
//
//	2026-01-02 03:04:05,678 WARN hello: cannot greet: error="no time" method=greet name=Jo
//
// So do those of hclog.Default(), of slog and of the package log: log.Printf has INFO,
// unless its text begins with another level, as in "[WARN] …". Further lines of a message
// are shown indented below it; what is long is cut, so that a record has no more than 8 KiB.
// More than 500 records in a second are not logged but counted. It needs no grant. In tests
// with sdktest it is in the test's output. Host.Log, which needs GrantLogWrite, is for
// what must not be left out: its messages are lines of the main log as they are.
//
// What is printed to standard output or standard error has INFO, a line an entry.
//
// # Documentation
//
// The methods' comments are what system.methodHelp shows, and their lines "@param
// type name text" and "@return type text" what system.methodSignature answers.
// They are read from the embedded sources, so they are written once. Where there is
// no such line the signature is made of the Go types.
package sdk
