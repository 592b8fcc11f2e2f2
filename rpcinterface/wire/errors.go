package wire

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire/pb"
)

var errWrongSide = errors.New("this plugin set is for the other side of the connection")

// TransportError says that a call was not answered. Whether it was carried out
// is unknown. It is context.DeadlineExceeded or context.Canceled (errors.Is)
// where the call's time was up.
type TransportError struct {
	// Call is what was called, such as "Namespace.Call".
	Call string
	// Code is gRPC's.
	Code codes.Code
	Err  error
}

func (e *TransportError) Error() string {
	return fmt.Sprintf("cannot reach %s: %s", e.Call, status.Convert(e.Err).Message())
}

// Unwrap gives the context's error where the call's time was up, else gRPC's.
func (e *TransportError) Unwrap() error {
	switch e.Code {
	case codes.DeadlineExceeded:
		return context.DeadlineExceeded
	case codes.Canceled:
		return context.Canceled
	}
	return e.Err
}

// SizeError is the fault of a message that was larger than rpcinterface.MaxMessage,
// and was not sent or not read.
type SizeError struct{ *rpcinterface.Fault }

// Unwrap gives the fault.
func (e *SizeError) Unwrap() error { return e.Fault }

// outcome is the error of a verb: what happened to the call, or else the fault
// that was answered. A message that is too large and a verb that the other side
// does not have are faults too, for the connection is in order.
func outcome(call string, err error, fault *pb.Fault) error {
	if err == nil {
		return decodeFault(fault)
	}
	switch code := status.Code(err); code {
	case codes.ResourceExhausted:
		return &SizeError{rpcinterface.NewFault(rpcinterface.CodeFailed,
			fmt.Sprintf("%s: message larger than %d bytes", call, rpcinterface.MaxMessage))}
	case codes.Unimplemented:
		return rpcinterface.NewFault(rpcinterface.CodeFailed, call+" is not offered by the other side")
	default:
		return &TransportError{Call: call, Code: code, Err: err}
	}
}

// encodeFault gives the fault that err is, nil for nil.
func encodeFault(err error) *pb.Fault {
	f := rpcinterface.AsFault(err)
	if f == nil {
		return nil
	}
	return &pb.Fault{Code: int64(f.Code), Message: text(f.Message)}
}

func decodeFault(f *pb.Fault) error {
	if f == nil {
		return nil
	}
	return &rpcinterface.Fault{Code: int(f.Code), Message: f.Message}
}

// text makes s fit for a proto3 string, which must be valid UTF-8.
func text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

func texts(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = text(s)
	}
	return out
}
