// Package daemon is the composition root of supervisord: it reads the command line
// and the configuration, builds the parts of the engine, connects them, and takes
// them down again.
//
// One run is: configuration, privileges, limits, main log, groups, sockets,
// extensions, daemonising, pidfile, and only then the first program and the first
// answer. What fails before the last step ends the daemon with the reference's two
// lines on standard error and exit code 2, and nothing is left running. A restart
// (SIGHUP, supervisor.restart) is another run in the same process.
package daemon
