// Package rpcinterface is the contract between the supervisor and its RPC
// namespaces, as plain Go types. Both sides of the plugin boundary import it and
// nothing of each other: core serves namespaces, sdk writes them.
//
// The package imports only the standard library. It owns the value model, the
// faults and their codes, the states, and the interfaces Namespace (what a table
// of methods is), Plugin (what a plugin process offers) and Host (what the
// supervisor offers a plugin). Its types are immutable by convention: whoever
// receives one may keep it and must not change it.
package rpcinterface
