package supervisorns_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/plugvisor/plugvisor/core"
	. "github.com/plugvisor/plugvisor/core/supervisor/supervisortest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// reread is a configuration in which g has changed, slow has not, two groups are
// new and the others gone.
func reread() []*core.GroupSpec {
	return []*core.GroupSpec{
		Group("new", 1, Program("new")),
		Group("g", 50, Program("a", NoStartSecs, Priority(2))),
		Group("newer", 999, Program("newer")),
		Group("slow", 999, Program("slow", func(p *core.ProcessSpec) { p.StartSecs = 5 })),
	}
}

func TestStartProcess(t *testing.T) {
	run(t, func(h *harness) {
		h.Unspawnable["slow"] = "too many open files to spawn 'slow'"
		h.table([]row{
			{"startProcess", array{str("gone")}, "! 20 NO_FILE: can't find command 'gone'"},
			{"startProcess", array{str("gone"), truth(false)}, "! 20 NO_FILE: can't find command 'gone'"},
			{"startProcess", array{str("g:a")}, "True"},
			{"startProcess", array{str("g:a")}, "! 60 ALREADY_STARTED: g:a"},
			{"startProcess", array{str("g:a"), truth(false)}, "! 60 ALREADY_STARTED: g:a"},
			{"startProcess", array{str("quick")}, "! 50 SPAWN_ERROR: quick"},
			{"startProcess", array{str("quick")}, "! 60 ALREADY_STARTED: quick"}, // it is in BACKOFF
			{"startProcess", array{str("slow")}, "! 50 SPAWN_ERROR: slow"},
			{"startProcess", array{str("g:*")}, "[{'name': 'b', 'group': 'g', 'status': 80, 'description': 'OK'}]"},
			{"startProcess", array{str("g:"), truth(false)}, "[]"},
		})
	})
}

// A command that is not there comes before what state the process is in.
func TestStartLooksAtTheFileFirst(t *testing.T) {
	run(t, func(h *harness) {
		h.start("g:a")
		h.Missing["a"] = rpcinterface.NewFault(rpcinterface.CodeNotExecutable, "command is empty")
		h.table([]row{{"startProcess", array{str("g:a")}, "! 21 NOT_EXECUTABLE: command is empty"}})
	})
}

// The wait is taken for its truth, as Python has it.
func TestWait(t *testing.T) {
	for _, tc := range []struct {
		wait  array
		waits bool
	}{
		{nil, true}, {array{truth(true)}, true}, {array{num(1)}, true}, {array{num(-1)}, true}, {array{str("false")}, true},
		{array{double(0.5)}, true}, {array{array{num(0)}}, true}, {array{object{{Name: "", Value: num(0)}}}, true},
		{array{rpcinterface.Bytes("x")}, true}, {array{rpcinterface.Time(time.Time{})}, true},
		{array{truth(false)}, false}, {array{num(0)}, false}, {array{str("")}, false}, {array{double(0)}, false},
		{array{array{}}, false}, {array{object{}}, false}, {array{null{}}, false}, {array{rpcinterface.Bytes{}}, false},
	} {
		run(t, func(h *harness) {
			before := time.Now()
			h.table([]row{{"startProcess", append(array{str("slow")}, tc.wait...), "True"}})
			if waited := time.Since(before) == 5*time.Second; waited != tc.waits {
				t.Errorf("wait %s: took %v", show(tc.wait), time.Since(before))
			}
		})
	}
}

func TestStopProcess(t *testing.T) {
	run(t, func(h *harness) {
		h.Immune["slow"] = true
		h.start("slow")
		h.start("g:b")
		before := time.Now()
		h.table([]row{
			{"stopProcess", array{str("g:a")}, "! 70 NOT_RUNNING: g:a"},
			{"stopProcess", array{str("slow"), truth(false)}, "True"},
			{"stopProcess", array{str("slow")}, "! 70 NOT_RUNNING: slow"}, // it is STOPPING
			{"stopProcess", array{str("g:*")}, "[{'name': 'b', 'group': 'g', 'status': 80, 'description': 'OK'}]"},
			{"stopProcess", array{str("g:*")}, "[]"},
		})
		if took := time.Since(before); took != 0 {
			t.Errorf("took %v", took)
		}
		h.did("signal slow SIGTERM", "signal b SIGTERM")
	})
	run(t, func(h *harness) {
		h.start("slow")
		h.FailKills(syscall.EPERM)
		h.table([]row{{"stopProcess", array{str("slow")}, fmt.Sprintf("! 30 FAILED: unknown problem killing slow (1):%v", syscall.EPERM)}})
		h.table([]row{{"startProcess", array{str("slow")}, "! 30 FAILED: slow is in an unknown process state"}})
	})
}

