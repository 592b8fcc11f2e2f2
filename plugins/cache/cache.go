// Package cache is a namespace that keeps values under names, for clients that want
// to leave something for each other. Methods, faults and texts are those of the
// Python extension supervisor_cache 0.2.
//
// The values live in the memory of the plugin's process and end with it; there is
// no limit to them but plugin.max_memory. They are answered as they were stored,
// whatever their types.
package cache

import (
	"context"
	"embed"
	"maps"
	"slices"
	"sync"

	"github.com/plugvisor/plugvisor/sdk"
)

// apiVersion is that of the methods.
const apiVersion = "0.2"

//go:embed cache.go
var source embed.FS

// Plugin declares the namespace.
func Plugin() sdk.Plugin {
	return sdk.Plugin{Version: apiVersion, Factory: sdk.FactoryOf(newCache), Sources: source}
}

type cache struct {
	mu     sync.Mutex
	values map[string]sdk.Value
}

func newCache(sdk.Host, sdk.Config) (*cache, error) {
	return &cache{values: map[string]sdk.Value{}}, nil
}

// BeforeCall lets nothing be cached while the supervisor shuts down.
func (c *cache) BeforeCall(ctx context.Context, _ string) error {
	if sdk.StateFrom(ctx) == sdk.SupervisorShutdown {
		return sdk.NewFault(sdk.CodeShutdownState)
	}
	return nil
}

// GetAPIVersion tells the version of these methods.
//
// @return string   The version, such as "0.2"
func (c *cache) GetAPIVersion() string { return apiVersion }

// GetKeys lists the keys that something is stored under, in alphabetical order.
//
// @return array   The keys
func (c *cache) GetKeys() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.values))
}

// GetCount tells how many keys there are.
//
// @return integer   Their number
func (c *cache) GetCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.values)
}

// Store stores a value, in the place of what was stored under the key before.
//
// @param string key    What to call it; not empty
// @param string data   The value; any other type will do too
// @return boolean      True, unless there is a fault
func (c *cache) Store(key, data sdk.Value) error {
	name, err := keyOf(key)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.values[name] = data
	return nil
}

// Fetch answers what is stored under a key.
//
// @param string key   The key
// @return string      The value, of the type that was stored
func (c *cache) Fetch(key sdk.Value) (sdk.Value, error) {
	name, err := keyOf(key)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	value, ok := c.values[name]
	if !ok {
		return nil, sdk.NewFault(sdk.CodeBadName)
	}
	return value, nil
}

// Delete forgets what is stored under a key, if anything is.
//
// @param string key   The key
// @return boolean     True, unless there is a fault
func (c *cache) Delete(key sdk.Value) error {
	name, err := keyOf(key)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, name)
	return nil
}

// Clear forgets everything.
//
// @return boolean   True, unless there is a fault
func (c *cache) Clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.values)
}

// keyOf takes binary data for the text that it is, as the original does.
func keyOf(v sdk.Value) (string, error) {
	name := ""
	switch v := v.(type) {
	case sdk.String:
		name = string(v)
	case sdk.Bytes:
		name = string(v)
	}
	if name == "" {
		return "", sdk.NewFault(sdk.CodeBadName, "Cache key must be a non-empty string")
	}
	return name, nil
}
