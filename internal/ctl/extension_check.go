package ctl

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/trust"
	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/sdk/check"
)

const checkUsage = "Error: extension check [--section NAME [--configuration FILE]] [--user NAME | --as-root] [--call-methods] PATH [ARG...]"

// checkOptions are the words of extension check.
type checkOptions struct {
	section, file, user string
	asRoot, callMethods bool
	command             []string
}

func parseCheck(words []string) (o checkOptions, ok bool) {
	for len(words) > 0 && strings.HasPrefix(words[0], "--") {
		word := words[0]
		words = words[1:]
		switch word {
		case "--as-root":
			o.asRoot = true
			continue
		case "--call-methods":
			o.callMethods = true
			continue
		case "--":
			o.command = words
			return o, len(words) > 0
		}
		into := map[string]*string{"--section": &o.section, "--configuration": &o.file, "--user": &o.user}[word]
		if into == nil || len(words) == 0 {
			return o, false
		}
		*into, words = words[0], words[1:]
	}
	o.command = words
	return o, len(words) > 0 && !(o.asRoot && o.user != "")
}

// checkExtension examines the executable of an extension, on this machine and without
// a server. The exit code is 0 only where it would load and keeps to the protocol.
func checkExtension(s *session, words []string) error {
	o, ok := parseCheck(words)
	if !ok {
		s.usage(extensionCommand(), exitInvalidArgs, checkUsage)
		return nil
	}
	refuse := func(err error) error {
		s.printf("ERROR (%v)", err)
		s.exit = exitGeneric
		return nil
	}
	if o.file == "" {
		o.file = s.config
	}
	spec, err := sectionOf(s.program, o)
	if err != nil {
		return refuse(err)
	}
	local, err := launcherOf(spec, o)
	if err != nil {
		return refuse(err)
	}
	name := local.Path
	if local.Name == bundledArg {
		name = strings.Join(o.command, " ") + ", bundled with " + local.Path
	}
	r := new(check.Report)
	distrust, image := distrusted(spec, local)
	if image != nil {
		defer image.Close()
		local.Path, local.Name = fmt.Sprintf("/proc/self/fd/%d", image.Fd()), local.Path
	}
	if len(distrust) == 0 || local.Credential != nil || os.Geteuid() != 0 {
		s.stdout.Flush()
		r = check.Run(s.ctx, local, check.Options{
			Config:      rpcinterface.Config{Name: spec.Name, Options: spec.Options},
			CallMethods: o.callMethods,
		})
	}
	if len(distrust) > 0 {
		r.Findings, r.Loads = append(distrust, r.Findings...), false
	}
	s.showReport(name, r)
	if !r.Loads || r.Worst() == check.Error {
		s.exit = exitGeneric
	}
	return nil
}

// sectionOf gives the section that the extension is examined with.
func sectionOf(program string, o checkOptions) (core.ExtensionSpec, error) {
	if o.section == "" {
		return core.ExtensionSpec{Name: "check"}, nil
	}
	files := config.SearchPaths(program)
	if o.file != "" {
		files = []string{o.file}
	}
	for _, file := range files {
		if _, err := os.Stat(file); err != nil && o.file == "" {
			continue
		}
		c, err := config.Load(file, config.SystemEnvironment())
		if err != nil {
			return core.ExtensionSpec{}, err
		}
		name := strings.TrimPrefix(o.section, "rpcinterface:")
		for _, spec := range c.Extensions {
			if spec.Name == name {
				return spec, nil
			}
		}
		return core.ExtensionSpec{}, fmt.Errorf("%s has no section [rpcinterface:%s]", file, name)
	}
	return core.ExtensionSpec{}, errors.New("no configuration file is found; name one with --configuration")
}

// launcherOf says how the extension is started: with the section's user, environment
// and limits.
func launcherOf(spec core.ExtensionSpec, o checkOptions) (*check.Local, error) {
	l, err := commandOf(o.command)
	if err != nil {
		return nil, err
	}
	l.Env = check.Environment(os.Environ())
	name := spec.User
	if o.user != "" {
		name = o.user
	}
	switch {
	case o.asRoot:
	case name != "":
		if err := become(l, name); err != nil {
			return nil, err
		}
	case os.Getuid() == 0:
		return nil, errors.New("this would run the extension as root; name a user with --user, or say --as-root")
	}
	for _, v := range spec.Environment {
		l.Env = slices.DeleteFunc(l.Env, func(have string) bool { return strings.HasPrefix(have, v.Name+"=") })
		l.Env = append(l.Env, v.Name+"="+v.Value)
	}
	l.Started = func(pid int) error { return limit(pid, l.Credential, spec.Limits) }
	return l, nil
}

// bundledArg is what a plugin that is part of supervisord is called by.
const bundledArg = "supervisord-plugin"

// commandOf gives the executable, or where it is a bare name and no file our own, which
// may be supervisord with the plugins that are bundled.
func commandOf(command []string) (*check.Local, error) {
	name := command[0]
	path, err := filepath.Abs(name)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err == nil || strings.Contains(name, "/") {
		return &check.Local{Path: path, Args: command[1:]}, nil
	}
	if len(command) > 1 {
		return nil, fmt.Errorf("there is no file %s, and a bundled extension takes no arguments", path)
	}
	// Not one that is found elsewhere: it may be another program of the name.
	own, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this executable: %w", err)
	}
	if filepath.Base(own) != "supervisord" {
		return nil, fmt.Errorf("there is no file %s; for a bundled extension use the supervisorctl that is a link to supervisord", path)
	}
	return &check.Local{Path: own, Name: bundledArg, Args: []string{name}}, nil
}

