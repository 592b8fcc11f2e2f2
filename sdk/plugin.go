package sdk

import (
	"context"
	"io/fs"
	"reflect"
)

// Plugin is what an author declares.
type Plugin struct {
	// Version is the plugin's own, free text.
	Version string
	// Factory makes the namespace of a section, once it is configured.
	Factory Factory
	// Sources holds the Go files with the methods' comments, embedded.
	Sources fs.FS
	// Grants are what the plugin needs. A bundled plugin gets them; others get
	// what plugin.grants says.
	Grants []Grant
	// ResultHandlers judge the results of event listeners, by the names that
	// result_handler= calls them.
	ResultHandlers map[string]ResultHandler
	// Exclusive: two instances must not run at the same time.
	Exclusive bool
	// ExclusiveKeys are keys of the section that, where they are written, make it
	// exclusive.
	ExclusiveKeys []string
	// Commands are those that it brings for supervisorctl.
	Commands []Command
	// Processors is how many processors the plugin's code may use at once; 0 is
	// 1. Most plugins wait for the supervisor more than they compute, and their
	// calls are answered faster, and with less work, by one. The environment
	// variable GOMAXPROCS beats it.
	Processors int
}

// ResultHandler judges what an event listener answered: true accepts the event,
// false has it sent again.
type ResultHandler func(ctx context.Context, host Host, event Event, result []byte) (bool, error)

// Factory makes the namespace of one section of the configuration file.
type Factory struct {
	product reflect.Type
	make    func(Host, Config) (any, error)
}

// FactoryOf makes a Factory of a function. The methods of T are known from the
// function's type, before it is called.
//
// A key of the section that the function does not ask cfg for, or whose value
// cfg cannot read, is an error of the section.
func FactoryOf[T any](f func(host Host, cfg Config) (T, error)) Factory {
	return Factory{
		product: reflect.TypeFor[T](),
		make:    func(host Host, cfg Config) (any, error) { return f(host, cfg) },
	}
}

// Gate is for namespaces that want to see each call before it is made. It is
// asked once the method is known and the number of arguments is right; an error
// is the call's answer, and the arguments are not looked at.
type Gate interface {
	BeforeCall(ctx context.Context, method string) error
}

// Optional is the type of a parameter that clients may leave out. Such
// parameters come last.
type Optional[T any] struct {
	value T
	given bool
}

// Or gives the argument, or def where there was none.
func (o Optional[T]) Or(def T) T {
	if o.given {
		return o.value
	}
	return def
}

// Get gives the argument, and whether there was one.
func (o Optional[T]) Get() (T, bool) { return o.value, o.given }

// give marks the argument as given and says where to put it.
func (o *Optional[T]) give() reflect.Value {
	o.given = true
	return reflect.ValueOf(&o.value).Elem()
}

type optional interface{ give() reflect.Value }
