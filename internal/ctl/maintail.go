package ctl

import (
	"strings"

	"github.com/plugvisor/plugvisor/core/pytext"
)

func maintailCommand() command {
	return command{name: "maintail", run: maintail, complete: completeFollow, help: []string{
		"maintail -f \tContinuous tail of supervisor main log file (Ctrl-C to exit)",
		"maintail -100\tlast 100 *bytes* of supervisord main log file",
		"maintail\tlast 1600 *bytes* of supervisor main log file",
		"",
	}}
}

func maintail(s *session, words []string) error {
	if ok, err := s.up(); !ok {
		return err
	}
	if len(words) > 1 {
		s.usage(maintailCommand(), exitGeneric, "Error: too many arguments")
		return nil
	}
	count := int64(defaultTail)
	if len(words) == 1 {
		if words[0] == "-f" {
			return s.follow("/mainlogtail")
		}
		digits, ok := strings.CutPrefix(words[0], "-")
		var err error
		if count, err = pytext.ParseInt(digits, 10); !ok || err != nil {
			return s.refuse("Error: bad argument %s", words[0])
		}
	}
	return s.printLog("supervisord", count, "readLog")
}
