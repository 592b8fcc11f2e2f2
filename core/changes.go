package core

import "slices"

// Change is an option of a program whose value is another in two configurations of
// one process.
type Change struct {
	Option string
	// Live: a process that runs can take it.
	Live bool
}

// Changes lists the options in which q is not p, by name.
func (p *ProcessSpec) Changes(q *ProcessSpec) []Change {
	var out []Change
	for _, o := range processOptions() {
		if !o.equal(p, q) {
			out = append(out, Change{o.name, o.take != nil})
		}
	}
	return out
}

// Taking is p with those options of q that a process that runs can take.
func (p *ProcessSpec) Taking(q *ProcessSpec) *ProcessSpec {
	out := *p
	for _, o := range processOptions() {
		if o.take != nil {
			o.take(&out, q)
		}
	}
	out.Source = q.Source
	return &out
}

// processOption is one option of [program:x]. take copies its value into the
// configuration of a process that runs; nil where only another process can have it.
type processOption struct {
	name  string
	equal func(p, q *ProcessSpec) bool
	take  func(into, from *ProcessSpec)
}

// live is an option that a process that runs can take, since what it says is done
// by the supervisor.
func live[T comparable](name string, field func(*ProcessSpec) *T) processOption {
	return processOption{
		name:  name,
		equal: func(p, q *ProcessSpec) bool { return *field(p) == *field(q) },
		take:  func(into, from *ProcessSpec) { *field(into) = *field(from) },
	}
}

// spawned is an option that counts when the process is spawned.
func spawned[T comparable](name string, value func(*ProcessSpec) T) processOption {
	return processOption{name: name, equal: func(p, q *ProcessSpec) bool { return value(p) == value(q) }}
}

func spawnedPtr[T comparable](name string, value func(*ProcessSpec) *T) processOption {
	return processOption{name: name, equal: func(p, q *ProcessSpec) bool { return equalPtr(value(p), value(q)) }}
}

// processOptions is the table of options, sorted by name. process_name, numprocs and
// numprocs_start say which processes there are, not what they are.
func processOptions() []processOption {
	return slices.Concat([]processOption{
		live("autorestart", func(p *ProcessSpec) *Autorestart { return &p.Autorestart }),
		live("autostart", func(p *ProcessSpec) *bool { return &p.Autostart }),
		spawned("command", func(p *ProcessSpec) string { return p.Command }),
		spawnedPtr("directory", func(p *ProcessSpec) *string { return p.Directory }),
		{name: "environment", equal: func(p, q *ProcessSpec) bool { return equalEnv(p.Environment, q.Environment) }},
		{
			name:  "exitcodes",
			equal: func(p, q *ProcessSpec) bool { return slices.Equal(p.ExitCodes, q.ExitCodes) },
			take:  func(into, from *ProcessSpec) { into.ExitCodes = from.ExitCodes },
		},
		live("killasgroup", func(p *ProcessSpec) *bool { return &p.KillAsGroup }),
		live("priority", func(p *ProcessSpec) *int64 { return &p.Priority }),
		spawned("redirect_stderr", func(p *ProcessSpec) bool { return p.RedirectStderr }),
		spawnedPtr("serverurl", func(p *ProcessSpec) *string { return p.ServerURL }),
		live("startretries", func(p *ProcessSpec) *int64 { return &p.StartRetries }),
		live("startsecs", func(p *ProcessSpec) *int64 { return &p.StartSecs }),
	}, logOptions("stderr", func(p *ProcessSpec) *LogSpec { return &p.Stderr }),
		logOptions("stdout", func(p *ProcessSpec) *LogSpec { return &p.Stdout }),
		[]processOption{
			live("stopasgroup", func(p *ProcessSpec) *bool { return &p.StopAsGroup }),
			live("stopsignal", func(p *ProcessSpec) *int { return &p.StopSignal }),
			live("stopwaitsecs", func(p *ProcessSpec) *int64 { return &p.StopWaitSecs }),
			spawnedPtr("umask", func(p *ProcessSpec) *int { return p.Umask }),
			spawnedPtr("user", func(p *ProcessSpec) *int { return p.UID }),
		})
}

func logOptions(stream string, log func(*ProcessSpec) *LogSpec) []processOption {
	return []processOption{
		spawned(stream+"_capture_maxbytes", func(p *ProcessSpec) int64 { return log(p).CaptureMaxBytes }),
		live(stream+"_events_enabled", func(p *ProcessSpec) *bool { return &log(p).EventsEnabled }),
		spawned(stream+"_logfile", func(p *ProcessSpec) LogFile { return log(p).File }),
		live(stream+"_logfile_backups", func(p *ProcessSpec) *int64 { return &log(p).Backups }),
		live(stream+"_logfile_maxbytes", func(p *ProcessSpec) *int64 { return &log(p).MaxBytes }),
		spawned(stream+"_syslog", func(p *ProcessSpec) bool { return log(p).Syslog }),
	}
}
