// Package ctl is supervisorctl: a command line client of the daemon's XML-RPC
// API, over TCP or a unix socket.
//
// Each command is a value of type command in a file of its own. Output and exit
// codes are those that scripts know from Supervisor 4.4's supervisorctl, down to
// the irregular ones; errors go to standard output, as there. Only call and the
// commands of extensions, which Supervisor has not, and the flag --json keep standard
// output for their result. Colour is for terminals alone.
//
// The commands of extensions are data that the server tells: none of their code runs
// here, and of what they write no control character reaches the terminal. A word that
// is a command of ours is never theirs.
//
// Without a command a shell reads them: on a terminal with editing, completion and
// a history, which is all that a run leaves behind; from anything else line by
// line. An interrupt ends the shell, except in the commands that follow something.
//
// The package starts no process. A run makes its calls one after the other on one
// connection, but for fg, which reads both logs of the process meanwhile.
package ctl
