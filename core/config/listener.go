package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core"
)

// readListener reads [eventlistener:x], a pool of event listeners. The pool has the
// section's name as it stands there; the reference checks only its processes'.
func (l *loader) readListener(section *ini.Section) (*core.GroupSpec, error) {
	group := &core.GroupSpec{Name: afterColon(section), Listener: new(core.ListenerSpec)}
	var err error
	if group.Priority, err = l.priority(section, -1); err != nil {
		return nil, err
	}
	if group.Listener.BufferSize, err = l.bufferSize(section); err != nil {
		return nil, err
	}
	if group.Listener.ResultHandler, err = l.resultHandler(section); err != nil {
		return nil, err
	}
	if group.Listener.Events, err = l.subscriptions(section); err != nil {
		return nil, err
	}
	if err := l.refuseRedirect(section); err != nil {
		return nil, err
	}
	group.Processes, err = l.readProgram(section, group.Name)
	return ofKind(core.EventListener, group), err
}

// ofKind says of a group's processes what kind of section they come from.
func ofKind(kind core.ProgramKind, group *core.GroupSpec) *core.GroupSpec {
	for _, p := range group.Processes {
		p.Kind = kind
	}
	return group
}

func (l *loader) bufferSize(section *ini.Section) (int64, error) {
	text, ok, err := l.get(section, "buffer_size", l.here)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 10, nil
	}
	n, err := ParseInteger(text)
	if err == nil && n < 1 {
		err = fmt.Errorf("[%s] section sets invalid buffer_size (%d)", section.Name(), n)
	}
	return n, err
}

// entryPoint is what the reference can import: a module, an attribute behind a
// colon, extras in brackets. It is large, so it is made when one is there.
var entryPoint = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[\pL\pN_.]+\s*(:\s*[\pL\pN_.]+\s*)?(\[.*\]\s*)?$`)
})

// resultHandler gives result_handler= as written. Whether there is such a handler
// is for those to say who have it.
func (l *loader) resultHandler(section *ini.Section) (string, error) {
	text, ok, err := l.get(section, "result_handler", l.here)
	if err != nil {
		return "", err
	}
	if !ok {
		return core.DefaultResultHandler, nil
	}
	// A namespace may have a name that no Python module has.
	namespace, _, both := strings.Cut(text, ":")
	if !entryPoint().MatchString(text) && !(both && l.doc.has("rpcinterface:"+namespace)) {
		return "", fmt.Errorf("%s cannot be resolved within [%s]: it is not of the form NAMESPACE:HANDLER; "+
			"name a handler of an [rpcinterface:NAMESPACE] section", text, section.Name())
	}
	return text, nil
}

// subscriptions reads events=, names in any case.
func (l *loader) subscriptions(section *ini.Section) ([]core.EventKind, error) {
	text, _, err := l.get(section, "events", l.here)
	if err != nil {
		return nil, err
	}
	var kinds []core.EventKind
	for _, name := range parseList(text) {
		kind, ok := core.ParseEventKind(name)
		if !ok {
			return nil, fmt.Errorf("Unknown event type %s in [%s] events", strings.ToUpper(name), section.Name()) //nolint:staticcheck // the reference's text
		}
		kinds = append(kinds, kind)
	}
	if len(kinds) == 0 {
		return nil, fmt.Errorf(`[%s] section requires an "events" line`, section.Name())
	}
	slices.Sort(kinds)
	return slices.Compact(kinds), nil
}

// refuseRedirect refuses redirect_stderr=true: standard output speaks the protocol.
func (l *loader) refuseRedirect(section *ini.Section) error {
	text, ok, err := l.get(section, "redirect_stderr", l.here)
	if err != nil || !ok {
		return err
	}
	redirect, err := ParseBoolean(text)
	if err == nil && redirect {
		err = errors.New("[" + section.Name() + "] section sets redirect_stderr=true but this is not allowed " +
			"because it will interfere with the eventlistener protocol")
	}
	return err
}
