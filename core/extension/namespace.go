package extension

import (
	"context"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// apiVersion is that of the namespace extension.
const apiVersion = "1.0"

// operations is the namespace extension, through which operators see and change
// extensions.
type operations struct{ m *Manager }

// namespace makes the namespace extension.
func (m *Manager) namespace() rpcinterface.Namespace {
	o := operations{m}
	return namespace.NewTable([]namespace.Def{
		{Name: "getAPIVersion", Help: helpGetAPIVersion, Func: o.getAPIVersion},
		{Name: "getVersion", Help: helpGetVersion, Func: o.getVersion},
		{Name: "getAllExtensionInfo", Help: helpGetAllExtensionInfo, Func: o.getAllExtensionInfo},
		{Name: "getExtensionInfo", Help: helpGetExtensionInfo, Min: 1, Max: 1, Func: o.about(func(x *extension) rpcinterface.Value { return infoValue(x.info()) })},
		{Name: "getCommands", Help: helpGetCommands, Min: 1, Max: 1, Func: o.about((*extension).commandsValue)},
		{Name: "getDynamicProcesses", Help: helpGetDynamicProcesses, Func: o.getDynamicProcesses},
		{Name: "enableExtension", Help: helpEnable, Min: 1, Max: 2, Func: o.operate(m.Enable)},
		{Name: "disableExtension", Help: helpDisable, Min: 1, Max: 2, Func: o.operate(m.Disable)},
		{Name: "restartExtension", Help: helpRestart, Min: 1, Max: 2, Func: o.operate(m.Restart)},
		{Name: "reloadConfig", Help: helpReloadConfig, Func: o.reloadConfig},
		{Name: "applyConfig", Help: helpApplyConfig, Max: 1, Func: o.applyConfig},
	})
}

const (
	helpGetAPIVersion = ` The version of this namespace, which changes when its methods do.

@return string version id
`
	helpGetVersion = ` plugvisor's own version.

@return string version
`
	helpGetAllExtensionInfo = ` All extensions, in the order of their sections.

@return array result  An array of structs as getExtensionInfo answers them
`
	helpGetExtensionInfo = ` What an extension is and how it fares. Times are in seconds since 1970, 0 for
never; memory is in KiB, calltimeout and maxcpu are in seconds, a limit of 0 is none.

@param string name     The extension's name, as in [rpcinterface:name]
@return struct result  Its state, statename, reason, description, pid, version, calls, errors, grants, …
`
	helpGetCommands = ` The commands that an extension brings for supervisorctl.

@param string name    The extension's name
@return array result  Structs with name, help, method, arguments and template
`
	helpGetDynamicProcesses = ` The processes of programs that extensions have added at run time.

@return array result  Their names, as clients address them ("process", "group:process")
`
	helpEnable = ` Start an extension that is DISABLED, or once more one in BACKOFF or FATAL. This
lasts until the supervisor restarts.

@param string name     The extension's name
@param boolean wait    Answer only when it is RUNNING or has failed (default true)
@return boolean result Always true unless there is a fault
`
	helpDisable = ` End an extension. Its calls may end, for ten seconds; others fail. This lasts
until the supervisor restarts.

@param string name     The extension's name
@param boolean wait    Answer only when it is DISABLED (default true)
@return boolean result Always true unless there is a fault
`
	helpRestart = ` Exchange an extension's process for a new one, of the executable as it is now.
No call is lost. Where the new process cannot be started, the old one goes on.

@param string name     The extension's name
@param boolean wait    Answer only when the new one is RUNNING or has failed (default true)
@return boolean result Always true unless there is a fault
`
	helpReloadConfig = ` Read the configuration file, and compare its [rpcinterface:x] sections with the
extensions that there are. Nothing is done yet.

@return array result  [[added, changed, removed]], three arrays of names
`
	helpApplyConfig = ` Read the configuration file, and add, change and remove extensions as its
sections say. One that cannot be started with its new section goes on with the old.

@param array names    Those to look at (default: all that differ)
@return array result  Structs with name, action (added, changed or removed), status and description
`
)

func (o operations) getAPIVersion(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rpcinterface.String(apiVersion), nil
}

func (o operations) getVersion(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return rpcinterface.String(o.m.cfg.Version), nil
}

func (o operations) getAllExtensionInfo(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	list := rpcinterface.Array{}
	for _, mb := range o.m.all() {
		if mb.ext != nil {
			list = append(list, infoValue(mb.ext.info()))
		}
	}
	return list, nil
}

// about is a method that takes a name and tells something of the extension.
func (o operations) about(tell func(*extension) rpcinterface.Value) func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return func(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		name, err := nameOf(call)
		if err != nil {
			return nil, err
		}
		x, err := o.m.find(name)
		if err != nil {
			return nil, err
		}
		return tell(x), nil
	}
}

