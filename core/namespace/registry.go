package namespace

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Entry is one namespace and the name it is called by.
type Entry struct {
	Name      string
	Namespace rpcinterface.Namespace
}

// Registry is the table of namespaces. All its methods may be used by many
// goroutines at once.
type Registry struct {
	state   func() rpcinterface.SupervisorState
	system  rpcinterface.Namespace
	writing sync.Mutex
	current atomic.Pointer[table]
	observe Observer
}

// Observer is told of each call that ended, those within a multicall or made by a
// plugin included: its full name as it was given, how long it took, and its error. It
// is called on the caller's goroutine.
type Observer func(method string, took time.Duration, err error)

// table is one state of the registry. It does not change once it is published.
type table struct {
	entries []Entry
	byName  map[string]rpcinterface.Namespace
	// index describes the table's methods; it is made at the first question.
	index func() *index
}

// New makes a registry that holds the namespace system alone. The state is asked
// for at each call and handed to the method in Call.State.
func New(state func() rpcinterface.SupervisorState) *Registry {
	r := &Registry{state: state}
	r.system = newSystem(r)
	r.publish(nil)
	return r
}

// Observe has f told of every call. It is for the time before the first one.
func (r *Registry) Observe(f Observer) { r.observe = f }

// Set adds a namespace at the end, or replaces the one of that name in its place.
// One called "system" is shadowed by the built-in.
func (r *Registry) Set(name string, ns rpcinterface.Namespace) {
	r.writing.Lock()
	defer r.writing.Unlock()
	entries := slices.Clone(r.current.Load().entries)
	if i := find(entries, name); i >= 0 {
		entries[i].Namespace = ns
	} else {
		entries = append(entries, Entry{Name: name, Namespace: ns})
	}
	r.publish(entries)
}

// Remove takes a namespace out. Calls that it is serving go on.
func (r *Registry) Remove(name string) {
	r.writing.Lock()
	defer r.writing.Unlock()
	entries := slices.Clone(r.current.Load().entries)
	if i := find(entries, name); i >= 0 {
		r.publish(slices.Delete(entries, i, i+1))
	}
}

// Replace swaps the whole table. Of entries with the same name the last counts,
// in the place of the first.
func (r *Registry) Replace(entries []Entry) {
	r.writing.Lock()
	defer r.writing.Unlock()
	unique := make([]Entry, 0, len(entries))
	for _, e := range entries {
		if i := find(unique, e.Name); i >= 0 {
			unique[i] = e
		} else {
			unique = append(unique, e)
		}
	}
	r.publish(unique)
}

// Entries lists the namespaces in order, without system.
func (r *Registry) Entries() []Entry {
	return slices.Clone(r.current.Load().entries)
}

// Has says whether system.listMethods lists a method.
func (r *Registry) Has(method string) bool {
	_, ok := r.current.Load().index().byName[method]
	return ok
}

// Call calls a method by its full name ("supervisor.getState"). A name that is
// not two words around one dot, a method whose name begins with an underscore,
// and a namespace that is not there answer UNKNOWN_METHOD, as
// supervisor.xmlrpc.traverse does; an unknown method is left to the namespace,
// which answers the same.
func (r *Registry) Call(ctx context.Context, method string, params []rpcinterface.Value, caller rpcinterface.Caller) (rpcinterface.Value, error) {
	if r.observe == nil {
		return r.call(ctx, method, params, caller)
	}
	began := time.Now()
	value, err := r.call(ctx, method, params, caller)
	r.observe(method, time.Since(began), err)
	return value, err
}

func (r *Registry) call(ctx context.Context, method string, params []rpcinterface.Value, caller rpcinterface.Caller) (rpcinterface.Value, error) {
	name, bare, ok := strings.Cut(method, ".")
	if !ok || strings.HasPrefix(bare, "_") || strings.Contains(bare, ".") {
		return nil, rpcinterface.NewFault(rpcinterface.CodeUnknownMethod)
	}
	ns := r.lookup(name)
	if ns == nil {
		return nil, rpcinterface.NewFault(rpcinterface.CodeUnknownMethod)
	}
	return ns.Call(ctx, &rpcinterface.Call{Method: bare, Params: params, Caller: caller, State: r.state()})
}

func (r *Registry) lookup(name string) rpcinterface.Namespace {
	if name == systemName {
		return r.system
	}
	return r.current.Load().byName[name]
}

func (r *Registry) publish(entries []Entry) {
	t := &table{entries: entries, byName: make(map[string]rpcinterface.Namespace, len(entries))}
	for _, e := range entries {
		t.byName[e.Name] = e.Namespace
	}
	t.index = sync.OnceValue(func() *index { return makeIndex(entries, r.system) })
	r.current.Store(t)
}

func find(entries []Entry, name string) int {
	return slices.IndexFunc(entries, func(e Entry) bool { return e.Name == name })
}
