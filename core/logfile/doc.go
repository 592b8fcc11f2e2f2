// Package logfile keeps the output of children and reads it back: log files and
// their rotation, the pipes that fill them, syslog, reads by offset, tails and
// followers.
//
// What it guarantees:
//
//   - A byte that was read from a pipe is in the log, in order, whatever rotation,
//     reopening or clearing happens meanwhile; only a failing write loses bytes,
//     and that is reported.
//   - Drain returns when all that the process wrote is in the log, and never waits
//     for another process that holds the pipe.
//   - What is reserved on the disk for a flood never shows in a log's size, and is
//     given back; no byte of another program that appends is lost by that.
//   - A slow log holds up the one stream that writes to it.
//   - A silent stream holds no buffer, and nothing polls.
//
// The behaviour is that of the reference's loggers.py, dispatchers.py and
// options.py (readFile, tailFile, clear_autochildlogdir), but for output that these
// lose: see Stream.
package logfile
