package extension

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Handler is what an event listener's section names as its result_handler.
type Handler struct {
	Section string // such as "eventlistener:x"
	Name    string // as written
}

// unresolved is the error for a handler that nobody has. It begins as the
// reference's does (supervisor.options, process_groups_from_parser).
func unresolved(h Handler, err error) error {
	return fmt.Errorf("%s cannot be resolved within [%s]: %w", h.Name, h.Section, err)
}

// legacyHandler gives the bundled plugin that stands for a Python result handler,
// and the handler's name there.
func legacyHandler(name string) (plugin, handler string, ok bool) {
	switch name {
	case "supervisor_twiddler.resulthandler:stdin_write_handler":
		return "twiddler", "stdin_write_handler", true
	}
	return "", "", false
}

// canonical is a handler as the reference reads it: blanks around the colon and
// extras in brackets count for nothing.
func canonical(name string) string {
	name, _, _ = strings.Cut(name, "[")
	module, attribute, found := strings.Cut(name, ":")
	if !found {
		return strings.TrimSpace(name)
	}
	return strings.TrimSpace(module) + ":" + strings.TrimSpace(attribute)
}

// judge is who judges for a result handler. Without an extension it is the default
// handler, or a stand-in of the plugin that does not run yet.
type judge struct {
	ext     *extension
	plugin  string // of the stand-in
	handler string // its name in the plugin
}

// judgeOf finds who judges for a handler: an extension by its namespace, or one
// that runs the plugin of a legacy handler, or that plugin's stand-in.
func (m *Manager) judgeOf(name string) (judge, error) {
	name = canonical(name)
	if name == core.DefaultResultHandler {
		return judge{}, nil
	}
	namespace, _, ok := strings.Cut(name, ":")
	if !ok {
		return judge{}, errors.New("it names no handler; write NAMESPACE:HANDLER")
	}
	for _, mb := range m.all() {
		own, ok := strings.CutPrefix(name, mb.spec.Name+":")
		switch {
		case ok && mb.ext == nil:
			return judge{}, fmt.Errorf("the namespace %s is built in and has no result handlers", mb.spec.Name)
		case ok:
			return judge{ext: mb.ext, handler: own}, nil
		}
	}
	plugin, handler, ok := legacyHandler(name)
	if !ok {
		return judge{}, fmt.Errorf("no extension %s is loaded, and handlers written in Python cannot be; "+
			"name an extension's, NAMESPACE:HANDLER", namespace)
	}
	f, err := m.sources().find(plugin)
	if err != nil {
		return judge{}, err
	}
	for _, mb := range m.all() {
		if mb.ext != nil && mb.ext.current.Load().life.state != Disabled && mb.factory.path == f.path && slices.Equal(mb.factory.argv, f.argv) {
			return judge{ext: mb.ext, handler: handler}, nil
		}
	}
	return judge{ext: m.runningStandIn(plugin), plugin: plugin, handler: handler}, nil
}

// names says whether a listener's handler is one of the namespace's.
func (m *Manager) names(namespace string) bool {
	return slices.ContainsFunc(m.cfg.Handlers, func(h Handler) bool {
		return strings.HasPrefix(canonical(h.Name), namespace+":")
	})
}

// CheckHandlers says whether there are such result handlers, in the words "…
// cannot be resolved within [eventlistener:x]: …" if not. An extension that has
// never run yet may have any. It may be used by many goroutines at once after
// Resolve.
func (m *Manager) CheckHandlers(list []Handler) error {
	for _, h := range list {
		j, err := m.judgeOf(h.Name)
		if err == nil && j.ext != nil {
			err = j.ext.declares(j.ext.current.Load(), j.handler)
		}
		if err != nil {
			return unresolved(h, err)
		}
	}
	return nil
}

// HandleResult has what an event listener answered judged by the handler that its
// section names. It waits, for the extension's call_timeout at most, for a plugin
// that is not running, or not loaded: a listener whose event is rejected at once
// would be sent it again and again. The error says that there was no verdict. It may
// be used by many goroutines at once after Start, and ends with Stop.
func (m *Manager) HandleResult(ctx context.Context, name string, e rpcinterface.Event, result []byte) (accepted bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.life, cancel)()
	j, err := m.awaitJudge(ctx, name)
	switch {
	case err != nil:
		return false, err
	case j.ext == nil:
		return string(result) == "OK", nil
	}
	return j.ext.handleResult(ctx, j.handler, e, result)
}

// awaitJudge finds who judges for a handler. Its extension may have been removed, or
// be one that the file has and that was not added yet.
func (m *Manager) awaitJudge(ctx context.Context, name string) (judge, error) {
	ctx, cancel := context.WithTimeout(ctx, rpcinterface.DefaultCallTimeout)
	defer cancel()
	for {
		changed := m.Changed()
		j, err := m.judgeOf(name)
		if err == nil && j.ext == nil && j.plugin != "" {
			j.ext, err = m.startStandIn(j.plugin)
		}
		if err == nil {
			return j, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return judge{}, err
		}
	}
}

func (x *extension) handleResult(ctx context.Context, handler string, e rpcinterface.Event, result []byte) (accepted bool, err error) {
	err = x.send(ctx, errand{
		what:    "result handler " + x.name + ":" + handler,
		admit:   func(v *view) error { return x.declares(v, handler) },
		patient: true,
		do: func(ctx context.Context, s *session, _ string) (err error) {
			accepted, err = s.plugin.HandleResult(ctx, handler, e, result)
			return err
		},
	})
	return accepted && err == nil, err
}

// declares says whether the plugin, as it was last seen, has a result handler.
func (x *extension) declares(v *view, handler string) error {
	has := v.desc.ResultHandlers
	switch {
	case v.methods == nil || slices.Contains(has, handler):
		return nil
	case len(has) == 0:
		return fmt.Errorf("extension '%s' has no result handlers", x.name)
	}
	return fmt.Errorf("extension '%s' has no result handler %s; it has %s", x.name, handler, strings.Join(has, ", "))
}
