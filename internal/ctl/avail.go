package ctl

import (
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// configInfo is the part of supervisor.getAllConfigInfo that the commands use.
type configInfo struct {
	Name        string `xmlrpc:"name"`
	Group       string `xmlrpc:"group"`
	InUse       bool   `xmlrpc:"inuse"`
	Autostart   bool   `xmlrpc:"autostart"`
	GroupPrio   int    `xmlrpc:"group_prio"`
	ProcessPrio int    `xmlrpc:"process_prio"`
}

func availCommand() command {
	return command{name: "avail", json: true, run: avail, help: []string{
		"avail\t\t\tDisplay all configured processes",
	}}
}

func avail(s *session, words []string) error {
	if len(words) > 0 {
		s.usage(availCommand(), exitGeneric, "Error: avail accepts no arguments")
		return nil
	}
	var infos []configInfo
	var rows []row
	var into any = &infos
	if s.json {
		into = &rows
	}
	err := s.call(into, "getAllConfigInfo")
	if faultCode(err) == rpcinterface.CodeShutdownState {
		return s.refuse("ERROR: supervisor shutting down")
	}
	if err != nil {
		return err
	}
	if s.json {
		return s.printRows(rows)
	}
	for _, info := range infos {
		use, start := "avail", "manual"
		if info.InUse {
			use = "in use"
		}
		if info.Autostart {
			start = "auto"
		}
		s.printf("%-32s %-9s %-9s %d:%d", rpcinterface.Namespec(info.Group, info.Name), use, start, info.GroupPrio, info.ProcessPrio)
	}
	return nil
}
