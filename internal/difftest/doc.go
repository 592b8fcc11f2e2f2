// Package difftest plays scenarios with a real supervisord and compares what it
// answers with what Supervisor 4.4 answered when they were recorded. Where Debian's
// Supervisor 4.2.5 is installed it plays them too. It is all tests.
//
// A scenario is a text file in testdata. Each line is a command; lines that begin
// with "| " are the text that the command takes, and lines that begin with two
// blanks are its answer. Comments begin with #, and $D is the directory in which
// the scenario is played.
//
//	config [EXTENSION]   write c.conf: a server on a unix socket, the log in $D,
//	                     the namespace supervisor (and twiddler or cache), and the text
//	config whole         write c.conf: the text and nothing else
//	file NAME [MODE]     write another file
//	start [ARG...]       start supervisord with c.conf and wait until it answers
//	leave [ARG...]       run supervisord, which is to leave by itself: the answer is
//	                     exit code and standard error. Without -c, c.conf is the
//	                     file
//	signal NAME          send supervisord a signal
//	end                  wait for the end of supervisord: the answer is its exit code
//	ns.method(JSON, …)   an XML-RPC call; the answer is the value as JSON, or the
//	                     fault. {"$base64": text} is binary data, 1.0 a double
//	only A,B ns.method(…) the same, of structs only these members
//	later ns.method(…)   a call that nobody waits for
//	answer               wait for the first of these calls
//	wait PROCESS STATE   wait until a process is in a state
//	output PROCESS TEXT  wait until a process's stdout log has the text, once more
//	                     if it was waited for before
//	errors PROCESS TEXT  the same of its stderr log
//	await TEXT           the same of the main log
//	log [REGEXP]         the main log's lines, or those that match, behind what the
//	                     same command showed before; what led to a state that was
//	                     seen is in it
//	show NAME            a file
//
// What is different in each run is hidden: process ids are PID, times TIME, the
// random part of log files' names RANDOM, the program SUPERVISORD, its directory
// $BIN.
//
// The answer is that of Supervisor 4.4. Where another side's differs a line says so
// and why, and the answer of that side stands below it, indented as well:
//
//	! ours REASON
//	! 4.2.5 REASON
//
// To record anew: go test ./internal/difftest -update -reference DIR -twiddler DIR -cache DIR,
// with checkouts of Supervisor, supervisor_twiddler and supervisor_cache. It writes all answers,
// also those below the lines with "!"; which sides differ is for people to say.
package difftest
