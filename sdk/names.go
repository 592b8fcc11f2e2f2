package sdk

import "github.com/plugvisor/plugvisor/rpcinterface"

// The host: what the supervisor does for a plugin.
type (
	Host        = rpcinterface.Host
	GroupInfo   = rpcinterface.GroupInfo
	ProcessInfo = rpcinterface.ProcessInfo
	NewProgram  = rpcinterface.NewProgram
	ProgramInfo = rpcinterface.ProgramInfo
	Caller      = rpcinterface.Caller
	Event       = rpcinterface.Event
	Description = rpcinterface.Description
	Method      = rpcinterface.Method
	Command     = rpcinterface.Command
	Argument    = rpcinterface.Argument
)

// How programs are updated.
type (
	UpdateStrategy = rpcinterface.UpdateStrategy
	ProcessUpdate  = rpcinterface.ProcessUpdate
	UpdateResult   = rpcinterface.UpdateResult
)

// The strategies of updates, and what came of them for a process.
const (
	UpdateNow     = rpcinterface.UpdateNow
	UpdateRolling = rpcinterface.UpdateRolling
	UpdateNext    = rpcinterface.UpdateNext

	UpdatedNone      = rpcinterface.UpdatedNone
	UpdatedLive      = rpcinterface.UpdatedLive
	UpdatedRestarted = rpcinterface.UpdatedRestarted
	UpdatedNext      = rpcinterface.UpdatedNext
	UpdatedFailed    = rpcinterface.UpdatedFailed
	UpdatedKept      = rpcinterface.UpdatedKept
)

// The types of a command's arguments.
const (
	ArgumentString  = rpcinterface.ArgumentString
	ArgumentInt     = rpcinterface.ArgumentInt
	ArgumentBoolean = rpcinterface.ArgumentBoolean
	ArgumentDouble  = rpcinterface.ArgumentDouble
	ArgumentJSON    = rpcinterface.ArgumentJSON
	ArgumentArray   = rpcinterface.ArgumentArray
	ArgumentStruct  = rpcinterface.ArgumentStruct
)

// Events that a plugin reads.
type (
	SequencedEvent = rpcinterface.SequencedEvent
	EventStream    = rpcinterface.EventStream
)

// The types of events. A type stands for those that come from it.
const (
	EventAny                           = rpcinterface.EventAny
	EventProcessState                  = rpcinterface.EventProcessState
	EventProcessStateStopped           = rpcinterface.EventProcessStateStopped
	EventProcessStateExited            = rpcinterface.EventProcessStateExited
	EventProcessStateStarting          = rpcinterface.EventProcessStateStarting
	EventProcessStateStopping          = rpcinterface.EventProcessStateStopping
	EventProcessStateBackoff           = rpcinterface.EventProcessStateBackoff
	EventProcessStateFatal             = rpcinterface.EventProcessStateFatal
	EventProcessStateRunning           = rpcinterface.EventProcessStateRunning
	EventProcessStateUnknown           = rpcinterface.EventProcessStateUnknown
	EventProcessCommunication          = rpcinterface.EventProcessCommunication
	EventProcessCommunicationStdout    = rpcinterface.EventProcessCommunicationStdout
	EventProcessCommunicationStderr    = rpcinterface.EventProcessCommunicationStderr
	EventProcessLog                    = rpcinterface.EventProcessLog
	EventProcessLogStdout              = rpcinterface.EventProcessLogStdout
	EventProcessLogStderr              = rpcinterface.EventProcessLogStderr
	EventRemoteCommunication           = rpcinterface.EventRemoteCommunication
	EventSupervisorStateChange         = rpcinterface.EventSupervisorStateChange
	EventSupervisorStateChangeRunning  = rpcinterface.EventSupervisorStateChangeRunning
	EventSupervisorStateChangeStopping = rpcinterface.EventSupervisorStateChangeStopping
	EventTick                          = rpcinterface.EventTick
	EventTick5                         = rpcinterface.EventTick5
	EventTick60                        = rpcinterface.EventTick60
	EventTick3600                      = rpcinterface.EventTick3600
	EventProcessGroup                  = rpcinterface.EventProcessGroup
	EventProcessGroupAdded             = rpcinterface.EventProcessGroupAdded
	EventProcessGroupRemoved           = rpcinterface.EventProcessGroupRemoved
)

// EventTypes lists the types of events.
func EventTypes() []string { return rpcinterface.EventTypes() }

// Namespec joins a group's and a process's name as clients and Host write them.
func Namespec(group, process string) string { return rpcinterface.Namespec(group, process) }

