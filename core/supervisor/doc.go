// Package supervisor is the one owner of the engine's state: groups, process
// machines, deadlines and waiters.
//
// A Supervisor is one goroutine (Run) with one unbounded inbox. Only it changes
// state; every verb is one message, done whole or not at all, so a message never
// sees another half done. The goroutine does not wait for disk, name services,
// fork, network or plugins: those are Effects, done elsewhere, whose results come
// back as messages. Posting a message never blocks, so whoever does the loop's
// work may call it.
//
// Reads do not go through the loop: each process publishes an immutable record
// at every step, before the answer of the call that caused it, so that whoever
// made a change reads it back. An idle supervisor makes no wake-up: one timer is
// set to the earliest deadline and to nothing when there is none.
//
// Verbs answer *rpcinterface.Fault with the texts of Supervisor 4.4
// (supervisor.rpcinterface) and check in its order.
package supervisor
