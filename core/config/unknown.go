package config

import (
	"fmt"
	"slices"
	"strings"
)

var supervisordKeys = []string{
	"minfds", "minprocs", "directory", "user", "umask", "logfile", "logfile_maxbytes", "logfile_backups", "loglevel",
	"pidfile", "identifier", "nodaemon", "silent", "childlogdir", "nocleanup", "strip_ansi", "environment",
	"web_get_actions",
}

var programKeys = []string{
	"command", "process_name", "numprocs", "numprocs_start", "priority", "autostart", "autorestart", "startsecs",
	"startretries", "exitcodes", "stopsignal", "stopwaitsecs", "stopasgroup", "killasgroup", "user", "umask",
	"directory", "environment", "serverurl", "redirect_stderr",
	"stdout_logfile", "stdout_logfile_maxbytes", "stdout_logfile_backups", "stdout_capture_maxbytes",
	"stdout_events_enabled", "stdout_syslog",
	"stderr_logfile", "stderr_logfile_maxbytes", "stderr_logfile_backups", "stderr_capture_maxbytes",
	"stderr_events_enabled", "stderr_syslog",
}

var listenerKeys = append(slices.Clone(programKeys), "buffer_size", "events", "result_handler")

var fastCGIKeys = append(slices.Clone(programKeys), "socket", "socket_owner", "socket_mode", "socket_backlog")

var serverKeys = []string{"username", "password", "metrics_auth", "healthz_auth", "web_get_actions"}

// knownKeys gives the keys that a section of the daemon reads; false for sections
// whose keys are not ours to judge.
func knownKeys(section string) ([]string, bool) {
	switch {
	case section == "supervisord":
		return supervisordKeys, true
	case section == "include":
		return []string{"files"}, true
	case strings.HasPrefix(section, programPrefix):
		return programKeys, true
	case strings.HasPrefix(section, listenerPrefix):
		return listenerKeys, true
	case strings.HasPrefix(section, fastCGIPrefix):
		return fastCGIKeys, true
	case strings.HasPrefix(section, "group:"):
		return []string{"programs", "priority"}, true
	case strings.HasPrefix(section, "inet_http_server"):
		return append([]string{"port", "certfile", "keyfile"}, serverKeys...), true
	case strings.HasPrefix(section, "unix_http_server"):
		return append([]string{"file", "chmod", "chown"}, serverKeys...), true
	}
	return nil, false
}

// warnOfUnknown warns of each key that nothing reads.
func (l *loader) warnOfUnknown() {
	for _, section := range l.doc.sections() {
		known, ok := knownKeys(section.Name())
		if !ok {
			continue
		}
		for _, k := range section.Keys() {
			if !slices.Contains(known, k.Name()) {
				l.cfg.Warnings = append(l.cfg.Warnings, fmt.Sprintf("Unknown option %q in section [%s] of %s, ignored", k.Name(), section.Name(), l.doc.source[k]))
			}
		}
	}
}
