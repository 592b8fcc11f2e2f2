package check

import (
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/rpcinterface"
	"github.com/plugvisor/plugvisor/rpcinterface/wire"
	"github.com/plugvisor/plugvisor/sdk"
)

// The methods that a plugin may offer to be examined further.
const (
	methodEcho  = "checkEcho"
	methodFault = "checkFault"
	methodError = "checkError"
	methodWait  = "checkWait"
	methodRelay = "checkRelay"
)

// unknown is a name that nothing has.
const unknown = "plugvisorCheckUnknown"

// tooMany is how many arguments no method has.
const tooMany = 64

// Options say what a plugin is examined with.
type Options struct {
	// Config is the section. Without a name it is called "check".
	Config rpcinterface.Config
	// StartTimeout is how long a start may take, 0 for 30 s.
	StartTimeout time.Duration
	// CallTimeout is how long a call may take, 0 for 10 s. A section may have
	// longer ones: nothing here takes long.
	CallTimeout time.Duration
	// EndTimeout is how long Shutdown, and the end that was asked for, may take, 0
	// for 2 s, which is what a supervisor waits.
	EndTimeout time.Duration
	// CallMethods: each of the plugin's own methods that has a signature is called with
	// 64 arguments, which it has to refuse. One that does not runs, whatever it
	// does: this is for tests.
	CallMethods bool
}

// examination is one Run.
type examination struct {
	*Report
	launcher Launcher
	opts     Options
	host     *host
}

// Run examines a plugin. It ends early, with what it has, where ctx ends.
func Run(ctx context.Context, l Launcher, opts Options) *Report {
	if opts.Config.Name == "" {
		opts.Config.Name = "check"
	}
	for _, d := range []struct {
		of  *time.Duration
		def time.Duration
	}{{&opts.StartTimeout, 30 * time.Second}, {&opts.CallTimeout, 10 * time.Second}, {&opts.EndTimeout, 2 * time.Second}} {
		if *d.of == 0 {
			*d.of = d.def
		}
	}
	x := &examination{Report: new(Report), launcher: l, opts: opts, host: new(host)}
	if !x.working(ctx) {
		return x.Report
	}
	x.refusing(ctx)
	x.leaving(ctx, "lifeline", "read standard input in the background, and exit at its end",
		"when its standard input ends", Process.CloseInput)
	x.leaving(ctx, "sigterm", "leave SIGTERM its default effect", "on SIGTERM", Process.Terminate)
	if ctx.Err() != nil {
		x.add(Warning, "interrupted", "", "the examination was interrupted")
	}
	return x.Report
}

// begin starts an instance. Where that fails there is a finding, and no instance.
func (x *examination) begin(ctx context.Context) (*instance, bool) {
	i, err := start(ctx, x.launcher, x.opts.StartTimeout)
	if err == nil {
		return i, true
	}
	i.end()
	if i.process == nil {
		x.add(Error, "start", "", "it cannot be started: %v", err)
		return nil, false
	}
	text, line := strings.Join(strings.Fields(err.Error()), " "), i.first.String()
	remedy := "write the line of the handshake first, see docs/protocol.md"
	switch {
	case !i.early.Load() && line == "":
		text = fmt.Sprintf("it did not write a line within %v", x.opts.StartTimeout)
	case line == "":
		text = "it ended before it wrote a line: " + i.process.Wait()
	case !strings.HasPrefix(line, "1|"):
		text = fmt.Sprintf("its first line is %q", line)
		remedy = "write nothing to standard output before the handshake"
	}
	if said := i.errors.String(); said != "" {
		text += "; it wrote: " + said
	}
	x.add(Error, "handshake", remedy, "it did not connect: %s", text)
	return nil, false
}

func (x *examination) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, x.opts.CallTimeout)
}

// call calls a method, as a client would.
func (x *examination) call(ctx context.Context, i *instance, method string, params ...sdk.Value) (sdk.Value, error) {
	ctx, cancel := x.limit(ctx)
	defer cancel()
	return i.plugin.Call(ctx, &rpcinterface.Call{Method: method, Params: params, State: sdk.SupervisorRunning, Token: method + "/token"})
}

// unanswered says whether an error is that of a call that was not answered.
func unanswered(err error) bool {
	_, ok := errors.AsType[*wire.TransportError](err)
	return ok
}

