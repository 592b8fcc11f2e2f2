package supervisorns_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// arity is how many parameters each method takes, the deprecated names included
// (Supervisor 4.4, supervisor.rpcinterface).
var arity = map[string][2]int{
	"getAPIVersion": {0, 0}, "getVersion": {0, 0}, "getSupervisorVersion": {0, 0}, "getIdentification": {0, 0},
	"getState": {0, 0}, "getPID": {0, 0}, "readLog": {2, 2}, "readMainLog": {2, 2}, "clearLog": {0, 0},
	"shutdown": {0, 0}, "restart": {0, 0}, "reloadConfig": {0, 0}, "addProcessGroup": {1, 1}, "removeProcessGroup": {1, 1},
	"startProcess": {1, 2}, "startProcessGroup": {1, 2}, "startAllProcesses": {0, 1},
	"stopProcess": {1, 2}, "stopProcessGroup": {1, 2}, "stopAllProcesses": {0, 1},
	"signalProcess": {2, 2}, "signalProcessGroup": {2, 2}, "signalAllProcesses": {1, 1},
	"getAllConfigInfo": {0, 0}, "getProcessInfo": {1, 1}, "getAllProcessInfo": {0, 0},
	"readProcessStdoutLog": {3, 3}, "readProcessLog": {3, 3}, "readProcessStderrLog": {3, 3},
	"tailProcessStdoutLog": {3, 3}, "tailProcessLog": {3, 3}, "tailProcessStderrLog": {3, 3},
	"clearProcessLogs": {1, 1}, "clearProcessLog": {1, 1}, "clearAllProcessLogs": {0, 0},
	"sendProcessStdin": {2, 2}, "sendRemoteCommEvent": {2, 2},
}

func TestMethods(t *testing.T) {
	run(t, func(h *harness) {
		var names []string
		for _, m := range h.ns.Methods() {
			names = append(names, m.Name)
			takes, ok := arity[m.Name]
			if !ok {
				t.Errorf("%s is no method of the reference", m.Name)
				continue
			}
			// The help documents all parameters, and clients read it.
			if got := len(m.Signature) - 1; got != takes[1] {
				t.Errorf("%s: the help has %d parameters, it takes %d", m.Name, got, takes[1])
			}
			for n := range takes[1] + 2 {
				if n >= takes[0] && n <= takes[1] {
					continue
				}
				params := make(array, n)
				for i := range params {
					params[i] = num(0)
				}
				if got, want := h.call(m.Name, params...), "! 2 INCORRECT_PARAMETERS"; got != want {
					t.Errorf("%s with %d parameters: %s, want %s", m.Name, n, got, want)
				}
			}
		}
		slices.Sort(names)
		if names = slices.Compact(names); len(names) != len(arity) {
			t.Errorf("%d methods, want %d", len(names), len(arity))
		}
		h.table([]row{{"nope", nil, "! 1 UNKNOWN_METHOD"}, {"", nil, "! 1 UNKNOWN_METHOD"}})
	})
}

func TestIdentity(t *testing.T) {
	run(t, func(h *harness) {
		h.table([]row{
			{"getAPIVersion", nil, "'3.0'"},
			{"getVersion", nil, "'3.0'"},
			{"getSupervisorVersion", nil, "'4.4.0'"},
			{"getIdentification", nil, "'ident'"},
			{"getState", nil, "{'statecode': 1, 'statename': 'RUNNING'}"},
			{"getPID", nil, "4711"},
			{"sendRemoteCommEvent", array{str("type"), str("data")}, "True"},
		})
	})
}

// While it shuts down or restarts, only the event that others send is accepted,
// and the argument count is still looked at first.
func TestLeaving(t *testing.T) {
	for _, way := range []string{"shutdown", "restart"} {
		t.Run(way, func(t *testing.T) {
			run(t, func(h *harness) {
				h.Immune["slow"] = true
				h.start("slow")
				h.table([]row{{way, nil, "True"}})
				h.did("signal slow SIGTERM")
				for name, takes := range arity {
					if name == "sendRemoteCommEvent" {
						continue
					}
					params := slices.Repeat(array{str("no such process")}, takes[0])
					if got, want := h.call(name, params...), "! 6 SHUTDOWN_STATE"; got != want {
						t.Errorf("%s: %s, want %s", name, got, want)
					}
				}
				h.table([]row{
					{"getState", array{num(1)}, "! 2 INCORRECT_PARAMETERS"},
					{"sendRemoteCommEvent", array{str("t"), str("d")}, "True"},
				})
				h.did()
				// The signals are sent before the state is looked at.
				h.table([]row{{"signalAllProcesses", array{str("usr1")}, "! 6 SHUTDOWN_STATE"}})
				h.did("signal slow SIGUSR1")
			})
		})
	}
}

// oddNames are no names of anything.
var oddNames = []string{"zz", "g:zz", "zz:a", "a", "", ":", " g:a", "G:a", "g:a:x", "g:é"}

