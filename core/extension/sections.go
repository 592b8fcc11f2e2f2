package extension

import (
	"context"
	"fmt"
	"slices"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Difference is what the configuration file has otherwise than the extensions that
// there are, as names in the order of the one or the other.
type Difference struct {
	Added, Changed, Removed []string
}

// Compare reads the file anew and compares. The error is a fault CANT_REREAD.
func (m *Manager) Compare() (Difference, error) {
	_, d, err := m.compare()
	return d, err
}

func (m *Manager) compare() (map[string]core.ExtensionSpec, Difference, error) {
	specs, err := m.cfg.Reload()
	if err != nil {
		return nil, Difference{}, rpcinterface.NewFault(rpcinterface.CodeCantReread, err.Error())
	}
	var d Difference
	live := map[string]core.ExtensionSpec{}
	for _, mb := range m.all() {
		live[mb.spec.Name] = mb.spec
	}
	wanted := map[string]core.ExtensionSpec{}
	for _, spec := range specs {
		wanted[spec.Name] = spec
		if old, ok := live[spec.Name]; !ok {
			d.Added = append(d.Added, spec.Name)
		} else if !sameSection(old, spec) {
			d.Changed = append(d.Changed, spec.Name)
		}
	}
	for _, mb := range m.all() {
		if _, ok := wanted[mb.spec.Name]; !ok {
			d.Removed = append(d.Removed, mb.spec.Name)
		}
	}
	return wanted, d, nil
}

// Applied is what became of one section.
type Applied struct {
	Name, Action string // "added", "changed" or "removed"
	Err          error  // why it did not happen
}

// Apply makes the extensions what the file says, those named or without names all
// that differ. Each is done whole or not at all: one that cannot be started is not
// added, and one that cannot be started with its new section goes on with the old
// one. The error is BAD_NAME for a name that is neither in the file nor an
// extension's, or CANT_REREAD; nothing has been done then.
func (m *Manager) Apply(ctx context.Context, names []string) ([]Applied, error) {
	m.applying.Lock()
	defer m.applying.Unlock()
	wanted, d, err := m.compare()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		_, ok := wanted[name]
		if !ok && !slices.Contains(d.Removed, name) {
			return nil, rpcinterface.NewFault(rpcinterface.CodeBadName, name)
		}
	}
	var done []Applied
	each := func(list []string, action string, do func(name string) error) {
		for _, name := range list {
			if len(names) == 0 || slices.Contains(names, name) {
				done = append(done, Applied{name, action, do(name)})
			}
		}
	}
	each(d.Removed, "removed", func(name string) error { return m.removeSection(ctx, name) })
	each(d.Changed, "changed", func(name string) error { return m.changeSection(ctx, wanted[name]) })
	each(d.Added, "added", func(name string) error { return m.addSection(ctx, wanted[name]) })
	return done, nil
}

// member gives what there is of a section.
func (m *Manager) member(name string) (member, bool) {
	for _, mb := range m.all() {
		if mb.spec.Name == name {
			return mb, true
		}
	}
	return member{}, false
}

// newMember makes what a section stands for, and starts nothing.
func (m *Manager) newMember(spec core.ExtensionSpec) (member, error) {
	f, err := m.sources().resolve(spec)
	if err != nil && spec.Required && spec.Enabled {
		return member{}, err
	}
	mb := member{spec: spec, factory: f}
	if err == nil && f.kind == builtin {
		mb.builtin = m.cfg.Builtins[f.name]
		return mb, checkBuiltin(mb)
	}
	mb.ext = newExtension(m, spec)
	return mb, nil
}

func (m *Manager) addSection(ctx context.Context, spec core.ExtensionSpec) error {
	mb, err := m.newMember(spec)
	if err != nil {
		return err
	}
	if mb.ext != nil && spec.Enabled {
		if err := m.claim(); err != nil {
			return err
		}
		a := newAttempt(mb.ext)
		mb.ext.begin(a.order)
		select {
		case err = <-a.order.outcome:
		case <-ctx.Done():
			mb.ext.end(ctx.Err())
			err = fmt.Errorf("it was not ready in time: %w", ctx.Err())
		}
		if err != nil && spec.Required {
			<-mb.ext.ended()
			return makeError(spec, mb.factory.String(), err.Error())
		}
	}
	m.edit(func(list []member) []member { return append(list, mb) })
	m.publish()
	m.announce(mb)
	if mb.ext != nil {
		m.relieve(mb.factory)
	}
	return nil
}

// relieve ends the stand-in of a bundled plugin that a section runs now.
func (m *Manager) relieve(f factory) {
	if f.kind != bundled {
		return
	}
	m.mu.Lock()
	i := slices.IndexFunc(m.standIns, func(s standIn) bool { return s.plugin == f.name })
	var x *extension
	if i >= 0 {
		x = m.standIns[i].ext
		m.standIns = slices.Delete(slices.Clone(m.standIns), i, i+1)
	}
	m.mu.Unlock()
	if x != nil {
		x.end(errRemoved)
		<-x.ended()
	}
}

func (m *Manager) removeSection(ctx context.Context, name string) error {
	mb, ok := m.member(name)
	if !ok {
		return nil
	}
	if mb.ext != nil {
		err := mb.ext.alone(ctx, func() error {
			if mb.ext.state() == Disabled {
				return nil
			}
			return mb.ext.disable(ctx, errRemoved)
		})
		if err != nil {
			return err
		}
	}
	m.edit(func(list []member) []member {
		return slices.DeleteFunc(list, func(mb member) bool { return mb.spec.Name == name })
	})
	m.publish()
	m.cfg.Logger.Log(rpcinterface.LevelInfo, fmt.Sprintf("RPC interface '%s' was removed", name))
	return nil
}

func (m *Manager) changeSection(ctx context.Context, spec core.ExtensionSpec) error {
	old, ok := m.member(spec.Name)
	if !ok {
		return rpcinterface.NewFault(rpcinterface.CodeBadName, spec.Name)
	}
	mb, err := m.newMember(spec)
	switch {
	case err != nil:
		return err
	case mb.ext == nil || old.ext == nil:
		// What was built in is a plugin now, or the other way round.
		if err := m.removeSection(ctx, spec.Name); err != nil {
			return err
		}
		return m.addSection(ctx, spec)
	}
	x := old.ext
	mb.ext = x
	err = x.alone(ctx, func() error {
		runs := x.state() != Disabled
		was := x.current.Load().spec.Enabled
		switch {
		case spec.Enabled && (runs || !was):
			return x.exchange(ctx, spec)
		case runs && was && !spec.Enabled:
			if err := x.disable(ctx, errNotEnabled); err != nil {
				return err
			}
		case runs: // it was enabled at run time
			return x.exchange(ctx, spec)
		}
		x.change(func(v *view) { v.spec = spec })
		return nil
	})
	if now := x.current.Load().spec; sameSection(now, spec) {
		m.edit(func(list []member) []member {
			for i := range list {
				if list[i].ext == x {
					list[i] = mb
				}
			}
			return list
		})
	}
	return err
}