// working examines a plugin that is used as it should be. It says whether the plugin
// can be loaded.
func (x *examination) working(ctx context.Context) bool {
	i, ok := x.begin(ctx)
	if !ok {
		return false
	}
	defer i.end()
	if err := i.protocol.Ping(); err != nil {
		x.add(Warning, "health", "serve grpc.health.v1.Health, with the service plugin as SERVING", "it does not tell its health: %v", err)
	}
	// A supervisor would not do this.
	if _, err := x.call(ctx, i, unknown); err == nil || unanswered(err) {
		x.add(Error, "call-before-configure", "answer a fault", "a call before Configure is not answered with a fault (%v)", err)
	}
	limited, cancel := x.limit(ctx)
	defer cancel()
	d, err := i.plugin.Describe(limited)
	if err != nil {
		x.add(Error, "describe", "", "it does not describe itself: %v", err)
		return false
	}
	x.Description, x.Described = d, true
	x.describe(d)
	limited, cancel = x.limit(ctx)
	defer cancel()
	if err := i.plugin.Configure(limited, x.opts.Config, x.host); err != nil {
		x.add(Error, "configure", "give it the section that it wants", "it refuses its section: %v", err)
		return false
	}
	x.Loads = true
	x.methods(ctx, i)
	x.handlers(ctx, i)
	x.offered(ctx, i)
	x.grants()
	x.shutdown(ctx, i)
	return true
}

// methods examines what any method has to refuse. A method may run all the same, so
// that only those are called that are there for it, and others where that is wanted
// and a signature tells that they do not take so many.
func (x *examination) methods(ctx context.Context, i *instance) {
	x.refused(ctx, i, "unknown-method", unknown, sdk.CodeUnknownMethod)
	many := slices.Repeat([]sdk.Value{sdk.Nil{}}, tooMany)
	var left []string
	for _, m := range x.Description.Methods {
		if offered(m.Name) || x.opts.CallMethods && len(m.Signature) > 0 && len(m.Signature) <= tooMany {
			x.refused(ctx, i, "argument-count", m.Name, sdk.CodeIncorrectParameters, many...)
		} else {
			left = append(left, m.Name)
		}
	}
	if len(left) > 0 {
		x.add(Note, "argument-count-unchecked", "", "not checked: whether a wrong number of arguments is refused by %s", strings.Join(left, ", "))
	}
}

// offered says whether a method is there to be examined.
func offered(method string) bool {
	switch method {
	case methodEcho, methodFault, methodError, methodWait, methodRelay:
		return true
	}
	return false
}

// refused makes a call that has to be answered with a fault of the code.
func (x *examination) refused(ctx context.Context, i *instance, id, method string, code int, params ...sdk.Value) {
	what := fmt.Sprintf("a call of %s", method)
	if len(params) > 0 {
		what += fmt.Sprintf(" with %d arguments", len(params))
	}
	_, err := x.call(ctx, i, method, params...)
	remedy := fmt.Sprintf("answer the fault %d %s", code, sdk.NewFault(code).Message)
	switch fault := sdk.AsFault(err); {
	case err == nil:
		x.add(Error, id, remedy, "%s is answered with a result", what)
	case unanswered(err):
		x.add(Error, id, remedy, "%s is not answered: %v", what, err)
	case fault.Code != code:
		x.add(Error, id, remedy, "%s is answered with the fault %d %s", what, fault.Code, fault.Message)
	}
}

// handlers examines the result handlers.
func (x *examination) handlers(ctx context.Context, i *instance) {
	event := sdk.Event{Name: sdk.EventRemoteCommunication, Payload: []byte("type:check\n")}
	for _, h := range append(slices.Clone(x.Description.ResultHandlers), unknown) {
		limited, cancel := x.limit(ctx)
		accepted, err := i.plugin.HandleResult(limited, h, event, []byte("OK"))
		cancel()
		switch {
		case unanswered(err):
			x.add(Error, "handler", "", "result handler %s does not answer: %v", h, err)
		case h == unknown && accepted:
			x.add(Error, "handler-unknown", "answer a fault", "a result handler that it does not have accepts a result")
		case h != unknown && err != nil:
			x.add(Warning, "handler-fault", "judge the result", "result handler %s answers %v to the result OK", h, err)
		}
	}
}

// offered examines what only a plugin that offers the methods for it can show.
func (x *examination) offered(ctx context.Context, i *instance) {
	for _, o := range []struct {
		method, what string
		examine      func(context.Context, *instance)
	}{
		{methodEcho, "values of every type", x.echo},
		{methodFault, "faults of its own", x.fault},
		{methodError, "errors", x.failure},
		{methodRelay, "calls of the host", x.relay},
		{methodWait, "a slow call that is cancelled", x.wait},
	} {
		if slices.ContainsFunc(x.Description.Methods, func(m sdk.Method) bool { return m.Name == o.method }) {
			o.examine(ctx, i)
		} else {
			x.add(Note, o.method, "", "not checked: %s; it has no method %s", o.what, o.method)
		}
	}
}

