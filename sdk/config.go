package sdk

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Config is a plugin's section of the configuration file, read by the names of
// its keys. What is wrong with a value is remembered and told after the factory
// has returned, together with the keys that nobody asked for; so a factory only
// asks.
type Config struct {
	// Name is the namespace: what follows "rpcinterface:" in the section's name.
	Name string

	options []Option
	asked   map[string]bool
	wrong   *[]string
}

// Option is one key of a section.
type Option = rpcinterface.Option

func newConfig(c rpcinterface.Config) Config {
	return Config{Name: c.Name, options: c.Options, asked: map[string]bool{}, wrong: new([]string)}
}

// String gives the value of a key, or def where the section does not have it.
func (c Config) String(key, def string) string {
	if value, ok := c.lookup(key); ok {
		return value
	}
	return def
}

// Strings gives the elements of a value, separated by commas, without the blanks
// around them. It is empty where the value is, or the section does not have the
// key.
func (c Config) Strings(key string) []string {
	value, _ := c.lookup(key)
	if value == "" {
		return nil
	}
	list := strings.Split(value, ",")
	for i, s := range list {
		list[i] = strings.TrimSpace(s)
	}
	return list
}

// Int gives a value as a decimal number, or def where the section does not have
// the key.
func (c Config) Int(key string, def int) int {
	value, ok := c.lookup(key)
	if !ok {
		return def
	}
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil {
		c.complain("%s: %q is no integer", key, value)
	}
	return n
}

// Bool gives a value of true, yes, on, 1, false, no, off, 0, in any case, or def
// where the section does not have the key.
func (c Config) Bool(key string, def bool) bool {
	value, ok := c.lookup(key)
	if !ok {
		return def
	}
	switch strings.ToLower(strings.TrimSpace(value)) {
	case "true", "yes", "on", "1":
		return true
	case "false", "no", "off", "0":
		return false
	}
	c.complain("%s: %q is no boolean", key, value)
	return def
}

// All gives every key of the section, for plugins that take any.
func (c Config) All() []Option {
	for _, o := range c.options {
		c.asked[o.Name] = true
	}
	return slices.Clone(c.options)
}

func (c Config) lookup(key string) (string, bool) {
	c.asked[key] = true
	for _, o := range c.options {
		if o.Name == key {
			return o.Value, true
		}
	}
	return "", false
}

func (c Config) complain(format string, args ...any) {
	*c.wrong = append(*c.wrong, fmt.Sprintf(format, args...))
}

// err is what is wrong with the section.
func (c Config) err() error {
	wrong := *c.wrong
	for _, o := range c.options {
		if !c.asked[o.Name] {
			wrong = append(wrong, "unknown option "+o.Name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%s", strings.Join(wrong, "; "))
}
