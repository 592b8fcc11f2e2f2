package extension

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// HandleResult has an extension judge what an event listener answered. Handler is
// what result_handler= says: a legacy Python name, which any extension may have
// declared, or "NAMESPACE:HANDLER" for one extension's. The error says that there
// was no verdict.
func (m *Manager) HandleResult(ctx context.Context, handler string, e rpcinterface.Event, result []byte) (accepted bool, err error) {
	x, name := m.handler(handler)
	if x == nil {
		return false, fmt.Errorf("no extension has it")
	}
	return x.handleResult(ctx, name, e, result)
}

// handler finds the extension that has a result handler, and its name there.
func (m *Manager) handler(handler string) (*extension, string) {
	namespace, own, _ := strings.Cut(handler, ":")
	for _, mb := range m.members {
		if mb.ext == nil {
			continue
		}
		declared := mb.ext.current.Load().desc.ResultHandlers
		if slices.Contains(declared, handler) {
			return mb.ext, handler
		}
		if mb.spec.Name == namespace && slices.Contains(declared, own) {
			return mb.ext, own
		}
	}
	return nil, ""
}

func (x *extension) handleResult(ctx context.Context, handler string, e rpcinterface.Event, result []byte) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, x.callTimeout())
	defer cancel()
	v := x.current.Load()
	if v.life.state != Running {
		return false, fmt.Errorf("extension '%s' is %v", x.spec.Name, v.life.state)
	}
	accepted, err := v.session.plugin.HandleResult(ctx, handler, e, result)
	var fault *rpcinterface.Fault
	if err != nil && !errors.As(err, &fault) {
		err = errors.New(oneLine(err.Error()))
	}
	return accepted, err
}
