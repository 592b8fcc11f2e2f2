// Package sdktest is for the tests of plugins. Host is a supervisor in memory,
// and Start runs a plugin against it, in this process but over real gRPC, so that
// a test sees what a client of the supervisor would see:
//
//	host := sdktest.NewHost("web")
//	ns := sdktest.Start(t, greeter.Plugin(), host, sdktest.Options{"words": "Hi"})
//	ns.Want("greet", "Hi, Ann", "Ann")
//	ns.WantFault("greet", sdk.NewFault(sdk.CodeIncorrectParameters))
//
// Events are scripted too, and what a plugin does of its own accord is waited for:
//
//	host.Emit(sdk.Event{Name: sdk.EventTick5, Payload: []byte("when:5")})
//	lines := host.Await(t, 1, "Log")
//
// Logs are what SetLog says, and Stdin is what was written to a process. Other
// namespaces answer what the function of Answer does.
//
// The host knows names, groups and states. It runs nothing and does not parse the
// options of programs: a test that needs a verb to be refused scripts it with
// Refuse.
package sdktest
