package extension

import (
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core"
)

// Check says whether the factories of a configuration that was read again can be
// resolved, as Resolve would, and whether there are its result handlers, or will be
// when its sections are applied. Nothing is started or stopped by it: mistakes are
// told at once, as the reference does, which imports every factory whenever it reads
// the file.
func (m *Manager) Check(specs []core.ExtensionSpec, handlers []Handler) error {
	for _, spec := range specs {
		if !spec.Required || !spec.Enabled {
			continue
		}
		if _, err := m.sources().resolve(spec); err != nil {
			return err
		}
	}
	return m.CheckHandlers(slices.DeleteFunc(slices.Clone(handlers), func(h Handler) bool {
		namespace, _, ok := strings.Cut(canonical(h.Name), ":")
		_, loaded := m.member(namespace)
		return ok && !loaded && slices.ContainsFunc(specs, func(s core.ExtensionSpec) bool { return s.Name == namespace })
	}))
}
