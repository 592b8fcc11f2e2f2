// Package e2e holds the end-to-end tests: each starts the built supervisord in a
// directory of its own and drives it as its users do, with Python's
// xmlrpc.client, with both supervisorctls, with kolo/xmlrpc, with signals and by
// killing what it has started.
//
// Every test ends with the same look around: the exit code is the one expected,
// and of the daemon nothing is left, be it a program, a plugin, a pidfile or a
// socket.
//
// The executable is built once; PLUGVISOR_BIN names a directory with a
// supervisord and supervisorctl to test instead (with -count=1, as go test does
// not see when these change).
package e2e
