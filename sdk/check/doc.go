// Package check examines the executable of a plugin, in whatever language it is
// written, and tells what it found: whether the supervisor could load it, and what
// in it breaks the protocol.
//
// Run starts the plugin several times, in the way that a Launcher has, each time in
// a process of its own, and ends each of them. Its host is a stand-in that carries
// nothing out. The plugin's own methods are not called, for they may do what they are
// for; with Options.CallMethods those with a signature are, with far too many arguments,
// which a plugin has to refuse. What else can be examined it has to offer, with the
// methods checkEcho, checkFault, checkError, checkRelay and checkWait
// (docs/protocol.md). What was not examined is among the findings, as a note.
package check
