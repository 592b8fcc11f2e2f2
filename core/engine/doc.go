// Package engine carries out the effects of core/supervisor's loop: it finds
// executables, starts processes with their pipes and logs, sends signals, writes
// standard input and makes automatic log files.
//
// Processes are started one after the other, in the order in which the loop asks,
// by one goroutine: priorities then mean what they say. What it guarantees for
// each:
//
//   - Started is called once, and before Ended;
//   - Ended is called when the process was reaped and its pipes were read until
//     empty, however many of its children still hold them;
//   - the parent's ends of its pipes are closed by then, as in the reference.
//
// Texts are those of Supervisor 4.4 (supervisor.process, supervisor.options).
package engine
