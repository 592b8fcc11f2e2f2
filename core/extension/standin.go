package extension

import (
	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// standIn is an extension that runs a bundled plugin for its result handlers alone,
// where no section does. It has no namespace.
type standIn struct {
	plugin string
	ext    *extension
	by     Handler // who asked for it at start-up
}

func (m *Manager) newStandIn(plugin string) *extension {
	return newExtension(m, core.ExtensionSpec{
		Name:        plugin + " (result handlers)",
		Section:     "rpcinterface:" + plugin, // which would take its place
		Factory:     plugin,
		Required:    true,
		Enabled:     true,
		CallTimeout: rpcinterface.DefaultCallTimeout,
	})
}

// addStandIn makes a plugin's stand-in, which Start will launch.
func (m *Manager) addStandIn(plugin string, h Handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.standIns = append(m.standIns, standIn{plugin, m.newStandIn(plugin), h})
}

// runningStandIn gives a plugin's stand-in, nil where there is none.
func (m *Manager) runningStandIn(plugin string) *extension {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.standInOf(plugin)
}

func (m *Manager) standInOf(plugin string) *extension {
	for _, s := range m.standIns {
		if s.plugin == plugin {
			return s.ext
		}
	}
	return nil
}

// startStandIn launches a plugin's stand-in for a listener that was added later. It
// does not wait for it.
func (m *Manager) startStandIn(plugin string) (*extension, error) {
	if err := m.claim(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if x := m.standInOf(plugin); x != nil {
		return x, nil
	}
	x := m.newStandIn(plugin)
	m.standIns = append(m.standIns, standIn{plugin: plugin, ext: x})
	x.beginLocked(nil)
	return x, nil
}
