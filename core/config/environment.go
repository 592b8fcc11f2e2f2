package config

import (
	"strings"
	"sync"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Environment is everything outside the file that its meaning depends on. It is
// used by pointer and by many goroutines; the fields do not change.
//
// It also carries the variables that [supervisord] environment= adds to the
// ENV_ expansions: they stay for every later Load and ParseProgram with the same
// Environment, even when the Load that added them failed later on, as in the
// reference, where they live as long as the options object. A daemon that starts
// over (SIGHUP) makes a new Environment.
type Environment struct {
	// Environ is the process's environment, "NAME=value".
	Environ []string
	// HostName is the expansion host_node_name.
	HostName string
	// TempDir is the default of childlogdir.
	TempDir string
	// WorkingDir is what relative paths are relative to.
	WorkingDir string
	// UID is the process's user, whose home directory is ~ without HOME.
	UID   int
	Users Users
	Files Files

	mu        sync.Mutex
	variables *variables // ENV_…, never changed in place; nil until first used
}

// Users looks up users and groups.
type Users interface {
	User(name string) (Account, bool)
	UserID(uid int) (Account, bool)
	Group(name string) (gid int, ok bool)
	GroupID(gid int) bool
}

// Account is one user of the system.
type Account struct {
	UID, GID int
	Home     string
}

// Files reads the file system. Paths may be relative to the working directory.
type Files interface {
	Exists(path string) bool
	IsDir(path string) bool
	// Read gives a file's whole content.
	Read(path string) ([]byte, error)
	// List gives the names of a directory's entries in any order.
	List(dir string) ([]string, error)
}

// envPrefix is put before a variable's name in expansions.
const envPrefix = "ENV_"

// expansions gives the ENV_ variables as they are now.
func (e *Environment) expansions() *variables {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.expansionsLocked()
}

func (e *Environment) expansionsLocked() *variables {
	if e.variables == nil {
		e.variables = new(variables)
		for _, entry := range e.Environ {
			// A second entry of one name does not count.
			if name, value, ok := strings.Cut(entry, "="); ok && !e.variables.has(envPrefix+name) {
				e.variables.set(envPrefix+name, rpcinterface.String(value))
			}
		}
	}
	return e.variables
}

// extend adds variables to the expansions from now on.
func (e *Environment) extend(vars []core.EnvVar) {
	if len(vars) == 0 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	next := e.expansionsLocked().clone()
	for _, v := range vars {
		next.set(envPrefix+v.Name, rpcinterface.String(v.Value))
	}
	e.variables = next
}

// getenv gives one variable of the process's environment.
func (e *Environment) getenv(name string) (string, bool) {
	for _, entry := range e.Environ {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}
