package mainlog

import (
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// HCLog gives a logger for HashiCorp's libraries whose messages land here as
// "NAME: message: key=value", a text of several lines as one message.
func (l *Log) HCLog(name string) hclog.Logger {
	return hclog.New(&hclog.LoggerOptions{
		Name:        name,
		Level:       l.lowest(),
		Output:      sink{l},
		DisableTime: true,
	})
}

// lowest is the lowest level of hclog that is written.
func (l *Log) lowest() hclog.Level {
	for _, level := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
		if l.Enabled(levelOf(level)) {
			return level
		}
	}
	return hclog.Off
}

func levelOf(level hclog.Level) rpcinterface.LogLevel {
	switch level {
	case hclog.Trace:
		return rpcinterface.LevelTrac
	case hclog.Debug:
		return rpcinterface.LevelDebg
	case hclog.Warn:
		return rpcinterface.LevelWarn
	case hclog.Error:
		return rpcinterface.LevelErro
	default:
		return rpcinterface.LevelInfo
	}
}

// sink takes the entries that an hclog.Logger has formatted.
type sink struct{ log *Log }

var _ hclog.LevelWriter = sink{}

// LevelWrite takes one entry, which begins with its level in brackets.
func (s sink) LevelWrite(level hclog.Level, p []byte) (int, error) {
	entry := string(p)
	if _, text, found := strings.Cut(entry, "]"); found {
		entry = text
	}
	s.log.Log(levelOf(level), strings.TrimSpace(entry))
	return len(p), nil
}

// Write is for an io.Writer; hclog calls LevelWrite.
func (s sink) Write(p []byte) (int, error) { return s.LevelWrite(hclog.Info, p) }
