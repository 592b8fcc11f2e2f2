package rpcinterface

import "context"

// Last is an error that Plugin.Call may give in the place of a result: the call ends
// with a verb of the host. The verb's error is the call's; where there is none, Result
// is its answer. The supervisor does the verb itself then, and the plugin need not be
// woken to hand on what it knows already.
type Last struct {
	// Verb calls one verb of the host that it is given, once, and hands on its error as
	// it is. That host may only note what is asked for, and Verb be called again.
	Verb func(ctx context.Context, host Host) error
	// Result is what the call answers where the verb has no error.
	Result Value
	// Then is told how the verb ended, where not nil: before a call is served that comes
	// later over the same stream of calls, so what it does must not take long. Of a fault
	// it may have the code alone.
	Then func(err error)
}

func (*Last) Error() string { return "the call ends with a verb of the host" }
