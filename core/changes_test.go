package core

import (
	"reflect"
	"slices"
	"testing"
)

// sampleSpec is a process with a value of its own for each option.
func sampleSpec() *ProcessSpec {
	dir, url, uid, mask := "/d", "u", 1, 2
	log := LogSpec{File: LogFile{Kind: LogPath, Path: "/l"}, MaxBytes: 1, Backups: 2, CaptureMaxBytes: 3}
	return &ProcessSpec{
		Name: "p", Program: "p", Command: "c", Directory: &dir, UID: &uid, Umask: &mask, Priority: 1,
		StartSecs: 1, StartRetries: 1, StopSignal: 1, StopWaitSecs: 1, ExitCodes: []int{0, 2},
		Stdout: log, Stderr: log, Environment: []EnvVar{{"A", "1"}, {"B", "2"}}, ServerURL: &url,
	}
}

func ptr[T any](v T) *T { return &v }

// eachOption changes one option at a time.
var eachOption = []struct {
	name   string
	live   bool
	change func(*ProcessSpec)
}{
	{"autorestart", true, func(p *ProcessSpec) { p.Autorestart = RestartAlways }},
	{"autostart", true, func(p *ProcessSpec) { p.Autostart = true }},
	{"command", false, func(p *ProcessSpec) { p.Command = "d" }},
	{"directory", false, func(p *ProcessSpec) { p.Directory = ptr("/e") }},
	{"directory", false, func(p *ProcessSpec) { p.Directory = nil }},
	{"environment", false, func(p *ProcessSpec) { p.Environment = []EnvVar{{"A", "1"}, {"B", "3"}} }},
	{"environment", false, func(p *ProcessSpec) { p.Environment = nil }},
	{"exitcodes", true, func(p *ProcessSpec) { p.ExitCodes = []int{0} }},
	{"killasgroup", true, func(p *ProcessSpec) { p.KillAsGroup = true }},
	{"priority", true, func(p *ProcessSpec) { p.Priority = 2 }},
	{"redirect_stderr", false, func(p *ProcessSpec) { p.RedirectStderr = true }},
	{"serverurl", false, func(p *ProcessSpec) { p.ServerURL = ptr("") }},
	{"serverurl", false, func(p *ProcessSpec) { p.ServerURL = nil }},
	{"startretries", true, func(p *ProcessSpec) { p.StartRetries = 2 }},
	{"startsecs", true, func(p *ProcessSpec) { p.StartSecs = 2 }},
	{"stderr_capture_maxbytes", false, func(p *ProcessSpec) { p.Stderr.CaptureMaxBytes = 9 }},
	{"stderr_events_enabled", true, func(p *ProcessSpec) { p.Stderr.EventsEnabled = true }},
	{"stderr_logfile", false, func(p *ProcessSpec) { p.Stderr.File.Path = "/m" }},
	{"stderr_logfile", false, func(p *ProcessSpec) { p.Stderr.File = LogFile{} }},
	{"stderr_logfile_backups", true, func(p *ProcessSpec) { p.Stderr.Backups = 9 }},
	{"stderr_logfile_maxbytes", true, func(p *ProcessSpec) { p.Stderr.MaxBytes = 9 }},
	{"stderr_syslog", false, func(p *ProcessSpec) { p.Stderr.Syslog = true }},
	{"stdout_capture_maxbytes", false, func(p *ProcessSpec) { p.Stdout.CaptureMaxBytes = 9 }},
	{"stdout_events_enabled", true, func(p *ProcessSpec) { p.Stdout.EventsEnabled = true }},
	{"stdout_logfile", false, func(p *ProcessSpec) { p.Stdout.File.Path = "/m" }},
	{"stdout_logfile_backups", true, func(p *ProcessSpec) { p.Stdout.Backups = 9 }},
	{"stdout_logfile_maxbytes", true, func(p *ProcessSpec) { p.Stdout.MaxBytes = 9 }},
	{"stdout_syslog", false, func(p *ProcessSpec) { p.Stdout.Syslog = true }},
	{"stopasgroup", true, func(p *ProcessSpec) { p.StopAsGroup = true }},
	{"stopsignal", true, func(p *ProcessSpec) { p.StopSignal = 2 }},
	{"stopwaitsecs", true, func(p *ProcessSpec) { p.StopWaitSecs = 2 }},
	{"umask", false, func(p *ProcessSpec) { p.Umask = nil }},
	{"user", false, func(p *ProcessSpec) { p.UID = ptr(7) }},
}

// Each option changes itself and nothing else, and a process that runs takes it where
// it is live and is left as it was where it is not.
func TestEachOptionChangesItself(t *testing.T) {
	if c := sampleSpec().Changes(sampleSpec()); c != nil {
		t.Fatalf("the same has the changes %v", c)
	}
	for _, o := range eachOption {
		p, q := sampleSpec(), sampleSpec()
		o.change(q)
		want := []Change{{o.name, o.live}}
		if got := p.Changes(q); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v", o.name, got)
		}
		if got := q.Changes(p); !reflect.DeepEqual(got, want) {
			t.Errorf("%s the other way: %v", o.name, got)
		}
		wanted := p
		if o.live {
			wanted = q
		}
		if got := p.Taking(q); !reflect.DeepEqual(got, wanted) {
			t.Errorf("%s: a process that runs has %+v, want %+v", o.name, got, wanted)
		}
		if !reflect.DeepEqual(p, sampleSpec()) {
			t.Errorf("%s: Taking changed its receiver", o.name)
		}
	}
}

// Every option of a process is in the table, and every field of its configuration is
// an option's or named here.
func TestAllOptionsCanChange(t *testing.T) {
	var table, tried []string
	for _, o := range processOptions() {
		table = append(table, o.name)
	}
	for _, o := range eachOption {
		tried = append(tried, o.name)
	}
	if !slices.IsSorted(table) {
		t.Errorf("the table is not sorted: %v", table)
	}
	if tried = slices.Compact(tried); !slices.Equal(table, tried) {
		t.Errorf("the table has %v\nthis test %v", table, tried)
	}
	// Neither who the process is nor where it comes from is changed by an option.
	fixed := []string{"Name", "Program", "Number", "Source", "Kind"}
	const optionsOfALog = 6
	fields := reflect.TypeFor[ProcessSpec]().NumField() - len(fixed) - 2 + 2*optionsOfALog
	if n := reflect.TypeFor[LogSpec]().NumField(); n != optionsOfALog {
		t.Errorf("a log has %d options", n)
	}
	if len(table) != fields {
		t.Errorf("%d options for %d fields", len(table), fields)
	}
}

func TestEnvironmentOrderIsNoChange(t *testing.T) {
	p, q := sampleSpec(), sampleSpec()
	slices.Reverse(q.Environment)
	if got := p.Changes(q); got != nil {
		t.Errorf("changes %v", got)
	}
}
