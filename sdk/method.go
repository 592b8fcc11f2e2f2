package sdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
)

var (
	contextType  = reflect.TypeFor[context.Context]()
	errorType    = reflect.TypeFor[error]()
	optionalType = reflect.TypeFor[optional]()
)

// method is a Go method as clients call it.
type method struct {
	doc      rpcinterface.Method
	index    int // in the receiver's method set
	context  bool
	params   []parameter
	required int // parameters that are not Optional
	value    bool
	err      bool
}

type parameter struct {
	name     string // "" where the documentation has none
	of       reflect.Type
	optional bool
}

// methodsOf lists the methods of a receiver, in the order of their names.
func methodsOf(receiver reflect.Type, docs map[string]documentation) ([]*method, error) {
	if receiver == nil {
		return nil, errors.New("the plugin has no factory: use sdk.FactoryOf")
	}
	if receiver.Kind() == reflect.Interface {
		return nil, fmt.Errorf("the factory returns %s, which does not tell the methods: it must name the type", receiver)
	}
	var out []*method
	var faults []error
	for i := range receiver.NumMethod() {
		m := receiver.Method(i)
		if reserved(receiver, m.Name) {
			continue
		}
		if lock := embeddedLock(receiver); lock != nil {
			if _, promoted := reflect.PointerTo(lock).MethodByName(m.Name); promoted {
				faults = append(faults, fmt.Errorf("method %s would be for clients: it comes from the embedded %s, which has to have a name", m.Name, lock))
				continue
			}
		}
		made, err := methodOf(m, docs[m.Name])
		if err != nil {
			faults = append(faults, fmt.Errorf("method %s: %w", m.Name, err))
			continue
		}
		out = append(out, made)
	}
	return out, errors.Join(faults...)
}

// reserved says whether a method of the receiver is for the sdk and not for
// clients.
func reserved(receiver reflect.Type, name string) bool {
	switch name {
	case "BeforeCall":
		return receiver.Implements(reflect.TypeFor[Gate]())
	case "Close":
		return receiver.Implements(reflect.TypeFor[io.Closer]())
	}
	return false
}

// embeddedLock gives the mutex that a receiver embeds, nil for none. Whoever could
// lock it from outside could bring the plugin to a halt.
func embeddedLock(receiver reflect.Type) reflect.Type {
	if receiver.Kind() == reflect.Pointer {
		receiver = receiver.Elem()
	}
	if receiver.Kind() != reflect.Struct {
		return nil
	}
	for i := range receiver.NumField() {
		f := receiver.Field(i)
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if f.Anonymous && (of == reflect.TypeFor[sync.Mutex]() || of == reflect.TypeFor[sync.RWMutex]()) {
			return of
		}
	}
	return nil
}

func methodOf(m reflect.Method, doc documentation) (*method, error) {
	out := &method{index: m.Index}
	in := make([]reflect.Type, 0, m.Type.NumIn())
	for i := 1; i < m.Type.NumIn(); i++ {
		in = append(in, m.Type.In(i))
	}
	if m.Type.IsVariadic() {
		return nil, errors.New("variadic parameters cannot be passed: use sdk.Optional")
	}
	if len(in) > 0 && in[0] == contextType {
		out.context, in = true, in[1:]
	}
	for i, t := range in {
		p := parameter{of: t}
		if i < len(doc.params) {
			p.name = doc.params[i]
		}
		if reflect.PointerTo(t).Implements(optionalType) {
			p.optional = true
			t = reflect.New(t).Interface().(optional).give().Type()
		} else if out.required < i {
			return nil, errors.New("a parameter that is not Optional follows one that is")
		} else {
			out.required++
		}
		if err := supported(t, map[reflect.Type]bool{}); err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.label(i), err)
		}
		out.params = append(out.params, p)
	}
	results := m.Type.NumOut()
	if results > 0 && m.Type.Out(results-1) == errorType {
		out.err = true
		results--
	}
	switch results {
	case 0:
	case 1:
		out.value = true
		if err := supported(m.Type.Out(0), map[reflect.Type]bool{}); err != nil {
			return nil, fmt.Errorf("result: %w", err)
		}
	default:
		return nil, errors.New("more than one result: it may return a value, an error, or a value and an error")
	}
	if n := len(doc.params); n != 0 && n != len(out.params) {
		return nil, fmt.Errorf("%d parameters are documented, but there are %d", n, len(out.params))
	}
	out.doc = rpcinterface.Method{
		Name:      lowered(m.Name),
		Help:      doc.help,
		Signature: rpcinterface.SignatureFromHelp(doc.help),
	}
	if len(out.doc.Signature) == 0 {
		out.doc.Signature = signatureOf(out, m.Type)
	}
	return out, nil
}

// label is how errors call the i-th parameter.
func (p parameter) label(i int) string {
	if p.name != "" {
		return p.name
	}
	return fmt.Sprint(i + 1)
}

// accepts says whether the number of arguments is right.
func (m *method) accepts(params []Value) bool {
	return len(params) >= m.required && len(params) <= len(m.params)
}

// call runs the method. The number of arguments was checked. With a
// *rpcinterface.Last as error there is a result.
func (m *method) call(ctx context.Context, receiver reflect.Value, params []Value) (Value, error) {
	in := make([]reflect.Value, 0, 1+len(m.params))
	if m.context {
		in = append(in, reflect.ValueOf(ctx))
	}
	for i, p := range m.params {
		arg := reflect.New(p.of)
		in = append(in, arg.Elem())
		if i >= len(params) {
			continue
		}
		slot := arg.Elem()
		if p.optional {
			slot = arg.Interface().(optional).give()
		}
		if err := decode(params[i], slot); err != nil {
			return nil, NewFault(CodeIncorrectParameters, p.label(i)+": "+err.Error())
		}
	}
	out := receiver.Method(m.index).Call(in)
	var last error
	if m.err {
		last, _ = out[len(out)-1].Interface().(error)
		if _, ok := errors.AsType[*rpcinterface.Last](last); last != nil && !ok {
			return nil, last
		}
	}
	if !m.value {
		return Bool(true), last
	}
	result, err := encode(out[0], wire.MaxDepth)
	if err != nil {
		return nil, fmt.Errorf("cannot pass the result: %w", err)
	}
	return result, last
}

func describe(methods []*method) []rpcinterface.Method {
	out := make([]rpcinterface.Method, len(methods))
	for i, m := range methods {
		out[i] = m.doc
	}
	return out
}
