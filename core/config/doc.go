// Package config turns supervisord.conf into specs. It owns the file's syntax,
// the options' types and defaults, the expansions, and every message about them;
// its program options are parsed in one place, wherever they come from.
//
// Results, the order of evaluation and the texts of errors and warnings are those
// of Supervisor 4.4 (options.py, datatypes.py). What is outside the file (files,
// users, environment variables, host name) is handed in as an Environment; the
// package starts nothing and writes nothing. Functions may be used by many
// goroutines at once. What they return is the caller's.
//
// A file goes through four steps: scan (Python's configparser as Supervisor sets
// it up: lines to sections, keys and values), document (the sections of the file
// and of those it includes, merged), datatypes (text to values), and specs.
package config