// samples are values of every type, with what is easily lost of them.
func samples() []sdk.Value {
	deep := sdk.Value(sdk.Nil{})
	for range wire.MaxDepth {
		deep = sdk.Array{deep}
	}
	return []sdk.Value{
		sdk.Nil{}, sdk.Int(0), sdk.Int(-1), sdk.Int(math.MaxInt64), sdk.Int(math.MinInt64), sdk.Bool(true), sdk.Bool(false),
		sdk.String(""), sdk.String("é \x00\n<&>\U0001F600"), sdk.Double(2.5), sdk.Double(2), sdk.Double(-1e300), sdk.Double(math.Inf(1)),
		sdk.Bytes{}, sdk.Bytes{0, 255, '\n'}, sdk.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), sdk.Time(time.Date(1900, 12, 31, 23, 59, 59, 0, time.UTC)),
		sdk.Array{}, sdk.Array{sdk.Int(1), sdk.Nil{}, sdk.Array{sdk.String("x")}},
		sdk.Struct{}, sdk.Struct{{Name: "z", Value: sdk.Int(1)}, {Name: "", Value: sdk.Bool(true)}, {Name: "a", Value: sdk.Array{}}},
		deep, sdk.String(strings.Repeat("x", 5<<20)),
	}
}

func (x *examination) echo(ctx context.Context, i *instance) {
	for _, v := range samples() {
		got, err := x.call(ctx, i, methodEcho, v)
		if err != nil {
			x.add(Error, "value", "see Values and Limits in docs/protocol.md", "%s of %s is answered with %v", methodEcho, brief(v), err)
		} else if !reflect.DeepEqual(got, v) {
			x.add(Error, "value", "see Values in docs/protocol.md", "%s of %s is answered with %s", methodEcho, brief(v), brief(got))
		}
	}
}

// brief writes a value, not all of it where it is long.
func brief(v sdk.Value) string {
	text := fmt.Sprintf("%s %v", rpcinterface.KindOf(v), v)
	if t, ok := v.(sdk.Time); ok {
		text = fmt.Sprintf("%s %s", v.Kind(), time.Time(t).Format(time.DateTime))
	}
	if len(text) > 80 {
		text = strings.ToValidUTF8(text[:80], "") + "…"
	}
	return text
}

func (x *examination) fault(ctx context.Context, i *instance) {
	for _, want := range []sdk.Fault{{Code: 777, Message: "MINE: é"}, {Code: -5, Message: ""}, {Code: sdk.CodeBadName, Message: "BAD_NAME: x"}} {
		_, err := x.call(ctx, i, methodFault, sdk.Int(want.Code), sdk.String(want.Message))
		if got := sdk.AsFault(err); got == nil || *got != want {
			x.add(Error, "fault", "let a fault keep code and text", "the fault %d %q of %s arrives as %v", want.Code, want.Message, methodFault, describeFault(got))
		}
	}
}

func describeFault(f *sdk.Fault) string {
	if f == nil {
		return "a result"
	}
	return fmt.Sprintf("%d %q", f.Code, f.Message)
}

func (x *examination) failure(ctx context.Context, i *instance) {
	want := sdk.Fault{Code: sdk.CodeFailed, Message: "FAILED: it broke"}
	_, err := x.call(ctx, i, methodError, sdk.String("it broke"))
	if got := sdk.AsFault(err); got == nil || *got != want {
		x.add(Error, "error", "make an error the fault 30 FAILED, with its text", "the error \"it broke\" of %s arrives as %s", methodError, describeFault(got))
	}
}

// relay has the plugin call the host while the host calls it.
func (x *examination) relay(ctx context.Context, i *instance) {
	params := sdk.Array{sdk.Int(1), sdk.String("é"), sdk.Struct{{Name: "a", Value: sdk.Nil{}}}}
	got, err := x.call(ctx, i, methodRelay, sdk.String(relayed), params)
	remedy := "call Host.Call with the method and the parameters that it is given, and answer the result"
	if err != nil || !reflect.DeepEqual(got, sdk.Value(params)) {
		x.add(Error, "host-call", remedy, "%s(%q, %s) is answered with %s, %v", methodRelay, relayed, brief(params), brief(got), err)
		return
	}
	x.host.mu.Lock()
	tokens := x.host.tokens
	x.host.mu.Unlock()
	if token := methodRelay + "/token"; !slices.Equal(tokens, []string{token}) {
		x.add(Error, "host-token", "hand the token of the call that is served to Host.Call", "%s calls the host with the tokens %q", methodRelay, tokens)
	}
	_, err = x.call(ctx, i, methodRelay, sdk.String("check.unknown"), sdk.Array{})
	if got := sdk.AsFault(err); got == nil || got.Code != sdk.CodeUnknownMethod {
		x.add(Error, "host-fault", "answer a fault of the host as it is", "a fault of the host arrives as %s", describeFault(got))
	}
}

