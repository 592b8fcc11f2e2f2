// Command benchpeers measures our supervisord beside the reference (Supervisor in
// Python), beside another supervisor in Go (O), and beside floors: the least that
// a Go program can do for the same answer. It prints a Markdown table of ratios
// with their goals, and how costs grow with the work (-only scale). With -doc it
// puts both between the hand-written parts of performance.md.tmpl.
//
//	benchpeers -supervisord FILE [-reference DIR -twiddler DIR] [-other DIR] [-only PARTS] [-quick] [-doc FILE]
//
// Absolute numbers are worth little on a shared machine. So all that is compared
// runs in one go, in rounds that take turns, and a cell is the median over the
// rounds with the spread between them; a ratio is that of medians. The load comes
// from raw keep-alive connections that send requests made beforehand, so that the
// client weighs the same on every server, and as little as it can.
//
// What cannot be measured beside ours is named above the table.
//
// The floors are subcommands of this program:
//
//	floor-http   net/http that reads the body and answers fixed XML
//	floor-plug   the same behind one bare go-plugin call of 100 bytes, AutoMTLS on
//	floor-thru   the same with a call back to the host through the default broker
//	floor-spawn  starts children and nothing else
//
// and so is what fills the logs:
//
//	flood        writes lines as fast as they are taken
//
// Output comes into files below TMPDIR, half a gigabyte at a time; that should be a
// file system on a disk, as one in memory has other costs.
package main
