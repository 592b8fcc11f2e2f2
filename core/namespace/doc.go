// Package namespace owns the table of RPC namespaces and calls the methods in it.
//
// A Registry is an immutable table behind an atomic pointer. Writers swap the
// table whole; a call sees one table from its look-up on, whatever happens to the
// registry meanwhile, and takes no lock. Looking a method up costs the same
// however many namespaces, methods and processes there are. Names are kept in the
// order in which they were added.
//
// The namespace system (listMethods, methodHelp, methodSignature, multicall) is
// always there and describes the table of the moment.
package namespace
