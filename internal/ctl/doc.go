// Package ctl is supervisorctl: a command line client of the daemon's XML-RPC
// API, over TCP or a unix socket.
//
// Each command is a value of type command in a file of its own. Output and exit
// codes are those that scripts know from Supervisor 4.4's supervisorctl, down to
// the irregular ones; errors go to standard output, as there. Only call, which
// Supervisor has not, keeps standard output for its result.
//
// The package starts no process and keeps no state between runs; a run makes
// its calls one after the other on one connection.
package ctl
