package ctl

func restartCommand() command {
	return command{name: "restart", run: restart, complete: completeProcesses, help: []string{
		"restart <name>\t\tRestart a process",
		"restart <gname>:*\tRestart all processes in a group",
		"restart <name> <name>\tRestart multiple processes or groups",
		"restart all\t\tRestart all processes",
		"Note: restart does not reread config files. For that, see reread and update.",
	}}
}

// restart stops and then starts, whatever became of the stop: an unknown name is
// reported twice.
func restart(s *session, names []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	if len(names) == 0 {
		s.usage(restartCommand(), exitGeneric, "Error: restart requires a process name")
		return nil
	}
	if err := stop(s, names); err != nil {
		return err
	}
	return start(s, names)
}
