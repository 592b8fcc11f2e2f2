package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

const (
	factoryKey = "supervisor.rpcinterface_factory"
	// hostPrefix begins the keys of a section that are ours, not the plugin's.
	hostPrefix = "plugin."
)

// readExtensions reads [rpcinterface:x].
func (l *loader) readExtensions() error {
	for _, section := range l.doc.prefixed("rpcinterface:") {
		spec, err := l.readExtension(section)
		if err != nil {
			return err
		}
		l.cfg.Extensions = append(l.cfg.Extensions, spec)
	}
	return nil
}

func (l *loader) readExtension(section *ini.Section) (core.ExtensionSpec, error) {
	spec := core.ExtensionSpec{
		Name:        strings.TrimPrefix(section.Name(), "rpcinterface:"),
		Section:     section.Name(),
		File:        l.doc.fileOf(section.Name(), l.cfg.File),
		Required:    true,
		Enabled:     true,
		CallTimeout: rpcinterface.DefaultCallTimeout,
	}
	if spec.Name == "system" || spec.Name == "extension" {
		return spec, inPlace(fmt.Errorf("the namespace %s is built in and cannot be configured", spec.Name), spec.Section, spec.File)
	}
	factory, ok, err := l.get(section, factoryKey)
	if err != nil {
		return spec, err
	}
	if !ok {
		return spec, fmt.Errorf("section [%s] does not specify a %s", section.Name(), factoryKey)
	}
	spec.Factory = factory
	for _, k := range l.doc.keys(section) {
		name := k.Name()
		if name == factoryKey {
			continue
		}
		text, _, err := l.get(section, name)
		if err != nil {
			return spec, err
		}
		if !strings.HasPrefix(name, hostPrefix) {
			spec.Options = append(spec.Options, rpcinterface.Option{Name: name, Value: text})
			continue
		}
		if err := l.setHostKey(&spec, name, text); err != nil {
			return spec, inPlace(fmt.Errorf("%s: %w", name, err), spec.Section, spec.File)
		}
	}
	return spec, nil
}

// The least that a plugin can be limited to. With less, one in Go or Python does not
// get as far as describing itself.
const (
	minPluginMemory = 32 << 20
	minPluginFiles  = 32
)

// setHostKey reads a key that begins with hostPrefix.
func (l *loader) setHostKey(spec *core.ExtensionSpec, name, text string) (err error) {
	switch name {
	case "plugin.required":
		spec.Required, err = ParseBoolean(text)
	case "plugin.enabled":
		spec.Enabled, err = ParseBoolean(text)
	case "plugin.call_timeout":
		spec.CallTimeout, err = parseSeconds(text)
	case "plugin.grants":
		var grants rpcinterface.Grants
		grants, err = rpcinterface.ParseGrants(text)
		spec.Grants = &grants
	case "plugin.sha256":
		spec.SHA256, err = parseSHA256(text)
	case "plugin.user":
		spec.User = pytext.Strip(text)
		_, err = ParseUser(l.env, spec.User)
	case "plugin.environment":
		spec.Environment, err = parseEnvironment(text)
	case "plugin.max_memory":
		spec.Limits.Memory, err = parseLimit(text, ParseByteSize, minPluginMemory, "32MB")
	case "plugin.max_cpu":
		var seconds int64
		seconds, err = parseLimit(text, ParseInteger, 1, "1 second")
		spec.Limits.CPU = time.Duration(min(seconds, math.MaxInt64/int64(time.Second))) * time.Second
	case "plugin.max_files":
		spec.Limits.Files, err = parseLimit(text, ParseInteger, minPluginFiles, "32")
	default:
		return errors.New("unknown key (there are plugin.required, plugin.enabled, plugin.call_timeout, plugin.grants, plugin.sha256, " +
			"plugin.user, plugin.environment, plugin.max_memory, plugin.max_cpu, plugin.max_files)")
	}
	return err
}

// parseLimit reads a limit that is not below the least.
func parseLimit(text string, parse func(string) (int64, error), least int64, shown string) (int64, error) {
	n, err := parse(pytext.Strip(text))
	if err == nil && n < least {
		err = fmt.Errorf("%s is too little for a plugin to start: the least is %s", pytext.ReprString(text), shown)
	}
	return n, err
}

// parseSHA256 reads what sha256sum prints of a file.
func parseSHA256(text string) (string, error) {
	sum := strings.ToLower(pytext.Strip(text))
	if b, err := hex.DecodeString(sum); err != nil || len(b) != 256/8 {
		return "", fmt.Errorf("%s is not a SHA-256 in 64 hexadecimal digits", pytext.ReprString(text))
	}
	return sum, nil
}

// parseSeconds reads a positive number of seconds, with a fraction or without.
func parseSeconds(text string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(pytext.Strip(text), 64)
	if d := seconds * float64(time.Second); err == nil && d >= 1 && d < math.MaxInt64 {
		return time.Duration(d), nil
	}
	return 0, fmt.Errorf("%s is not a number of seconds above 0", pytext.ReprString(text))
}
