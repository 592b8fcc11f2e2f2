package ctl

import "strings"

func openCommand() command {
	return command{name: "open", run: open, help: []string{
		"open <url>\tConnect to a remote supervisord process.",
		"\t\t(for UNIX domain socket, use unix:///socket/path)",
	}}
}

// open turns to another server and shows its status, which leaves the exit code
// alone unless it cannot be asked for at all.
func open(s *session, words []string) error {
	url := strings.Join(words, " ")
	scheme, _, _ := strings.Cut(url, ":")
	if scheme = strings.ToLower(scheme); url == "" || scheme != "unix" && scheme != "http" {
		return s.refuse("ERROR: url must be http:// or unix://")
	}
	s.client = newClient(url, s.client.username, s.client.password)
	exit := s.exit
	if err := status(s, nil); err != nil {
		return err
	}
	s.exit = exit
	return nil
}
