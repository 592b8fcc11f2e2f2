package ctl

func versionCommand() command {
	return command{name: "version", run: version, help: []string{
		"version\t\t\tShow the version of the remote supervisord process",
	}}
}

func version(s *session, words []string) error {
	if len(words) > 0 {
		s.usage(versionCommand(), exitGeneric, "Error: version accepts no arguments")
		return nil
	}
	if ok, err := s.up(); !ok {
		return err
	}
	var v string
	if err := s.call(&v, "getSupervisorVersion"); err != nil {
		return err
	}
	s.printf("%s", v)
	return nil
}
