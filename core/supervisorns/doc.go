// Package supervisorns is the built-in namespace supervisor.*, with all methods of
// Supervisor 4.4 and their old names.
//
// It turns parameters into verbs of core/supervisor and results into values, and
// holds no state. Order of checks, faults, member names and types are the
// reference's (Supervisor manual, "XML-RPC API Documentation"); a parameter of a
// type that the reference fails on with HTTP 500 answers INCORRECT_PARAMETERS.
package supervisorns