func TestAbnormalTermination(t *testing.T) {
	run(t, func(h *harness) {
		time.AfterFunc(time.Second, func() { _ = h.Sup.Stop(context.Background(), "slow", false) })
		h.table([]row{{"startProcess", array{str("slow")}, "! 40 ABNORMAL_TERMINATION: slow"}})
	})
}

// Operations on many list what they act on, and members' faults in place.
func TestMany(t *testing.T) {
	ok := func(group, name string) string {
		return fmt.Sprintf("{'name': '%s', 'group': '%s', 'status': 80, 'description': 'OK'}", name, group)
	}
	run(t, func(h *harness) {
		h.table([]row{
			{"startProcessGroup", array{str("g")}, "[" + ok("g", "b") + ", " + ok("g", "a") + "]"},
			{"startProcessGroup", array{str("g")}, "[]"},
			{"startProcessGroup", array{str("gone")}, `[{'name': 'gone', 'group': 'gone', 'status': 20, 'description': "NO_FILE: can't find command 'gone'"}]`},
			{"startAllProcesses", array{truth(false)}, "[" + ok("quick", "quick") + ", " + ok("slow", "slow") +
				`, {'name': 'gone', 'group': 'gone', 'status': 20, 'description': "NO_FILE: can't find command 'gone'"}, ` + ok("logs", "logs") + "]"},
			{"signalProcessGroup", array{str("g"), str("usr1")}, "[" + ok("g", "b") + ", " + ok("g", "a") + "]"},
			{"signalProcessGroup", array{str("g"), str("nope")}, "[{'name': 'b', 'group': 'g', 'status': 11, 'description': 'BAD_SIGNAL: nope'}, " +
				"{'name': 'a', 'group': 'g', 'status': 11, 'description': 'BAD_SIGNAL: nope'}]"},
			{"stopProcessGroup", array{str("g"), truth(false)}, "[" + ok("g", "b") + ", " + ok("g", "a") + "]"},
			{"stopProcessGroup", array{str("g")}, "[]"},
			{"signalProcessGroup", array{str("gone"), str("nope")}, "[]"},
			{"signalProcess", array{str("gone:*"), str("nope")}, "[]"},
		})
		time.Sleep(100 * time.Millisecond) // quick is in BACKOFF then, and g has stopped
		h.table([]row{{"signalAllProcesses", array{num(1)}, "[" + ok("slow", "slow") + ", " + ok("logs", "logs") + "]"}})
		// Whoever waits is told in the order in which they end.
		h.Immune["slow"] = true
		if got, want := h.call("stopAllProcesses"), "["+ok("quick", "quick")+", "+ok("logs", "logs")+", "+ok("slow", "slow")+"]"; got != want {
			t.Errorf("stopAllProcesses() = %s, want %s", got, want)
		}
		h.table([]row{{"stopAllProcesses", nil, "[]"}, {"signalAllProcesses", array{str("hup")}, "[]"}})
	})
}

