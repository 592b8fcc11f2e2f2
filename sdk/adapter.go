package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-hclog"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// adapter is an author's plugin as the contract has it. What is wrong with the
// declaration is told by Describe, so that it reaches the supervisor's log.
type adapter struct {
	plugin  Plugin
	methods []*method
	byName  map[string]*method
	wrong   error
	log     hclog.Logger

	namespace atomic.Pointer[namespace]
}

// namespace is what a factory made.
type namespace struct {
	host     Host
	receiver reflect.Value
	gate     Gate      // nil where the namespace has none
	closer   io.Closer // likewise
}

// Implement makes the contract's side of a plugin, which Serve serves. Stacks of
// panics go to log, and what is given to Logger; where it is nil, nowhere.
func Implement(p Plugin, log hclog.Logger) rpcinterface.Plugin {
	if log == nil {
		log = hclog.NewNullLogger()
	}
	a := &adapter{plugin: p, byName: map[string]*method{}, log: log}
	var docs map[string]documentation
	docs, a.wrong = readDocumentation(p.Sources, typeName(p.Factory.product))
	if a.wrong == nil {
		a.methods, a.wrong = methodsOf(p.Factory.product, docs)
	}
	for _, m := range a.methods {
		a.byName[m.doc.Name] = m
	}
	return a
}

func typeName(t reflect.Type) string {
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

func (a *adapter) Describe(context.Context) (Description, error) {
	if a.wrong != nil {
		return Description{}, a.wrong
	}
	return Description{
		Version:        a.plugin.Version,
		Methods:        describe(a.methods),
		Grants:         a.plugin.Grants,
		ResultHandlers: slices.Sorted(maps.Keys(a.plugin.ResultHandlers)),
		Exclusive:      a.plugin.Exclusive,
		ExclusiveKeys:  a.plugin.ExclusiveKeys,
		Commands:       a.plugin.Commands,
	}, nil
}

func (a *adapter) Configure(_ context.Context, cfg rpcinterface.Config, host rpcinterface.Host) (err error) {
	defer a.catch("factory", &err)
	if a.wrong != nil {
		return a.wrong
	}
	n, c := &namespace{host: tokenHost{host}}, newConfig(cfg)
	product, err := a.plugin.Factory.make(n.host, c)
	n.receiver = reflect.ValueOf(product)
	n.gate, _ = product.(Gate)
	n.closer, _ = product.(io.Closer)
	if err == nil {
		if err = c.err(); err != nil {
			err = errors.Join(err, n.close())
		}
	}
	if err != nil {
		return err
	}
	return a.namespace.Swap(n).close()
}

func (a *adapter) Call(ctx context.Context, call *rpcinterface.Call) (result Value, err error) {
	defer a.catch(call.Method, &err)
	n := a.namespace.Load()
	if n == nil {
		return nil, errNotConfigured
	}
	m, ok := a.byName[call.Method]
	if !ok {
		return nil, NewFault(CodeUnknownMethod)
	}
	if !m.accepts(call.Params) {
		return nil, NewFault(CodeIncorrectParameters)
	}
	ctx = &serving{Context: ctx, call: call, log: a.log, what: "method", name: call.Method}
	if n.gate != nil {
		if err := n.gate.BeforeCall(ctx, call.Method); err != nil {
			return nil, err
		}
	}
	result, err = m.call(ctx, n.receiver, call.Params)
	if last, ok := errors.AsType[*rpcinterface.Last](err); ok {
		return nil, a.last(call.Method, result, last)
	}
	return result, err
}

func (a *adapter) HandleResult(ctx context.Context, handler string, event Event, result []byte) (ok bool, err error) {
	defer a.catch("result handler "+handler, &err)
	n := a.namespace.Load()
	if n == nil {
		return false, errNotConfigured
	}
	handle, ok := a.plugin.ResultHandlers[handler]
	if !ok {
		return false, fmt.Errorf("there is no result handler %s", handler)
	}
	return handle(&serving{Context: ctx, log: a.log, what: "handler", name: handler}, n.host, event, result)
}

func (a *adapter) Shutdown(context.Context) (err error) {
	defer a.catch("close", &err)
	return a.namespace.Swap(nil).close()
}

var errNotConfigured = errors.New("the plugin is not configured")

func (n *namespace) close() error {
	if n == nil || n.closer == nil {
		return nil
	}
	return n.closer.Close()
}

// catch makes a panic the error of the one call that it happened in.
func (a *adapter) catch(what string, err *error) {
	if p := recover(); p != nil {
		stack := strings.ReplaceAll(string(debug.Stack()), "\t", "    ") // tabs would be escaped
		a.log.Error("panic in "+what, "panic", fmt.Sprint(p), "stack", stack)
		*err = fmt.Errorf("panic in %s: %v", what, p)
	}
}
