// Command soak runs our daemon under everything that programs, listeners, clients
// and administrators do wrong, all at once and for a long time, and then asks
// whether it has leaked or lost anything.
//
//	soak [-duration 10m] [-keep]
//
// The daemon is core/daemon as cmd/supervisord has it, in a process of this
// executable, so that its goroutines and its heap can be asked for without a door
// in the daemon that is installed (see tell). A dozen kinds of programs crash,
// flood, fork, hang on to pipes and ignore signals; event listeners accept,
// reject, die and talk nonsense; clients poll, follow logs, add and remove
// programs through a plugin that is killed now and then.
//
// At a tenth of the time, but not before a few seconds of work, and at its end
// everything is stopped for a moment and the daemon is measured at rest: what it has
// more then than at the first time is a leak. At the end the logs of programs that
// count their lines are compared with what was written. The exit code is 1 when
// anything is amiss.
package main