func TestSignalProcess(t *testing.T) {
	run(t, func(h *harness) {
		h.table([]row{
			{"signalProcess", array{str("zz"), str("nope")}, "! 10 BAD_NAME: zz"},
			{"signalProcess", array{str("slow"), str("nope")}, "! 11 BAD_SIGNAL: nope"},
			{"signalProcess", array{str("slow"), str("hup")}, "! 70 NOT_RUNNING: slow"},
		})
		h.Immune["slow"] = true
		h.start("slow")
		for _, s := range []struct {
			signal rpcinterface.Value
			name   string
		}{
			{str("HUP"), "SIGHUP"}, {str(" hup "), "SIGHUP"}, {str("usr1"), "SIGUSR1"}, {str("SIGUSR2"), "SIGUSR2"}, {str("sigint"), "SIGINT"},
			{str("1"), "SIGHUP"}, {str(" +2 "), "SIGINT"}, {num(1), "SIGHUP"}, {truth(true), "SIGHUP"}, {double(1), "SIGHUP"}, {double(2.9), "SIGINT"},
			{num(0), "signal 0"}, {str("RTMIN"), "SIGRTMIN"}, {str("SIG_DFL"), "signal 0"},
		} {
			h.table([]row{{"signalProcess", array{str("slow"), s.signal}, "True"}})
			h.did("signal slow " + s.name)
		}
		for _, s := range []struct {
			signal rpcinterface.Value
			text   string
		}{
			{str(""), ": "}, {str("nope"), ": nope"}, {str("SIGNOPE"), ": SIGNOPE"}, {num(-1), ": -1"}, {num(99), ": 99"}, {str("1.5"), ": 1.5"},
			{null{}, ": None"}, {array{}, ": []"}, {object{}, ": {}"},
		} {
			h.table([]row{{"signalProcess", array{str("slow"), s.signal}, "! 11 BAD_SIGNAL" + s.text}})
		}
		h.table([]row{
			{"stopProcess", array{str("slow"), truth(false)}, "True"},
			{"signalProcess", array{str("slow"), str("cont")}, "True"}, // STOPPING takes signals
		})
		h.did("signal slow SIGTERM", "signal slow SIGCONT")
	})
	run(t, func(h *harness) {
		h.start("slow")
		h.FailKills(syscall.EPERM)
		h.table([]row{{"signalProcess", array{str("slow"), str("hup")}, fmt.Sprintf("! 30 FAILED: unknown problem sending sig SIGHUP (1):%v", syscall.EPERM)}})
	})
}

func TestSendProcessStdin(t *testing.T) {
	run(t, func(h *harness) {
		h.StdinErr["b"] = syscall.EPIPE
		h.StdinErr["logs"] = errors.New("cannot write standard input: it is full")
		h.Immune["slow"] = true
		for _, v := range []struct {
			value rpcinterface.Value
			text  string
		}{
			{num(5), ": 5"}, {truth(true), ": True"}, {double(1000), ": 1000.0"}, {null{}, ""}, {array{}, ": []"}, {object{{Name: "k", Value: num(1)}}, ": {'k': 1}"},
		} { // before the name is looked at
			h.table([]row{{"sendProcessStdin", array{str("zz"), v.value}, "! 2 INCORRECT_PARAMETERS" + v.text}})
		}
		h.table([]row{{"sendProcessStdin", array{str("g:a"), str("x")}, "! 70 NOT_RUNNING: g:a"}})
		for _, name := range []string{"g:a", "g:b", "logs", "slow"} {
			h.start(name)
		}
		h.table([]row{
			{"sendProcessStdin", array{str("g:a"), str("é\n")}, "True"},
			{"sendProcessStdin", array{str("g:a"), str("")}, "True"},
			{"sendProcessStdin", array{str("g:a"), rpcinterface.Bytes("\xff\x00")}, "True"},
			{"sendProcessStdin", array{str("g:b"), str("x")}, "! 20 NO_FILE: g:b"},
			{"sendProcessStdin", array{str("logs"), str("x")}, "! 30 FAILED: cannot write standard input: it is full"},
			{"stopProcess", array{str("slow"), truth(false)}, "True"},
			{"sendProcessStdin", array{str("slow"), str("x")}, "! 70 NOT_RUNNING: slow"}, // it is STOPPING
		})
		h.did("stdin a é\n", "stdin a ", "stdin a \xff\x00", "stdin b x", "stdin logs x", "signal slow SIGTERM")
	})
}

func TestHeldSpawnIsToldOnce(t *testing.T) {
	run(t, func(h *harness) {
		h.Hold()
		answers := make(chan string, 2)
		go func() { answers <- h.call("startProcess", str("g:a"), truth(false)) }()
		synctest.Wait()
		h.table([]row{
			{"startProcess", array{str("g:a")}, "! 60 ALREADY_STARTED: g:a"},
			{"sendProcessStdin", array{str("g:a"), str("x")}, "! 70 NOT_RUNNING: g:a"}, // it has no pid yet
		})
		h.Release()
		if got := <-answers; got != "True" {
			t.Errorf("startProcess = %s", got)
		}
	})
}
