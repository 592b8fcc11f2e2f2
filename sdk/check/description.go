package check

import (
	"regexp"
	"slices"
	"strings"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/sdk"
)

var (
	methodName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	commandName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// describe examines what a plugin says of itself.
func (r *Report) describe(d sdk.Description) {
	if len(d.Methods) == 0 {
		r.add(Note, "methods-none", "", "it has no methods")
	}
	if d.Version == "" {
		r.add(Note, "version-none", "describe the plugin with its version", "it does not tell its version")
	}
	methods := map[string]sdk.Method{}
	for _, m := range d.Methods {
		if _, twice := methods[m.Name]; twice {
			r.add(Error, "method-duplicate", "describe each method once", "method %s is described twice", m.Name)
		}
		methods[m.Name] = m
		r.describeMethod(m)
	}
	for _, g := range d.Grants {
		if _, err := rpcinterface.ParseGrants(string(g)); err != nil || strings.ContainsAny(string(g), " \t\n") || g == "" {
			r.add(Error, "grant-unknown", "ask for one of those in docs/extensions.md", "it asks for the grant %q, which is none", g)
		}
	}
	for i, h := range d.ResultHandlers {
		if h == "" || slices.Contains(d.ResultHandlers[:i], h) {
			r.add(Error, "handler-name", "give each result handler a name of its own", "result handler %q has no name of its own", h)
		}
	}
	for i, c := range d.Commands {
		if slices.ContainsFunc(d.Commands[:i], func(other sdk.Command) bool { return other.Name == c.Name }) {
			r.add(Error, "command-duplicate", "describe each command once", "command %s is described twice", c.Name)
		}
		r.describeCommand(c, methods)
	}
}

func (r *Report) describeMethod(m sdk.Method) {
	if !methodName.MatchString(m.Name) {
		r.add(Error, "method-name", "use letters, digits and underscores, without the namespace", "%q is no name of a method", m.Name)
	}
	if m.Help == "" {
		r.add(Note, "method-help", "describe it with lines @param and @return", "method %s has no help text", m.Name)
		return
	}
	documented := rpcinterface.SignatureFromHelp(m.Help)
	if len(m.Signature) == 0 {
		r.add(Note, "method-signature", "add a line @return to its help text, and @param for each parameter",
			"method %s has no signature", m.Name)
		return
	}
	if documented != nil && !slices.Equal(documented, m.Signature) {
		r.add(Warning, "signature-differs", "make the signature that of the @return and @param lines",
			"method %s has the signature %q, and its help text %q", m.Name, m.Signature, documented)
	}
	for _, t := range m.Signature {
		if !knownType(t) {
			r.add(Note, "signature-type", "use the words of XML-RPC: int, boolean, string, double, dateTime.iso8601, base64, array, struct",
				"the signature of method %s has the type %q", m.Name, t)
		}
	}
}

// knownType says whether a type of a signature, or each one of "string|int", is one
// of XML-RPC's.
func knownType(t string) bool {
	for _, word := range strings.Split(t, "|") {
		switch word {
		case "int", "boolean", "string", "double", "dateTime.iso8601", "base64", "array", "struct", "nil":
		default:
			return false
		}
	}
	return true
}

func (r *Report) describeCommand(c sdk.Command, methods map[string]sdk.Method) {
	if !commandName.MatchString(c.Name) {
		r.add(Error, "command-name", "use one word of letters, digits, - and _", "%q is no name of a command", c.Name)
	}
	m, ok := methods[c.Method]
	if !ok {
		r.add(Error, "command-method", "name a method that is described", "command %s calls %q, which is no method", c.Name, c.Method)
	} else if n := len(m.Signature) - 1; n >= 0 && len(c.Arguments) > n {
		r.add(Error, "command-arguments", "give the command no more arguments than its method has",
			"command %s has %d arguments, and its method %s %d parameters", c.Name, len(c.Arguments), m.Name, n)
	}
	for i, a := range c.Arguments {
		switch a.Type {
		case sdk.ArgumentString, sdk.ArgumentInt, sdk.ArgumentBoolean, sdk.ArgumentDouble, sdk.ArgumentJSON:
		case sdk.ArgumentArray, sdk.ArgumentStruct:
			if i < len(c.Arguments)-1 {
				r.add(Error, "argument-last", "put it last", "argument %s of command %s takes all words that are left, and is not the last", a.Name, c.Name)
			}
		default:
			r.add(Error, "argument-type", "use string, int, boolean, double, json, array or struct",
				"argument %s of command %s has the type %q, which is none", a.Name, c.Name, a.Type)
		}
		if !a.Optional && i > 0 && c.Arguments[i-1].Optional {
			r.add(Warning, "argument-optional", "make those after an optional one optional as well",
				"argument %s of command %s follows an optional one", a.Name, c.Name)
		}
	}
}
