package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// outcome is what an action tells.
type outcome struct {
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

func done(message string) outcome { return outcome{true, message} }

func failed(message string) outcome { return outcome{false, message} }

// refusal says why an action is not done.
type refusal struct {
	status int
	reason string
}

// action is one thing that pages can do. Those that the reference has
// (supervisor.web, make_callback) come by GET too.
type action struct {
	// of is the field that names what it is done to, "" for an action that needs none.
	of       string
	postOnly bool
	run      func(c caller, name string) outcome
}

const (
	ofProcess = "processname"
	ofGroup   = "group"
	// ofExtension is for the actions of the page of extensions.
	ofExtension = "extension"
)

func findAction(name string) (action, bool) {
	switch name {
	case "refresh":
		return action{run: func(caller, string) outcome { return done("Page refreshed at " + clock()) }}, true
	case "stopall":
		return action{run: caller.stopAll}, true
	case "restartall":
		return action{run: caller.restartAll}, true
	case "startall":
		return action{run: caller.startAll, postOnly: true}, true
	case "start":
		return action{of: ofProcess, run: caller.start}, true
	case "stop":
		return action{of: ofProcess, run: caller.stop}, true
	case "restart":
		return action{of: ofProcess, run: caller.restart}, true
	case "clearlog":
		return action{of: ofProcess, run: caller.clearLog}, true
	case "startgroup":
		return action{of: ofGroup, run: caller.startGroup, postOnly: true}, true
	case "stopgroup":
		return action{of: ofGroup, run: caller.stopGroup, postOnly: true}, true
	case "restartgroup":
		return action{of: ofGroup, run: caller.restartGroup, postOnly: true}, true
	case "enableextension":
		return action{of: ofExtension, run: caller.enableExtension, postOnly: true}, true
	case "disableextension":
		return action{of: ofExtension, run: caller.disableExtension, postOnly: true}, true
	case "restartextension":
		return action{of: ofExtension, run: caller.restartExtension, postOnly: true}, true
	}
	return action{}, false
}

// act does what a form asks for, and returns when it is done. As in the reference an
// unknown process is told of before an unknown action is.
func (p *Pages) act(ctx context.Context, f form, post bool) (outcome, *refusal) {
	a, known := findAction(f["action"])
	if a.of == ofExtension && p.Extensions == nil {
		known = false
	}
	name := f[ofProcess]
	if known && a.of != ofProcess {
		name = f[a.of]
	} else if name != "" {
		if _, err := p.Supervisor.Process(name); err != nil {
			return failed("No such process named " + name), nil
		}
	}
	switch {
	case !known:
		return outcome{}, &refusal{http.StatusNotFound, "There is no such action."}
	case a.of != "" && name == "":
		return outcome{}, &refusal{http.StatusBadRequest, "The field " + a.of + " is missing."}
	case a.postOnly && !post:
		return outcome{}, &refusal{http.StatusMethodNotAllowed, "This action comes by POST only."}
	}
	return a.run(caller{ctx, p.Methods, p.Extensions}, name), nil
}

// caller calls the methods of the supervisor namespace.
type caller struct {
	ctx        context.Context
	methods    rpcinterface.Namespace
	extensions Extensions
}

func (c caller) call(method string, params ...rpcinterface.Value) (rpcinterface.Value, *rpcinterface.Fault) {
	value, err := c.methods.Call(c.ctx, &rpcinterface.Call{Method: method, Params: params})
	return value, rpcinterface.AsFault(err)
}

func (c caller) start(name string) outcome {
	if _, fault := c.call("startProcess", rpcinterface.String(name)); fault != nil {
		return failed("ERROR: Process " + name + ": " + startError(fault.Code, fault.Message))
	}
	return done("Process " + name + " started")
}

func (c caller) stop(name string) outcome {
	if _, fault := c.call("stopProcess", rpcinterface.String(name)); fault != nil {
		return failed(unexpected(fault.Code, fault.Message))
	}
	return done("Process " + name + " stopped")
}

// restart starts the process whatever became of the stop: one that did not run is to
// run afterwards, and what stands in the way is the start's fault.
func (c caller) restart(name string) outcome {
	_, _ = c.call("stopProcess", rpcinterface.String(name))
	if o := c.start(name); !o.OK {
		return o
	}
	return done("Process " + name + " restarted")
}

func (c caller) clearLog(name string) outcome {
	if _, fault := c.call("clearProcessLogs", rpcinterface.String(name)); fault != nil {
		return failed(unexpected(fault.Code, fault.Message))
	}
	return done("Log for " + name + " cleared")
}

func (c caller) startAll(string) outcome {
	return c.startMany("startAllProcesses").or("All started at " + clock())
}

func (c caller) stopAll(string) outcome {
	return c.stopMany("stopAllProcesses").or("All stopped at " + clock())
}

func (c caller) restartAll(string) outcome {
	_, _ = c.call("stopAllProcesses")
	return c.startMany("startAllProcesses").or("All restarted at " + clock())
}

func (c caller) startGroup(name string) outcome {
	return c.startMany("startProcessGroup", rpcinterface.String(name)).or("Group " + name + " started")
}

func (c caller) stopGroup(name string) outcome {
	return c.stopMany("stopProcessGroup", rpcinterface.String(name)).or("Group " + name + " stopped")
}

func (c caller) restartGroup(name string) outcome {
	_, _ = c.call("stopProcessGroup", rpcinterface.String(name))
	return c.startMany("startProcessGroup", rpcinterface.String(name)).or("Group " + name + " restarted")
}

// problem tells what went wrong with some of many processes, "" for nothing.
type problem string

func (p problem) or(message string) outcome {
	if p == "" {
		return done(message)
	}
	return failed(string(p))
}

// startMany starts processes; one that somebody else has started meanwhile is as it
// should be.
func (c caller) startMany(method string, params ...rpcinterface.Value) problem {
	return c.many(rpcinterface.CodeAlreadyStarted, startError, method, params...)
}

func (c caller) stopMany(method string, params ...rpcinterface.Value) problem {
	return c.many(rpcinterface.CodeNotRunning, unexpected, method, params...)
}

// maxFailures is how many processes a message names.
const maxFailures = 10

// many calls a method that answers a row for each process, and tells of the rows that
// are neither a success nor the harmless fault.
func (c caller) many(harmless int, text func(int, string) string, method string, params ...rpcinterface.Value) problem {
	value, fault := c.call(method, params...)
	if fault != nil {
		return problem(unexpected(fault.Code, fault.Message))
	}
	var failures []string
	rows, _ := value.(rpcinterface.Array)
	for _, v := range rows {
		row, _ := v.(rpcinterface.Struct)
		code := int(member[rpcinterface.Int](row, "status"))
		if code == rpcinterface.CodeSuccess || code == harmless {
			continue
		}
		name := rpcinterface.Namespec(string(member[rpcinterface.String](row, "group")), string(member[rpcinterface.String](row, "name")))
		failures = append(failures, "Process "+name+": "+text(code, string(member[rpcinterface.String](row, "description"))))
	}
	if len(failures) == 0 {
		return ""
	}
	if more := len(failures) - maxFailures; more > 0 {
		failures = append(failures[:maxFailures], fmt.Sprintf("and %d more", more))
	}
	return problem("ERROR: " + strings.Join(failures, "; "))
}

func member[T rpcinterface.Value](row rpcinterface.Struct, name string) T {
	value, _ := row.Get(name)
	v, _ := value.(T)
	return v
}

// unexpected is the reference's text for a fault that it does not expect.
func unexpected(code int, message string) string {
	return fmt.Sprintf("unexpected rpc fault [%d] %s", code, message)
}

// startError says why a process did not start, in the reference's words.
func startError(code int, message string) string {
	switch code {
	case rpcinterface.CodeNoFile:
		return "no such file"
	case rpcinterface.CodeNotExecutable:
		return "file not executable"
	case rpcinterface.CodeAlreadyStarted:
		return "already started"
	case rpcinterface.CodeSpawnError:
		return "spawn error"
	case rpcinterface.CodeAbnormalTermination:
		return "abnormal termination"
	}
	return unexpected(code, message)
}

// clock is the time as Python's time.ctime() writes it.
func clock() string { return time.Now().Format(time.ANSIC) }
