package ctl

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func fgCommand() command {
	return command{name: "fg", run: fg, complete: completeOneProcess, help: []string{
		"fg <process>\tConnect to a process in foreground mode",
		"\t\tCtrl-C to exit",
	}}
}

// fg sends the lines of standard input to a process and shows both its logs as
// they grow, until the input ends, the user interrupts, or the process is seen to
// have ended, which is looked at after each line.
func fg(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	switch {
	case len(names) == 0:
		s.usage(fgCommand(), exitGeneric, "ERROR: no process name supplied")
		return nil
	case len(names) > 1:
		return s.refuse("ERROR: too many process names supplied")
	}
	name := names[0]
	var info processInfo
	if err := s.call(&info, "getProcessInfo", name); err != nil {
		var f xmlrpc.FaultError
		switch {
		case !errors.As(err, &f):
			return err
		case f.Code == rpcinterface.CodeBadName:
			return s.refuse("ERROR: bad process name supplied")
		}
		s.printf("ERROR: %s", faultText(f))
		return nil
	}
	if rpcinterface.ProcessState(info.State) != rpcinterface.ProcessRunning {
		return s.refuse("ERROR: process not running")
	}
	s.printf("==> Press Ctrl-C to exit <==")
	s.stdout.Flush()

	ctx, stop := s.interruptible()
	defer stop()
	var logs sync.WaitGroup
	for _, channel := range []string{"stdout", "stderr"} {
		logs.Go(func() { s.stream(ctx, "/logtail/"+name+"/"+channel) })
	}
	err := s.forward(ctx, name)
	stop()
	logs.Wait()
	return err
}

// forward sends lines to a process for as long as it runs. An error other than of
// the process or the input is given back.
func (s *session) forward(ctx context.Context, name string) error {
	defer s.printf("Exiting foreground")
	for {
		line, err := s.input.answer(ctx, "")
		if err != nil {
			return nil
		}
		var done bool
		err = s.client.call(ctx, &done, "supervisor.sendProcessStdin", name, line+"\n")
		var f xmlrpc.FaultError
		switch {
		case errors.As(err, &f) && f.Code == rpcinterface.CodeNotRunning:
			s.printf("Process got killed")
			return nil
		case errors.As(err, &f):
			s.printf("ERROR: %s", faultText(f))
			return nil
		}
		var info processInfo
		if err == nil {
			err = s.client.call(ctx, &info, "supervisor.getProcessInfo", name)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if rpcinterface.ProcessState(info.State) != rpcinterface.ProcessRunning {
			s.printf("Process got killed")
			return nil
		}
	}
}

// faultText shows a fault in the reference's form.
func faultText(f xmlrpc.FaultError) string {
	return fmt.Sprintf("<Fault %d: %s>", f.Code, pytext.ReprString(f.String))
}