// A process's name that is none is BAD_NAME with the name as given; so is that of
// a whole group, but where a group will do.
func TestProcessNames(t *testing.T) {
	extra := map[string]array{
		"startProcess": nil, "stopProcess": nil, "signalProcess": {str("hup")}, "getProcessInfo": nil,
		"readProcessStdoutLog": {num(0), num(0)}, "readProcessLog": {num(0), num(0)}, "readProcessStderrLog": {num(0), num(0)},
		"tailProcessStdoutLog": {num(0), num(9)}, "tailProcessLog": {num(0), num(9)}, "tailProcessStderrLog": {num(0), num(9)},
		"clearProcessLogs": nil, "clearProcessLog": nil, "sendProcessStdin": {str("x")},
	}
	run(t, func(h *harness) {
		for method, more := range extra {
			names := append([]string{"g", "zz:*", "zz:"}, oddNames...)
			if !strings.HasPrefix(method, "st") && method != "signalProcess" {
				names = append(names, "g:*", "g:")
			}
			for _, name := range names {
				h.table([]row{{method, append(array{str(name)}, more...), "! 10 BAD_NAME" + detail(name)}})
			}
			for _, v := range []rpcinterface.Value{num(5), truth(true), double(1.5), null{}, array{}, array{str("g:a")}, object{}, rpcinterface.Bytes("slow")} {
				h.table([]row{{method, append(array{v}, more...), "! 2 INCORRECT_PARAMETERS"}})
			}
		}
		h.did()
	})
}

func detail(name string) string { return ": " + name }

// A group's name is a key to the reference: what is no string is no group, and
// what cannot be a key is no parameter.
func TestGroupNames(t *testing.T) {
	run(t, func(h *harness) {
		for method, more := range map[string]array{
			"startProcessGroup": nil, "stopProcessGroup": nil, "signalProcessGroup": {str("nope")}, "removeProcessGroup": nil,
		} {
			for _, name := range append([]string{"g:*", "g:a"}, oddNames...) {
				h.table([]row{{method, append(array{str(name)}, more...), "! 10 BAD_NAME" + detail(name)}})
			}
			for _, v := range []struct {
				value rpcinterface.Value
				want  string
			}{
				{num(7), "! 10 BAD_NAME: 7"}, {truth(true), "! 10 BAD_NAME: True"}, {double(2.5), "! 10 BAD_NAME: 2.5"},
				{null{}, "! 10 BAD_NAME"}, {array{}, "! 2 INCORRECT_PARAMETERS"}, {object{}, "! 2 INCORRECT_PARAMETERS"},
			} {
				h.table([]row{{method, append(array{v.value}, more...), v.want}})
			}
		}
		h.table([]row{
			{"addProcessGroup", array{str("zz")}, "! 10 BAD_NAME: zz"},
			{"addProcessGroup", array{num(7)}, "! 10 BAD_NAME: 7"},
			{"addProcessGroup", array{null{}}, "! 10 BAD_NAME"},
			{"addProcessGroup", array{array{}}, "! 10 BAD_NAME: []"},
			{"addProcessGroup", array{object{}}, "! 10 BAD_NAME: {}"},
		})
	})
}

func TestGroupsComeAndGo(t *testing.T) {
	run(t, func(h *harness) {
		h.start("g:a")
		h.table([]row{
			{"addProcessGroup", array{str("g")}, "! 90 ALREADY_ADDED: g"},
			{"removeProcessGroup", array{str("g")}, "! 91 STILL_RUNNING: g"},
			{"stopProcess", array{str("g:a")}, "True"},
			{"removeProcessGroup", array{str("g")}, "True"},
			{"removeProcessGroup", array{str("g")}, "! 10 BAD_NAME: g"},
			{"getProcessInfo", array{str("g:a")}, "! 10 BAD_NAME: g:a"},
			{"addProcessGroup", array{str("g")}, "True"},
			{"addProcessGroup", array{str("g")}, "! 90 ALREADY_ADDED: g"},
		})
	})
}

func TestReloadConfig(t *testing.T) {
	run(t, func(h *harness) {
		h.rereadErr = fmt.Errorf("could not find config file x")
		h.table([]row{{"reloadConfig", nil, "! 92 CANT_REREAD: could not find config file x"}})
		h.rereadErr = nil
		h.reread = reread()
		h.table([]row{
			{"reloadConfig", nil, "[[['new', 'newer'], ['g'], ['quick', 'gone', 'logs']]]"},
			{"reloadConfig", nil, "[[['new', 'newer'], ['g'], ['quick', 'gone', 'logs']]]"},
			{"addProcessGroup", array{str("new")}, "True"},
			{"removeProcessGroup", array{str("quick")}, "True"},
			{"addProcessGroup", array{str("quick")}, "! 10 BAD_NAME: quick"},
			{"reloadConfig", nil, "[[['newer'], ['g'], ['gone', 'logs']]]"},
		})
	})
}
