package rpcinterface

import (
	"errors"
	"fmt"
)

// Fault codes of Supervisor's XML-RPC API (supervisor.xmlrpc.Faults), and those
// of extensions that are in wide use. Codes are only ever added.
const (
	CodeUnknownMethod        = 1
	CodeIncorrectParameters  = 2
	CodeBadArguments         = 3
	CodeSignatureUnsupported = 4
	CodeShutdownState        = 6
	CodeBadName              = 10
	CodeBadSignal            = 11
	CodeNoFile               = 20
	CodeNotExecutable        = 21
	CodeFailed               = 30
	CodeAbnormalTermination  = 40
	CodeSpawnError           = 50
	CodeAlreadyStarted       = 60
	CodeNotRunning           = 70
	CodeSuccess              = 80
	CodeAlreadyAdded         = 90
	CodeStillRunning         = 91
	CodeCantReread           = 92
)

// Fault is an error that an RPC method answers: a code for programs and a
// message for people. It is data all the way from the method to the client.
type Fault struct {
	Code    int
	Message string
}

// Error gives the message, so that a Fault reads well in a wrapped error.
func (f *Fault) Error() string { return f.Message }

// NewFault makes the fault of a code with the code's name as text, and with
// ": detail" after it where there is a detail, as the reference writes them. A
// code that is in no table reads UNKNOWN.
func NewFault(code int, detail ...string) *Fault {
	text := FaultName(code)
	if len(detail) > 0 {
		text += ": " + detail[0]
	}
	return &Fault{Code: code, Message: text}
}

// AsFault gives the fault that err is or wraps. Any other error becomes FAILED
// with its text; nil stays nil.
func AsFault(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return &Fault{Code: CodeFailed, Message: fmt.Sprintf("FAILED: %v", err)}
}

// FaultName gives the name of a code, or "UNKNOWN".
func FaultName(code int) string {
	switch code {
	case CodeUnknownMethod:
		return "UNKNOWN_METHOD"
	case CodeIncorrectParameters:
		return "INCORRECT_PARAMETERS"
	case CodeBadArguments:
		return "BAD_ARGUMENTS"
	case CodeSignatureUnsupported:
		return "SIGNATURE_UNSUPPORTED"
	case CodeShutdownState:
		return "SHUTDOWN_STATE"
	case CodeBadName:
		return "BAD_NAME"
	case CodeBadSignal:
		return "BAD_SIGNAL"
	case CodeNoFile:
		return "NO_FILE"
	case CodeNotExecutable:
		return "NOT_EXECUTABLE"
	case CodeFailed:
		return "FAILED"
	case CodeAbnormalTermination:
		return "ABNORMAL_TERMINATION"
	case CodeSpawnError:
		return "SPAWN_ERROR"
	case CodeAlreadyStarted:
		return "ALREADY_STARTED"
	case CodeNotRunning:
		return "NOT_RUNNING"
	case CodeSuccess:
		return "SUCCESS"
	case CodeAlreadyAdded:
		return "ALREADY_ADDED"
	case CodeStillRunning:
		return "STILL_RUNNING"
	case CodeCantReread:
		return "CANT_REREAD"
	default:
		return "UNKNOWN"
	}
}
