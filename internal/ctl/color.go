package ctl

import "github.com/plugvisor/plugvisor/rpcinterface"

// Colours, as parameters of the terminal's SGR sequence.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

// paint colours a text on a terminal, and leaves it as it is anywhere else.
func (s *session) paint(color, text string) string {
	if !s.color || color == "" {
		return text
	}
	return "\x1b[" + color + "m" + text + "\x1b[0m"
}

// stateColor gives a process state's colour: red for what needs somebody's
// attention, yellow for what will not stay so.
func stateColor(state int) string {
	switch rpcinterface.ProcessState(state) {
	case rpcinterface.ProcessRunning:
		return green
	case rpcinterface.ProcessStarting, rpcinterface.ProcessStopping:
		return yellow
	case rpcinterface.ProcessBackoff, rpcinterface.ProcessFatal, rpcinterface.ProcessUnknown:
		return red
	default:
		return ""
	}
}