// Value is one XML-RPC value of any type, and these are its kinds.
type (
	Value  = rpcinterface.Value
	Kind   = rpcinterface.Kind
	Int    = rpcinterface.Int
	Bool   = rpcinterface.Bool
	String = rpcinterface.String
	Double = rpcinterface.Double
	Bytes  = rpcinterface.Bytes
	Time   = rpcinterface.Time
	Array  = rpcinterface.Array
	Struct = rpcinterface.Struct
	Member = rpcinterface.Member
	Nil    = rpcinterface.Nil
)

// Fault is an error that clients see: a code for programs, a text for people.
type Fault = rpcinterface.Fault

// NewFault makes the fault of a code with the code's name as text, and ": detail"
// after it where there is a detail.
func NewFault(code int, detail ...string) *Fault { return rpcinterface.NewFault(code, detail...) }

// AsFault gives the fault that err is or wraps, else FAILED with its text.
func AsFault(err error) *Fault { return rpcinterface.AsFault(err) }

// The fault codes.
const (
	CodeUnknownMethod        = rpcinterface.CodeUnknownMethod
	CodeIncorrectParameters  = rpcinterface.CodeIncorrectParameters
	CodeBadArguments         = rpcinterface.CodeBadArguments
	CodeSignatureUnsupported = rpcinterface.CodeSignatureUnsupported
	CodeShutdownState        = rpcinterface.CodeShutdownState
	CodeBadName              = rpcinterface.CodeBadName
	CodeBadSignal            = rpcinterface.CodeBadSignal
	CodeNoFile               = rpcinterface.CodeNoFile
	CodeNotExecutable        = rpcinterface.CodeNotExecutable
	CodeFailed               = rpcinterface.CodeFailed
	CodeAbnormalTermination  = rpcinterface.CodeAbnormalTermination
	CodeSpawnError           = rpcinterface.CodeSpawnError
	CodeAlreadyStarted       = rpcinterface.CodeAlreadyStarted
	CodeNotRunning           = rpcinterface.CodeNotRunning
	CodeSuccess              = rpcinterface.CodeSuccess
	CodeAlreadyAdded         = rpcinterface.CodeAlreadyAdded
	CodeStillRunning         = rpcinterface.CodeStillRunning
	CodeCantReread           = rpcinterface.CodeCantReread
)

// Grant is one permission of a plugin.
type Grant = rpcinterface.Grant

// The grants. GrantCallPrefix and a pattern of methods make one more.
const (
	GrantProcessesRead    = rpcinterface.GrantProcessesRead
	GrantProcessesControl = rpcinterface.GrantProcessesControl
	GrantProgramsWrite    = rpcinterface.GrantProgramsWrite
	GrantLogsRead         = rpcinterface.GrantLogsRead
	GrantStdinWrite       = rpcinterface.GrantStdinWrite
	GrantLogWrite         = rpcinterface.GrantLogWrite
	GrantEventsSubscribe  = rpcinterface.GrantEventsSubscribe
	GrantEventsPublish    = rpcinterface.GrantEventsPublish
	GrantCallPrefix       = rpcinterface.GrantCallPrefix
)

// LogLevel is a level of the supervisor's main log.
type LogLevel = rpcinterface.LogLevel

// The levels of the main log.
const (
	LevelBlat = rpcinterface.LevelBlat
	LevelTrac = rpcinterface.LevelTrac
	LevelDebg = rpcinterface.LevelDebg
	LevelInfo = rpcinterface.LevelInfo
	LevelWarn = rpcinterface.LevelWarn
	LevelErro = rpcinterface.LevelErro
	LevelCrit = rpcinterface.LevelCrit
)

// SupervisorState is the state of the supervisor itself.
type SupervisorState = rpcinterface.SupervisorState

// The states of the supervisor.
const (
	SupervisorFatal      = rpcinterface.SupervisorFatal
	SupervisorRunning    = rpcinterface.SupervisorRunning
	SupervisorRestarting = rpcinterface.SupervisorRestarting
	SupervisorShutdown   = rpcinterface.SupervisorShutdown
)

// ProcessState is the state of one process.
type ProcessState = rpcinterface.ProcessState

// The states of a process.
const (
	ProcessStopped  = rpcinterface.ProcessStopped
	ProcessStarting = rpcinterface.ProcessStarting
	ProcessRunning  = rpcinterface.ProcessRunning
	ProcessBackoff  = rpcinterface.ProcessBackoff
	ProcessStopping = rpcinterface.ProcessStopping
	ProcessExited   = rpcinterface.ProcessExited
	ProcessFatal    = rpcinterface.ProcessFatal
	ProcessUnknown  = rpcinterface.ProcessUnknown
)
