// Package httpd serves HTTP for the daemon on TCP (with TLS or without) and unix
// sockets: XML-RPC below /RPC2, the logs' tails below /logtail and /mainlogtail,
// /metrics, /healthz, and whatever handler it is given for every other path. Basic
// authentication stands before all of them, /metrics and /healthz excepted where the
// configuration says so.
//
// It owns its sockets, a unix socket's file included: the file appears with its
// mode and owner set, takes the place of a dead server's, never of a live one's,
// and is gone after Close.
//
// Requests are answered as Supervisor's server answers them (paths, statuses, error
// pages, headers), where that one answers at all: it is net/http underneath, so
// keep-alive, pipelining, chunked bodies and HTTP/1.0 work by the book. A client
// that goes away does not cancel its call: half-closed connections are common
// among shell scripts, and calls end by themselves. It does end a tail.
//
// A client that is slow or hostile costs a connection and its small buffers: heads,
// bodies, depth and the time of each part of a request are bounded (limit.go), and so
// are the connections of a server, those without a login more closely (crowd.go). Calls
// from pages of other sites, which browsers mark as such, are refused.
//
// Idle connections are kept for as long as the client likes, since event listeners
// hold one for days and the reference's transport does not reconnect.
package httpd
