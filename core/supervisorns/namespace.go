package supervisorns

import (
	"context"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/namespace"
	"github.com/plugvisor/plugvisor/core/supervisor"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	apiVersion = "3.0"
	// Version is that of Supervisor which clients are told: they parse it.
	Version = "4.4.0"
)

// MainLog is the daemon's own log.
type MainLog interface {
	// Path is the log's file, "" when it is not kept in one.
	Path() string
	// Clear removes the file and opens it anew.
	Clear() error
}

// Config is what the namespace speaks for.
type Config struct {
	Supervisor *supervisor.Supervisor
	MainLog    MainLog
	PID        int
	// Reload reads the configuration file anew and answers its groups. Its error
	// becomes CANT_REREAD with its text.
	Reload func() ([]*core.GroupSpec, error)
}

type methods struct{ Config }

type method = func(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error)

// New makes the namespace.
func New(cfg Config) rpcinterface.Namespace {
	m := &methods{cfg}
	return namespace.NewTable([]namespace.Def{
		m.def("getAPIVersion", helpGetAPIVersion, 0, 0, m.getAPIVersion),
		m.def("getVersion", helpGetAPIVersion, 0, 0, m.getAPIVersion),
		m.def("getSupervisorVersion", helpGetSupervisorVersion, 0, 0, m.getSupervisorVersion),
		m.def("getIdentification", helpGetIdentification, 0, 0, m.getIdentification),
		m.def("getState", helpGetState, 0, 0, m.getState),
		m.def("getPID", helpGetPID, 0, 0, m.getPID),
		m.def("readLog", helpReadLog, 2, 2, m.readLog),
		m.def("readMainLog", helpReadLog, 2, 2, m.readLog),
		m.def("clearLog", helpClearLog, 0, 0, m.clearLog),
		m.def("shutdown", helpShutdown, 0, 0, m.shutdown),
		m.def("restart", helpRestart, 0, 0, m.restart),
		m.def("reloadConfig", helpReloadConfig, 0, 0, m.reloadConfig),
		m.def("addProcessGroup", helpAddProcessGroup, 1, 1, m.addProcessGroup),
		m.def("removeProcessGroup", helpRemoveProcessGroup, 1, 1, m.removeProcessGroup),
		m.def("startProcess", helpStartProcess, 1, 2, m.startProcess),
		m.def("startProcessGroup", helpStartProcessGroup, 1, 2, m.startProcessGroup),
		m.def("startAllProcesses", helpStartAllProcesses, 0, 1, m.startAllProcesses),
		m.def("stopProcess", helpStopProcess, 1, 2, m.stopProcess),
		m.def("stopProcessGroup", helpStopProcessGroup, 1, 2, m.stopProcessGroup),
		m.def("stopAllProcesses", helpStopAllProcesses, 0, 1, m.stopAllProcesses),
		m.def("signalProcess", helpSignalProcess, 2, 2, m.signalProcess),
		m.def("signalProcessGroup", helpSignalProcessGroup, 2, 2, m.signalProcessGroup),
		// It checks the state only when it has sent the signals.
		{Name: "signalAllProcesses", Help: helpSignalAllProcesses, Min: 1, Max: 1, Func: m.signalAllProcesses},
		m.def("getAllConfigInfo", helpGetAllConfigInfo, 0, 0, m.getAllConfigInfo),
		m.def("getProcessInfo", helpGetProcessInfo, 1, 1, m.getProcessInfo),
		m.def("getAllProcessInfo", helpGetAllProcessInfo, 0, 0, m.getAllProcessInfo),
		m.def("readProcessStdoutLog", helpReadStdout, 3, 3, m.readProcessLog(stdout)),
		m.def("readProcessLog", helpReadStdout, 3, 3, m.readProcessLog(stdout)),
		m.def("readProcessStderrLog", helpReadStderr, 3, 3, m.readProcessLog(stderr)),
		m.def("tailProcessStdoutLog", helpTailStdout, 3, 3, m.tailProcessLog(stdout)),
		m.def("tailProcessLog", helpTailStdout, 3, 3, m.tailProcessLog(stdout)),
		m.def("tailProcessStderrLog", helpTailStderr, 3, 3, m.tailProcessLog(stderr)),
		m.def("clearProcessLogs", helpClearProcessLogs, 1, 1, m.clearProcessLogs),
		m.def("clearProcessLog", helpClearProcessLogs, 1, 1, m.clearProcessLogs),
		m.def("clearAllProcessLogs", helpClearAllProcessLogs, 0, 0, m.clearAllProcessLogs),
		m.def("sendProcessStdin", helpSendProcessStdin, 2, 2, m.sendProcessStdin),
		// It works in every state.
		{Name: "sendRemoteCommEvent", Help: helpSendRemoteCommEvent, Min: 2, Max: 2, Func: m.sendRemoteCommEvent},
	})
}

// def is a method that refuses while the supervisor shuts down or restarts.
func (m *methods) def(name, help string, min, max int, f method) namespace.Def {
	return namespace.Def{Name: name, Help: help, Min: min, Max: max,
		Func: func(ctx context.Context, call *rpcinterface.Call) (rpcinterface.Value, error) {
			if err := m.checkState(); err != nil {
				return nil, err
			}
			return f(ctx, call)
		}}
}

func (m *methods) checkState() error {
	if m.Supervisor.State() < rpcinterface.SupervisorRunning {
		return rpcinterface.NewFault(rpcinterface.CodeShutdownState)
	}
	return nil
}
