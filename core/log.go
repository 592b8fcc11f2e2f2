package core

import "github.com/plugvisor/plugvisor/rpcinterface"

// Logger writes to the daemon's main log. It may be used by many goroutines and
// does not block on anything but the log's own file.
type Logger interface {
	// Log writes one message at a level. Messages below the log's level are
	// dropped.
	Log(level rpcinterface.LogLevel, message string)
	// Enabled says whether messages of a level are written, so that costly ones
	// need not be made.
	Enabled(level rpcinterface.LogLevel) bool
}
