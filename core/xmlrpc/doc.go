// Package xmlrpc is the server's side of the XML-RPC wire: it reads the body of a
// request into rpcinterface values and writes responses.
//
// Reading follows what Supervisor makes of a request (supervisor.xmlrpc.loads,
// which walks expat's elements by rules of its own), not the XML-RPC
// specification: DecodeCall lists where that shows. Responses are, byte for byte,
// those of Python's xmlrpc.client.dumps.
//
// The package has an XML reader of its own. It accepts what expat accepts (the
// tests compare the two), which encoding/xml does not try to, and costs a few
// microseconds for a small call. It reads in one pass, in memory proportional to
// the body, and keeps no reference to the body. Beyond expat it refuses documents
// that only an attacker sends: elements nested deeper than 512, hundreds of
// attributes or namespaces, and DOCTYPEs with anything but entities of plain text.
package xmlrpc
