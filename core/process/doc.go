// Package process is one supervised process as a pure state machine.
//
// A Machine takes an event and the time and answers the effects to carry out, in
// order: spawn, send a signal, write a log line, tell of a change of state. It
// starts nothing, reads no clock, holds no lock and is not safe for concurrent
// use; core/supervisor owns every Machine and is the only caller.
//
// What can happen is one table (table.go). An event for which a state has no rule
// does nothing. Guarantees:
//
//   - a Machine asks for at most one spawn at a time, and takes Exited only for
//     the process that its last Spawned announced;
//   - it has one deadline, overwritten at each step; when it passes, the owner
//     sends Deadline;
//   - a stop or a signal that arrives while a spawn is in flight is delivered with
//     the pid, once it is known.
//
// The states and their meaning are those of Supervisor's manual ("Subprocesses",
// "Process States"); retries, delays and log lines are Supervisor 4.4's.
package process
