package extension

import "github.com/plugvisor/plugvisor/core"

// Check says whether the factories of a configuration that was read again can be
// resolved, as Resolve would. Nothing is started or stopped by it: sections count
// from the next restart on, but their mistakes are told at once, as the reference
// does, which imports every factory whenever it reads the file.
func (m *Manager) Check(specs []core.ExtensionSpec) error {
	for _, spec := range specs {
		if !spec.Required || !spec.Enabled {
			continue
		}
		if _, err := m.sources().resolve(spec); err != nil {
			return err
		}
	}
	return nil
}
