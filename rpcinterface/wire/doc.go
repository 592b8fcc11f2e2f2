// Package wire is the contract on the wire: the .proto files of
// plugvisor.rpcinterface.v1 with the Go code made of them (package pb), the
// handshake and its versions, and adapters that make a gRPC connection look like
// rpcinterface.Plugin on the host's side and like rpcinterface.Host on the
// plugin's. docs/protocol.md tells the same in prose.
//
// What passes through is whole or refused: text that is not valid UTF-8 is
// replaced, values nested deeper than MaxDepth and messages over
// rpcinterface.MaxMessage are faults. A *rpcinterface.Fault that comes out of an
// adapter was answered by the other side or is about the message itself; a
// *TransportError says that the other side could not be reached or did not
// answer, so that the outcome of the call is unknown.
//
// A call may end with a verb of the host (rpcinterface.Last). On a stream of calls it is
// written down and left to the host, which does it once, or not at all where the call was
// over by then; elsewhere the plugin's side does it.
//
// The adapters may be used by many goroutines at once. Every call ends with its
// context, whose deadline travels with it. A stream of events ends with its context,
// when either side closes it, and on the host's side with the plugin's process; it
// reads no further ahead than gRPC's flow control does.
package wire