// commandsValue is the answer of getCommands.
func (x *extension) commandsValue() rpcinterface.Value {
	list := rpcinterface.Array{}
	for _, c := range x.current.Load().desc.Commands {
		arguments := rpcinterface.Array{}
		for _, a := range c.Arguments {
			arguments = append(arguments, rpcinterface.Struct{
				{Name: "name", Value: rpcinterface.String(a.Name)},
				{Name: "type", Value: rpcinterface.String(a.Type)},
				{Name: "optional", Value: rpcinterface.Bool(a.Optional)},
			})
		}
		list = append(list, rpcinterface.Struct{
			{Name: "name", Value: rpcinterface.String(c.Name)},
			{Name: "help", Value: rpcinterface.String(c.Help)},
			{Name: "method", Value: rpcinterface.String(c.Method)},
			{Name: "arguments", Value: arguments},
			{Name: "template", Value: rpcinterface.String(c.Template)},
		})
	}
	return list
}

func (o operations) getDynamicProcesses(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return texts(o.m.cfg.Engine.DynamicProcesses()), nil
}

// operate is a method that takes a name and wait.
func (o operations) operate(do func(ctx context.Context, name string, wait bool) error) func(context.Context, *rpcinterface.Call) (rpcinterface.Value, error) {
	return func(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
		name, err := nameOf(call)
		if err != nil {
			return nil, err
		}
		wait := true
		if len(call.Params) > 1 {
			if wait, err = truth(call.Params[1]); err != nil {
				return nil, err
			}
		}
		if err := o.ready(call); err != nil {
			return nil, err
		}
		if err := do(ctx, name, wait); err != nil {
			return nil, err
		}
		return rpcinterface.Bool(true), nil
	}
}

// ready refuses changes while the supervisor ends, as supervisor.* does.
func (o operations) ready(call *rpcinterface.Call) error {
	if call.State < rpcinterface.SupervisorRunning {
		return rpcinterface.NewFault(rpcinterface.CodeShutdownState)
	}
	return nil
}

func (o operations) reloadConfig(_ context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	if err := o.ready(call); err != nil {
		return nil, err
	}
	d, err := o.m.Compare()
	if err != nil {
		return nil, err
	}
	return rpcinterface.Array{rpcinterface.Array{texts(d.Added), texts(d.Changed), texts(d.Removed)}}, nil
}

func (o operations) applyConfig(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
	if err := o.ready(call); err != nil {
		return nil, err
	}
	var names []string
	if len(call.Params) > 0 {
		list, ok := call.Params[0].(rpcinterface.Array)
		if !ok {
			return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
		}
		for _, v := range list {
			name, ok := v.(rpcinterface.String)
			if !ok {
				return nil, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
			}
			names = append(names, string(name))
		}
	}
	if wayOf(ctx) != nil {
		// It may be one of those that change, and would wait for itself.
		return nil, rpcinterface.NewFault(rpcinterface.CodeFailed, "an extension cannot apply the configuration")
	}
	applied, err := o.m.Apply(ctx, names)
	if err != nil {
		return nil, err
	}
	result := rpcinterface.Array{}
	for _, a := range applied {
		status, description := rpcinterface.CodeSuccess, "OK"
		if a.Err != nil {
			f := rpcinterface.AsFault(a.Err)
			status, description = f.Code, f.Message
		}
		result = append(result, rpcinterface.Struct{
			{Name: "name", Value: rpcinterface.String(a.Name)},
			{Name: "action", Value: rpcinterface.String(a.Action)},
			{Name: "status", Value: rpcinterface.Int(status)},
			{Name: "description", Value: rpcinterface.String(description)},
		})
	}
	return result, nil
}

