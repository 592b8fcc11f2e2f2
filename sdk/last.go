package sdk

import (
	"context"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Last ends a method with one verb of the host: the method returns what Last returns.
// The verb's error is the client's fault; where there is none, the client is answered
// what the method returns beside it, or true. The supervisor does the verb itself, so
// that such a call takes two thirds of the time of one whose method waits for the verb.
//
//	return sdk.Last(ctx, t.host, func(host sdk.Host) error {
//		return host.StartProcess(ctx, name, true)
//	}, nil)
//
// Verb makes one call of the host that it is given, and returns its error as it is; it
// may be called twice, as the first time the verb may only be written down. Then, where it
// is not nil, is told how the verb ended, before a call is served that its client makes
// later, unless that is so large, or so many are open, that it takes another way. It must
// not take long nor call the host, and may be given the code of a fault without its text.
//
// What Last returns is for the supervisor: a method that calls another to look at its
// error has to do without.
//
// Outside of a call, as in a result handler or where a test calls the method, Last does
// the verb and returns its error.
func Last(ctx context.Context, host Host, verb func(host Host) error, then func(err error)) error {
	if callFrom(ctx) != nil {
		return &rpcinterface.Last{
			Verb: func(_ context.Context, host rpcinterface.Host) error { return verb(tokenHost{host}) },
			Then: then,
		}
	}
	err := verb(host)
	if then != nil {
		then(err)
	}
	return err
}

// last is the last verb of a method that answers result. A panic of the author's
// functions ends nothing but the call.
func (a *adapter) last(method string, result Value, last *rpcinterface.Last) *rpcinterface.Last {
	out := &rpcinterface.Last{Result: result}
	out.Verb = func(ctx context.Context, host rpcinterface.Host) (err error) {
		defer a.catch(method, &err)
		return last.Verb(ctx, host)
	}
	if last.Then != nil {
		out.Then = func(end error) {
			var err error // nobody's any more
			defer a.catch(method, &err)
			last.Then(end)
		}
	}
	return out
}
