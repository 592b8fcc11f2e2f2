package core

import "strings"

// EventKind is a type of event that listeners can subscribe to (Supervisor manual,
// "Event Types"). The abstract ones are never sent: they stand for their kinds.
type EventKind uint8

// The kinds of events. EventAny is "EVENT", from which all others come.
const (
	EventAny EventKind = iota
	EventProcessState
	EventProcessStateStopped
	EventProcessStateExited
	EventProcessStateStarting
	EventProcessStateStopping
	EventProcessStateBackoff
	EventProcessStateFatal
	EventProcessStateRunning
	EventProcessStateUnknown
	EventProcessCommunication
	EventProcessCommunicationStdout
	EventProcessCommunicationStderr
	EventProcessLog
	EventProcessLogStdout
	EventProcessLogStderr
	EventRemoteCommunication
	EventSupervisorStateChange
	EventSupervisorStateChangeRunning
	EventSupervisorStateChangeStopping
	EventTick
	EventTick5
	EventTick60
	EventTick3600
	EventProcessGroup
	EventProcessGroupAdded
	EventProcessGroupRemoved
	numEventKinds
)

// NumEventKinds is how many kinds there are.
const NumEventKinds = int(numEventKinds)

var eventKinds = [numEventKinds]struct {
	name   string
	parent EventKind
}{
	EventAny:                           {"EVENT", EventAny},
	EventProcessState:                  {"PROCESS_STATE", EventAny},
	EventProcessStateStopped:           {"PROCESS_STATE_STOPPED", EventProcessState},
	EventProcessStateExited:            {"PROCESS_STATE_EXITED", EventProcessState},
	EventProcessStateStarting:          {"PROCESS_STATE_STARTING", EventProcessState},
	EventProcessStateStopping:          {"PROCESS_STATE_STOPPING", EventProcessState},
	EventProcessStateBackoff:           {"PROCESS_STATE_BACKOFF", EventProcessState},
	EventProcessStateFatal:             {"PROCESS_STATE_FATAL", EventProcessState},
	EventProcessStateRunning:           {"PROCESS_STATE_RUNNING", EventProcessState},
	EventProcessStateUnknown:           {"PROCESS_STATE_UNKNOWN", EventProcessState},
	EventProcessCommunication:          {"PROCESS_COMMUNICATION", EventAny},
	EventProcessCommunicationStdout:    {"PROCESS_COMMUNICATION_STDOUT", EventProcessCommunication},
	EventProcessCommunicationStderr:    {"PROCESS_COMMUNICATION_STDERR", EventProcessCommunication},
	EventProcessLog:                    {"PROCESS_LOG", EventAny},
	EventProcessLogStdout:              {"PROCESS_LOG_STDOUT", EventProcessLog},
	EventProcessLogStderr:              {"PROCESS_LOG_STDERR", EventProcessLog},
	EventRemoteCommunication:           {"REMOTE_COMMUNICATION", EventAny},
	EventSupervisorStateChange:         {"SUPERVISOR_STATE_CHANGE", EventAny},
	EventSupervisorStateChangeRunning:  {"SUPERVISOR_STATE_CHANGE_RUNNING", EventSupervisorStateChange},
	EventSupervisorStateChangeStopping: {"SUPERVISOR_STATE_CHANGE_STOPPING", EventSupervisorStateChange},
	EventTick:                          {"TICK", EventAny},
	EventTick5:                         {"TICK_5", EventTick},
	EventTick60:                        {"TICK_60", EventTick},
	EventTick3600:                      {"TICK_3600", EventTick},
	EventProcessGroup:                  {"PROCESS_GROUP", EventAny},
	EventProcessGroupAdded:             {"PROCESS_GROUP_ADDED", EventProcessGroup},
	EventProcessGroupRemoved:           {"PROCESS_GROUP_REMOVED", EventProcessGroup},
}

// ParseEventKind finds a kind by its name, in any case.
func ParseEventKind(name string) (EventKind, bool) {
	name = strings.ToUpper(name)
	for k := range numEventKinds {
		if eventKinds[k].name == name {
			return k, true
		}
	}
	return 0, false
}

func (k EventKind) String() string { return eventKinds[k].name }

// Is says whether k is of the kind ancestor, or comes from it.
func (k EventKind) Is(ancestor EventKind) bool {
	for k != ancestor {
		if k == EventAny {
			return false
		}
		k = eventKinds[k].parent
	}
	return true
}
