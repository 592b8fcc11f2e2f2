package daemon

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// exitSignals are those that ask for the daemon's end.
func exitSignals() []os.Signal {
	return []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}
}

// catchSignals keeps the signals that the daemon answers for handleSignals. From
// when there are sockets none may end it by its default, and leave them behind.
func catchSignals(kept chan<- os.Signal) {
	signal.Notify(kept, append(exitSignals(), syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)...)
}

// handleSignals answers signals until the function that it gives is called, which
// waits for the answer to one that was taken. Those that come between two runs wait for
// the next.
func (r *run) handleSignals() (stop func()) {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case s := <-r.daemon.signals:
				r.handleSignal(s.(syscall.Signal))
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}

func (r *run) handleSignal(s syscall.Signal) {
	say := func(level rpcinterface.LogLevel, format string) {
		r.log.Log(level, fmt.Sprintf(format, core.SignalName(int(s))))
	}
	switch s {
	case syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT:
		r.supervisor.Leave(rpcinterface.SupervisorShutdown, func() {
			say(rpcinterface.LevelWarn, "received %s indicating exit request")
		})
	case syscall.SIGHUP:
		if r.supervisor.State() == rpcinterface.SupervisorShutdown {
			say(rpcinterface.LevelWarn, "ignored %s indicating restart request (shutdown in progress)")
			return
		}
		r.supervisor.Leave(rpcinterface.SupervisorRestarting, func() {
			say(rpcinterface.LevelWarn, "received %s indicating restart request")
		})
	case syscall.SIGUSR2:
		say(rpcinterface.LevelInfo, "received %s indicating log reopen request")
		if err := r.log.Reopen(); err != nil {
			r.log.Log(rpcinterface.LevelErro, err.Error())
		}
		r.supervisor.ReopenLogs()
	default:
		// The reference dies of SIGUSR1, which a careless logrotate sends.
		say(rpcinterface.LevelBlat, "received %s indicating nothing")
	}
}
