// Package counts holds the daemon to limits that do not depend on the machine:
// what a call allocates and how many system calls it makes, in the daemon and in
// a plugin, that nothing wakes up while nothing is due, and that the pages of the
// executable that a start needs are not held longer.
//
// The limits stand in limits.txt, as measured plus five parts in a hundred (and
// always at least one half). They are lowered whenever something got better, and
// raised only in a commit that says why:
//
//	go test ./internal/counts -run TestCounts -measure
//
// writes them anew. The daemon is core/daemon as cmd/supervisord has it, in a
// process of the test's executable, so that its allocator can be asked. System
// calls are counted by strace; without it they are not, unless
// PLUGVISOR_REQUIRE=all. Those that fail (reads of a socket with nothing in it) and
// those by which Go's runtime lets threads sleep and wake are left out, as their
// number depends on the machine and its load.
package counts