// wait lets many slow calls run, makes another meanwhile, and cancels them.
func (x *examination) wait(ctx context.Context, i *instance) {
	const many = 20
	waiting, cancel := context.WithTimeout(ctx, 2*x.opts.CallTimeout) // longer than the other call
	defer cancel()
	answers := make(chan error, many)
	for range many {
		go func() {
			_, err := i.plugin.Call(waiting, &rpcinterface.Call{Method: methodWait, State: sdk.SupervisorRunning})
			answers <- err
		}()
	}
	// The first may overtake those that are to wait.
	for range many {
		if _, err := x.call(ctx, i, unknown); unanswered(err) {
			x.add(Error, "concurrency", "serve calls at the same time", "a call is not answered while %d others of %s run: %v", many, methodWait, err)
			break
		}
	}
	select {
	case err := <-answers:
		x.add(Error, "wait", "wait until the call is cancelled", "%s does not wait (%v)", methodWait, err)
		return
	default:
	}
	cancel()
	for range many {
		<-answers
	}
	if _, err := x.call(ctx, i, unknown); unanswered(err) {
		x.add(Error, "cancel", "end a call that is cancelled", "after %d calls of %s were cancelled it does not answer: %v", many, methodWait, err)
	}
}

// grants tells of verbs that were called without their grants having been asked for.
func (x *examination) grants() {
	for _, g := range x.host.asked() {
		method, calls := strings.CutPrefix(string(g), sdk.GrantCallPrefix)
		if slices.Contains(x.Description.Grants, g) || calls && (method == "check.unknown" || rpcinterface.Grants(x.Description.Grants).MayCall(method)) {
			continue
		}
		x.add(Warning, "grant-not-asked", "describe it with the grants that it needs", "it uses %s, and does not ask for it", g)
	}
}

// shutdown ends an instance as a supervisor does, but more gently.
func (x *examination) shutdown(ctx context.Context, i *instance) {
	limited, cancel := context.WithTimeout(ctx, x.opts.EndTimeout)
	defer cancel()
	if err := i.plugin.Shutdown(limited); err != nil {
		x.add(Error, "shutdown", "close what is open, and answer", "Shutdown fails: %v", err)
	}
	i.client.Kill()
	if i.killed.Load() {
		x.add(Warning, "controller", "exit on GRPCController.Shutdown", "it does not end when it is told to")
	}
	if noise := i.noise.String(); noise != "" {
		x.add(Warning, "stdout", "write to standard error", "it writes to standard output after the handshake: %s", noise)
	}
}

// refusing hands it a section with a key that it cannot know.
func (x *examination) refusing(ctx context.Context) {
	i, ok := x.begin(ctx)
	if !ok {
		return
	}
	defer i.end()
	limited, cancel := x.limit(ctx)
	defer cancel()
	cfg := x.opts.Config
	cfg.Options = append(slices.Clone(cfg.Options), rpcinterface.Option{Name: unknown, Value: "1"})
	switch err := i.plugin.Configure(limited, cfg, x.host); {
	case err == nil:
		x.add(Warning, "unknown-key", "refuse keys that it does not know: a key that is mistyped should not go unnoticed",
			"it accepts a section with the key %s", unknown)
	case unanswered(err):
		x.add(Error, "unknown-key", "answer a fault", "Configure with an unknown key is not answered: %v", err)
	}
}

// leaving gives an instance a reason to end.
func (x *examination) leaving(ctx context.Context, id, remedy, when string, reason func(Process) error) {
	i, ok := x.begin(ctx)
	if !ok {
		return
	}
	defer i.end()
	if err := reason(i.process); err != nil {
		x.add(Note, id, "", "not checked: whether it ends %s: %v", when, err)
	} else if !i.awaitEnd(x.opts.EndTimeout) {
		x.add(Error, id, remedy, "it does not end %s", when)
	}
}
