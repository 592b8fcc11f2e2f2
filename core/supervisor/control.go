package supervisor

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/process"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func fault(code int, detail ...string) error { return rpcinterface.NewFault(code, detail...) }

// Start starts one process, named as clients do ("group:process"). It returns
// when the process has a pid, or with wait when it is RUNNING. The faults are
// BAD_NAME, SHUTDOWN_STATE, NO_FILE, NOT_EXECUTABLE, ALREADY_STARTED, FAILED (in an
// unknown state), SPAWN_ERROR and ABNORMAL_TERMINATION, in this order.
func (s *Supervisor) Start(ctx context.Context, name string, wait bool) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	commandErr := s.effects.CheckCommand(p.nextSpec())
	_, err = call(ctx, s, func(answer func(nothing, error)) {
		p, err := s.find(name)
		if err != nil {
			answer(nothing{}, err)
			return
		}
		s.start(p, name, wait, commandErr, func(err error) { answer(nothing{}, err) })
	})
	return err
}

// start is Start on the loop. commandErr is what a look at the command found.
func (s *Supervisor) start(p *proc, name string, wait bool, commandErr error, done func(error)) {
	if s.stopping.begun {
		// Its group may have been stopped already: nobody would stop it again.
		done(fault(rpcinterface.CodeShutdownState))
		return
	}
	if p.preparing {
		p.prepared = append(p.prepared, func() {
			if s.gone(p) {
				done(fault(rpcinterface.CodeBadName, name))
				return
			}
			s.start(p, name, wait, commandErr, done)
		})
		return
	}
	state := p.machine.State()
	switch {
	case commandErr != nil:
		done(commandErr)
	case state.Public().Running():
		done(fault(rpcinterface.CodeAlreadyStarted, name))
	case state == process.Unknown:
		done(fault(rpcinterface.CodeFailed, fmt.Sprintf("%s is in an unknown process state", name)))
	default:
		if state == process.Stopping {
			s.logger.Log(rpcinterface.LevelWarn, fmt.Sprintf("process '%s' already running", p.name))
		}
		s.step(p, process.Event{Kind: process.Start})
		s.wait(p, &waiter{check: started(name, wait), done: done})
	}
}

// started is over when a start has succeeded or failed.
func started(name string, wait bool) func(*proc) (bool, error) {
	return func(p *proc) (bool, error) {
		state := p.machine.State()
		switch {
		case state.InFlight():
			return false, nil
		case p.machine.SpawnErr() != "":
			return true, fault(rpcinterface.CodeSpawnError, name)
		case !wait || state == process.Running:
			return true, nil
		case state == process.Starting:
			return false, nil
		}
		return true, fault(rpcinterface.CodeAbnormalTermination, name)
	}
}

// Stop stops one process; with wait it returns when it has ended. The faults are
// BAD_NAME, NOT_RUNNING and FAILED.
func (s *Supervisor) Stop(ctx context.Context, name string, wait bool) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		p, err := s.find(name)
		if err != nil {
			answer(nothing{}, err)
			return
		}
		s.stop(p, name, wait, func(err error) { answer(nothing{}, err) })
	})
	return err
}

func (s *Supervisor) stop(p *proc, name string, wait bool, done func(error)) {
	if !p.machine.State().Public().Running() {
		done(fault(rpcinterface.CodeNotRunning, name))
		return
	}
	if message := s.step(p, process.Event{Kind: process.Stop}); message != "" {
		done(fault(rpcinterface.CodeFailed, message))
		return
	}
	if !wait {
		done(nil)
		return
	}
	s.wait(p, &waiter{stop: true, done: done, check: func(p *proc) (bool, error) {
		return p.machine.State().Public().Stopped(), nil
	}})
}

// Signal sends a signal to one process. The faults are BAD_NAME, NOT_RUNNING and
// FAILED.
func (s *Supervisor) Signal(ctx context.Context, name string, signal int) error {
	_, err := call(ctx, s, func(answer func(nothing, error)) {
		p, err := s.find(name)
		if err == nil {
			err = s.signal(p, name, signal)
		}
		answer(nothing{}, err)
	})
	return err
}

func (s *Supervisor) signal(p *proc, name string, signal int) error {
	if !p.machine.State().Public().Signallable() {
		return fault(rpcinterface.CodeNotRunning, name)
	}
	if message := s.step(p, process.Event{Kind: process.Signal, Signal: signal}); message != "" {
		return fault(rpcinterface.CodeFailed, message)
	}
	return nil
}

// kill sends a signal. A process that has just ended is no failure: its exit is
// on the way. Any other error is answered, and makes the process UNKNOWN.
func (s *Supervisor) kill(p *proc, k process.Kill) string {
	err := s.effects.Signal(k.PID, k.Signal, k.Group)
	if err == nil {
		return ""
	}
	if errors.Is(err, syscall.ESRCH) {
		just := "just now"
		if k.Stop {
			just = "just"
		}
		s.logger.Log(rpcinterface.LevelDebg, fmt.Sprintf("unable to signal %s (pid %d), it probably %s exited on its own: %v",
			p.name, k.PID, just, err))
		return ""
	}
	if k.Stop {
		return fmt.Sprintf("unknown problem killing %s (%d):%v", p.name, k.PID, err)
	}
	return fmt.Sprintf("unknown problem sending sig %s (%d):%v", core.SignalName(k.Signal), k.PID, err)
}

// WriteStdin writes to a process's standard input. The faults are BAD_NAME,
// NOT_RUNNING, and NO_FILE when the process has closed it.
func (s *Supervisor) WriteStdin(name string, data []byte) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	r, child := p.record.Load(), p.child.Load()
	if r.pid == 0 || r.killing || child == nil {
		return fault(rpcinterface.CodeNotRunning, name)
	}
	switch err := child.WriteStdin(data); {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EPIPE):
		return fault(rpcinterface.CodeNoFile, name)
	default:
		return fault(rpcinterface.CodeFailed, err.Error())
	}
}

// ClearLogs empties a process's log files. The faults are BAD_NAME and FAILED.
func (s *Supervisor) ClearLogs(name string) error {
	p, err := s.find(name)
	if err != nil {
		return err
	}
	return s.clearLogs(p, name)
}

func (s *Supervisor) clearLogs(p *proc, name string) error {
	var err error
	if child := p.child.Load(); child != nil {
		err = child.ClearLogs()
	} else {
		err = s.effects.ClearLogs(p.spec.Load())
	}
	if err != nil {
		return fault(rpcinterface.CodeFailed, name)
	}
	return nil
}

// ReopenLogs opens the log files of every running process anew, and those of one that is
// being spawned once it runs.
func (s *Supervisor) ReopenLogs() {
	s.reopened.Add(1)
	for _, p := range s.all() {
		if child := p.child.Load(); child != nil {
			child.ReopenLogs()
		}
	}
}
