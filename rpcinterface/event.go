package rpcinterface

import (
	"context"
	"slices"
	"strings"
)

// The types of events, as listeners and subscribers name them (Supervisor manual,
// "Event Types"). A type stands for those that come from it: EventProcessState for
// EventProcessStateRunning, and EventAny for all.
const (
	EventAny                           = "EVENT"
	EventProcessState                  = "PROCESS_STATE"
	EventProcessStateStopped           = "PROCESS_STATE_STOPPED"
	EventProcessStateExited            = "PROCESS_STATE_EXITED"
	EventProcessStateStarting          = "PROCESS_STATE_STARTING"
	EventProcessStateStopping          = "PROCESS_STATE_STOPPING"
	EventProcessStateBackoff           = "PROCESS_STATE_BACKOFF"
	EventProcessStateFatal             = "PROCESS_STATE_FATAL"
	EventProcessStateRunning           = "PROCESS_STATE_RUNNING"
	EventProcessStateUnknown           = "PROCESS_STATE_UNKNOWN"
	EventProcessCommunication          = "PROCESS_COMMUNICATION"
	EventProcessCommunicationStdout    = "PROCESS_COMMUNICATION_STDOUT"
	EventProcessCommunicationStderr    = "PROCESS_COMMUNICATION_STDERR"
	EventProcessLog                    = "PROCESS_LOG"
	EventProcessLogStdout              = "PROCESS_LOG_STDOUT"
	EventProcessLogStderr              = "PROCESS_LOG_STDERR"
	EventRemoteCommunication           = "REMOTE_COMMUNICATION"
	EventSupervisorStateChange         = "SUPERVISOR_STATE_CHANGE"
	EventSupervisorStateChangeRunning  = "SUPERVISOR_STATE_CHANGE_RUNNING"
	EventSupervisorStateChangeStopping = "SUPERVISOR_STATE_CHANGE_STOPPING"
	EventTick                          = "TICK"
	EventTick5                         = "TICK_5"
	EventTick60                        = "TICK_60"
	EventTick3600                      = "TICK_3600"
	EventProcessGroup                  = "PROCESS_GROUP"
	EventProcessGroupAdded             = "PROCESS_GROUP_ADDED"
	EventProcessGroupRemoved           = "PROCESS_GROUP_REMOVED"
)

// EventTypes lists the types of events.
func EventTypes() []string {
	return []string{
		EventAny,
		EventProcessState, EventProcessStateStopped, EventProcessStateExited, EventProcessStateStarting,
		EventProcessStateStopping, EventProcessStateBackoff, EventProcessStateFatal, EventProcessStateRunning,
		EventProcessStateUnknown,
		EventProcessCommunication, EventProcessCommunicationStdout, EventProcessCommunicationStderr,
		EventProcessLog, EventProcessLogStdout, EventProcessLogStderr,
		EventRemoteCommunication,
		EventSupervisorStateChange, EventSupervisorStateChangeRunning, EventSupervisorStateChangeStopping,
		EventTick, EventTick5, EventTick60, EventTick3600,
		EventProcessGroup, EventProcessGroupAdded, EventProcessGroupRemoved,
	}
}

// Event is one event, as result handlers and subscribers are told of it.
type Event struct {
	// Name is the event's type, such as PROCESS_LOG_STDOUT.
	Name    string
	Payload []byte
	// Group and Process name the process that the event is about, "" for none.
	Group, Process string
}

// Is says whether the event is of a type, or of one that comes from it. Types that
// come from another have its name, an underscore and more.
func (e Event) Is(of string) bool {
	return of == EventAny || e.Name == of ||
		strings.HasPrefix(e.Name, of+"_") && slices.Contains(EventTypes(), of)
}

// SequencedEvent is an event as subscribers get it. Sequence numbers grow by one
// with each event that the supervisor keeps, of whatever type, and are those of one
// run of it: a later run, after a reload too, begins with a greater one. So a
// subscriber that comes back can go on after the last that it has seen.
type SequencedEvent struct {
	Sequence uint64
	Event    Event
}

// EventStream is one subscription to events. Its methods may be used by many
// goroutines at once.
type EventStream interface {
	// Next waits for the next event. Dropped is how many events were lost before
	// it because they were not read in time: the supervisor keeps the last few
	// thousand, and waits for nobody. The error is ctx's, whereupon the stream can
	// still be read, or says that the stream has ended: io.EOF where it was closed,
	// or the supervisor ended it.
	Next(ctx context.Context) (e SequencedEvent, dropped uint64, err error)
	// Close ends the stream.
	Close()
}
