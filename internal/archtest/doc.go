// Package archtest holds the repository to its plan: which package may import
// what, that everything has a package comment, and that what the daemon is made
// of starts no process behind the reaper's back. It is all tests; the table is in
// rooms_test.go.
package archtest