// distrusted tells why the supervisor would not run an executable, whatever is in it.
// That depends on who runs the supervisor: it is taken to be who asks. Where the section
// has a hash, and the file has it too, the image is what is run.
func distrusted(spec core.ExtensionSpec, l *check.Local) (wrong []check.Finding, image *os.File) {
	add := func(id string, err error) {
		wrong = append(wrong, check.Finding{Severity: check.Error, ID: id, Text: err.Error()})
	}
	if l.Name == bundledArg {
		if spec.SHA256 != "" {
			add("hash", errors.New("a bundled extension has no file of its own; remove plugin.sha256"))
		}
		return wrong, nil
	}
	if _, err := os.Stat(l.Path); err != nil {
		return nil, nil // which is told when it is started
	}
	if err := trust.CheckPath(l.Path, os.Geteuid()); err != nil {
		add("untrusted", err)
	}
	if spec.SHA256 != "" {
		var err error
		if image, err = trust.SealedCopy(l.Path, spec.SHA256); err != nil {
			add("hash", err)
		}
	} else if l.Credential != nil {
		if closed, ok := trust.Reachable(l.Path, l.Credential); !ok {
			add("unreachable", fmt.Errorf("its user cannot execute %s: %s is closed to it", l.Path, closed))
		}
	}
	return wrong, image
}

// become has the extension run as a user.
func become(l *check.Local, name string) error {
	u, err := user.Lookup(name)
	if _, numeric := strconv.Atoi(name); err != nil && numeric == nil {
		u, err = user.LookupId(name)
	}
	if err != nil {
		return fmt.Errorf("cannot find the user %s: %w", name, err)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return fmt.Errorf("cannot find the groups of %s: %w", name, err)
	}
	var ids []uint32
	for _, text := range append([]string{u.Uid, u.Gid}, groups...) {
		id, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return fmt.Errorf("cannot use the id %s of %s", text, name)
		}
		ids = append(ids, uint32(id))
	}
	for _, v := range []string{"HOME=" + u.HomeDir, "USER=" + u.Username, "LOGNAME=" + u.Username} {
		variable, _, _ := strings.Cut(v, "=")
		l.Env = slices.DeleteFunc(l.Env, func(have string) bool { return strings.HasPrefix(have, variable+"=") })
		l.Env = append(l.Env, v)
	}
	if int(ids[0]) == os.Getuid() {
		return nil
	}
	if os.Getuid() != 0 {
		return fmt.Errorf("only root can run the extension as %s", name)
	}
	l.Credential = &syscall.Credential{Uid: ids[0], Gid: ids[1], Groups: ids[2:]}
	return nil
}

// limit sets a section's limits of a process that has just been started as a user, nil
// for ours. Memory is limited by RLIMIT_DATA, as it is where no cgroup is delegated.
func limit(pid int, as *syscall.Credential, limits core.PluginLimits) error {
	outcome := make(chan error, 1)
	go func() {
		if as != nil {
			// Root without CAP_SYS_RESOURCE, as it is in containers, may set limits of
			// processes of its own real user and group only. So one thread takes these; it
			// is not unlocked, and so is not used for anything else.
			runtime.LockOSThread()
			const same = ^uintptr(0)
			unix.RawSyscall(unix.SYS_SETRESGID, uintptr(as.Gid), same, same)
			unix.RawSyscall(unix.SYS_SETRESUID, uintptr(as.Uid), same, same)
		}
		outcome <- setLimits(pid, limits)
	}()
	return <-outcome
}

func setLimits(pid int, limits core.PluginLimits) error {
	cpu := uint64(limits.CPU / time.Second)
	for _, l := range []struct {
		resource   int
		soft, hard uint64
	}{
		{unix.RLIMIT_DATA, uint64(limits.Memory), uint64(limits.Memory)},
		{unix.RLIMIT_CPU, cpu, cpu + 1},
		{unix.RLIMIT_NOFILE, uint64(limits.Files), uint64(limits.Files)},
	} {
		if l.soft == 0 {
			continue
		}
		if err := unix.Prlimit(pid, l.resource, &unix.Rlimit{Cur: l.soft, Max: l.hard}, nil); err != nil {
			return fmt.Errorf("cannot limit the extension: %w", err)
		}
	}
	return nil
}

// showReport tells what the extension is, what it asks for, and what was found.
func (s *session) showReport(path string, r *check.Report) {
	if d := r.Description; r.Described {
		s.printf("%s", plain(path))
		s.printf("  version   %s", plain(d.Version))
		var methods, commands, grants []string
		for _, m := range d.Methods {
			methods = append(methods, m.Name)
		}
		for _, c := range d.Commands {
			commands = append(commands, c.Name)
		}
		for _, g := range d.Grants {
			grants = append(grants, string(g))
		}
		for _, row := range []struct {
			name  string
			words []string
		}{{"methods", methods}, {"commands", commands}, {"handlers", d.ResultHandlers}, {"asks for", grants}} {
			if len(row.words) > 0 {
				s.printf("  %-9s %s", row.name, plain(strings.Join(row.words, " ")))
			}
		}
	}
	for _, f := range r.Findings {
		s.printf("%s", plain(f.String()))
	}
	switch {
	case !r.Loads:
		s.printf("It would not load.")
	case r.Worst() == check.Error:
		s.printf("It would load, and breaks the protocol.")
	default:
		s.printf("It would load.")
	}
}