// nameOf is the first parameter, which has to be a string.
func nameOf(call *rpcinterface.Call) (string, error) {
	if s, ok := call.Params[0].(rpcinterface.String); ok {
		return string(s), nil
	}
	return "", rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
}

// truth is a parameter that is a boolean, or a number as clients without booleans
// send it.
func truth(v rpcinterface.Value) (bool, error) {
	switch v := v.(type) {
	case rpcinterface.Bool:
		return bool(v), nil
	case rpcinterface.Int:
		return v != 0, nil
	}
	return false, rpcinterface.NewFault(rpcinterface.CodeIncorrectParameters)
}

func texts(list []string) rpcinterface.Array {
	out := make(rpcinterface.Array, len(list))
	for i, s := range list {
		out[i] = rpcinterface.String(s)
	}
	return out
}

// count is a counter within XML-RPC's 32 bits.
func count[T int | int64 | uint64](n T) rpcinterface.Int {
	return rpcinterface.Int(min(n, 1<<31-1))
}

// infoValue is the answer of getExtensionInfo.
func infoValue(i core.ExtensionInfo) rpcinterface.Struct {
	return rpcinterface.Struct{
		{Name: "name", Value: rpcinterface.String(i.Name)},
		{Name: "section", Value: rpcinterface.String(i.Section)},
		{Name: "file", Value: rpcinterface.String(i.File)},
		{Name: "factory", Value: rpcinterface.String(i.Factory)},
		{Name: "resolved", Value: rpcinterface.String(i.Resolved)},
		{Name: "state", Value: rpcinterface.Int(i.State)},
		{Name: "statename", Value: rpcinterface.String(i.State.String())},
		{Name: "reason", Value: rpcinterface.String(i.Reason)},
		{Name: "description", Value: rpcinterface.String(i.Description)},
		{Name: "start", Value: rpcinterface.Int(i.Start)},
		{Name: "since", Value: rpcinterface.Int(i.Since)},
		{Name: "now", Value: rpcinterface.Int(i.Now)},
		{Name: "pid", Value: rpcinterface.Int(i.PID)},
		{Name: "version", Value: rpcinterface.String(i.Version)},
		{Name: "protocol", Value: rpcinterface.Int(i.Protocol)},
		{Name: "restarts", Value: count(i.Restarts)},
		{Name: "calls", Value: count(i.Calls)},
		{Name: "errors", Value: count(i.Errors)},
		{Name: "faults", Value: count(i.Faults)},
		{Name: "lasterror", Value: rpcinterface.String(i.LastError)},
		{Name: "lasterrortime", Value: rpcinterface.Int(i.LastErrorTime)},
		{Name: "memory", Value: count(i.Memory)},
		{Name: "grants", Value: texts(i.Grants)},
		{Name: "lacking", Value: texts(i.Lacking)},
		{Name: "methods", Value: texts(i.Methods)},
		{Name: "handlers", Value: texts(i.Handlers)},
		{Name: "commands", Value: texts(i.Commands)},
		{Name: "required", Value: rpcinterface.Bool(i.Required)},
		{Name: "enabled", Value: rpcinterface.Bool(i.Enabled)},
		{Name: "exclusive", Value: rpcinterface.Bool(i.Exclusive)},
		{Name: "user", Value: rpcinterface.String(i.User)},
		{Name: "sha256", Value: rpcinterface.String(i.SHA256)},
		{Name: "calltimeout", Value: rpcinterface.Double(i.CallTimeout.Seconds())},
		{Name: "maxmemory", Value: count((i.Limits.Memory + 1023) / 1024)},
		{Name: "maxcpu", Value: count(int64(i.Limits.CPU / time.Second))},
		{Name: "maxfiles", Value: count(i.Limits.Files)},
	}
}
