package e2e

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/plugvisor/plugvisor/sdk"
)

// verbsArg makes the test binary the plugin of these tests, one that uses all of the
// host.
const verbsArg = "verbs"

//go:embed sdk_host_test.go
var verbsSource []byte

func serveVerbs() {
	sdk.Serve(sdk.Plugin{
		Version: "1",
		Factory: sdk.FactoryOf(func(host sdk.Host, _ sdk.Config) (*verbs, error) { return &verbs{host}, nil }),
		Sources: fstest.MapFS{"verbs.go": {Data: verbsSource}},
		Grants:  strings2grants(allGrants),
	})
}

const allGrants = "processes:read processes:control programs:write logs:read stdin:write log:write events:subscribe events:publish " +
	"rpc:call=supervisor.getPID rpc:call=verbs.whoCalls"

func strings2grants(list string) (out []sdk.Grant) {
	for _, g := range strings.Fields(list) {
		out = append(out, sdk.Grant(g))
	}
	return out
}

type verbs struct{ host sdk.Host }

type place struct {
	Town string
	Room *int
}

// Invite invites guests.
//
// @param array guests     Whom
// @param struct place     Where to
// @param int times        How often, once if it is left out
// @return string          What was done
func (v *verbs) Invite(guests []string, where place, times sdk.Optional[int]) string {
	return fmt.Sprint(guests, where.Town, times.Or(1))
}

// WhoCalls tells by whom it is called.
func (v *verbs) WhoCalls(ctx context.Context) string {
	c := sdk.CallerFrom(ctx)
	return c.User + "@" + c.Server
}

// Run uses each verb once, or more often, and tells what came of it.
func (v *verbs) Run(ctx context.Context) ([]string, error) {
	var out []string
	note := func(verb string, err error, format string, args ...any) {
		text := fmt.Sprintf(format, args...)
		if err != nil {
			text = sdk.AsFault(err).Message
		}
		out = append(out, verb+": "+text)
	}
	h := v.host

	stream, err := h.Subscribe(ctx, []string{"process_state_running", sdk.EventProcessLogStdout, sdk.EventRemoteCommunication}, 0)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	next := func() {
		n, dropped, err := stream.Next(ctx)
		note("Subscribe", err, "%s %s:%s %q %d", n.Event.Name, n.Event.Group, n.Event.Process, lastLine(string(n.Event.Payload)), dropped)
	}
	_, err = h.Subscribe(ctx, []string{"TICKS"}, 0)
	note("Subscribe", err, "")

	state, err := h.State(ctx)
	note("State", err, "%s", state)
	id, err := h.Identification(ctx)
	note("Identification", err, "%s", id)

	note("AddGroup", h.AddGroup(ctx, sdk.GroupInfo{Name: "g", Priority: 7}), "g")
	note("AddGroup", h.AddGroup(ctx, sdk.GroupInfo{Name: "g"}), "")
	note("AddPersistedGroup", h.AddPersistedGroup(ctx, sdk.GroupInfo{Name: "kept", Priority: 8}), "kept")
	groups, err := h.Groups(ctx)
	note("Groups", err, "%v", groups)

	cat := func(more ...sdk.Member) sdk.Struct {
		return append(sdk.Struct{
			{Name: "command", Value: sdk.String("/bin/cat")}, {Name: "autostart", Value: sdk.String("false")},
			{Name: "startsecs", Value: sdk.Int(0)}, {Name: "stdout_events_enabled", Value: sdk.String("true")},
		}, more...)
	}
	note("AddProgram", h.AddProgram(ctx, "g", "p", cat()), "p")
	note("AddProgram", h.AddProgram(ctx, "none", "p", cat()), "")
	several := sdk.Member{Name: "process_name", Value: sdk.String("%(program_name)s_%(process_num)d")}
	note("AddPrograms", h.AddPrograms(ctx, []sdk.NewProgram{
		{Program: "own", Options: cat()}, {Group: "kept", Program: "q", Options: cat(several), Persisted: true},
	}), "own, q")
	info, err := h.Program(ctx, "kept", "q")
	note("Program", err, "%s %v %v", info.Name, info.Processes, info.Persisted)
	added, removed, err := h.SetNumProcs(ctx, "kept", "q", 2)
	note("SetNumProcs", err, "%v %v", added, removed)
	updates, err := h.UpdateProgram(ctx, "kept", "q", sdk.Struct{{Name: "priority", Value: sdk.Int(5)}}, sdk.UpdateNow, true)
	note("UpdateProgram", err, "%v", updates)

	note("StartProcess", h.StartProcess(ctx, "g:p", true), "g:p")
	next()
	note("StartProcess", h.StartProcess(ctx, "g:p", true), "")
	all, err := h.Processes(ctx)
	var names []string
	for _, p := range all {
		names = append(names, p.Namespec()+" "+p.State.String())
	}
	note("Processes", err, "%s", strings.Join(names, ", "))
	one, err := h.Process(ctx, "own")
	note("Process", err, "%s %s", one.Name, one.State)
	_, err = h.Process(ctx, "nobody")
	note("Process", err, "")

	note("WriteStdin", h.WriteStdin(ctx, "g:p", []byte("hello\n")), "g:p")
	next()
	note("WriteStdin", h.WriteStdin(ctx, "own", []byte("hello\n")), "")
	text, err := h.ReadLog(ctx, "g:p", "stdout", 1, 3)
	note("ReadLog", err, "%q", text)
	text, at, overflow, err := h.TailLog(ctx, "g:p", "stdout", 0, 100)
	note("TailLog", err, "%q %d %v", text, at, overflow)
	note("Log", h.Log(ctx, sdk.LevelWarn, "what verbs says"), "WARN")
	text, err = h.ReadLog(ctx, "", "", -21, 0)
	note("ReadLog", err, "%q", lastLine(string(text)))
	note("SignalProcess", h.SignalProcess(ctx, "g:p", "CONT"), "g:p")
	note("SignalProcess", h.SignalProcess(ctx, "g:p", "WHAT"), "")
	note("Publish", h.Publish(ctx, "greeting", "hi"), "greeting")
	next()
	note("StopProcess", h.StopProcess(ctx, "g:p", true), "g:p")
	note("StopProcess", h.StopProcess(ctx, "g:p", true), "")

	sections, err := h.PersistedPrograms(ctx)
	note("PersistedPrograms", err, "%v %v", strings.Contains(sections, "[program:q]"), strings.Contains(sections, "own"))
	note("RemoveProcess", h.RemoveProcess(ctx, "g", "p"), "g:p")
	note("RemoveProgram", h.RemoveProgram(ctx, "kept", "q"), "q")
	note("RemoveProgram", h.RemoveProgram(ctx, "own", "own"), "own")
	note("RemoveGroup", h.RemoveGroup(ctx, "g"), "g")
	note("RemoveGroup", h.RemoveGroup(ctx, "kept"), "kept")
	note("RemoveGroup", h.RemoveGroup(ctx, "kept"), "")
	note("RestorePrograms", h.RestorePrograms(ctx, "/nonexistent/kept.conf", sections), "all")
	groups, err = h.Groups(ctx)
	note("Groups", err, "%v", groups)

	for method, ctx := range map[string]context.Context{"with its token": ctx, "without": context.Background()} {
		who, err := h.Call(ctx, "", "verbs.whoCalls", nil)
		note("Call", err, "%s: %v", method, who)
	}
	_, err = h.Call(ctx, "", "supervisor.shutdown", nil)
	note("Call", err, "")
	slices.Sort(out[len(out)-3:])
	return out, nil
}

func lastLine(text string) string {
	text = strings.TrimSuffix(text, "\n")
	return text[strings.LastIndex(text, "\n")+1:]
}

// Missed publishes more events than are kept, and tells of those that it then
// reads: how many, how many were dropped before the first, and whether the others
// follow each other.
func (v *verbs) Missed(ctx context.Context, n int) ([]int, error) {
	first, err := v.published(ctx, 0, "first")
	if err != nil {
		return nil, err
	}
	for i := range n - 2 {
		if err := v.host.Publish(ctx, "more", fmt.Sprint(i)); err != nil {
			return nil, err
		}
	}
	last, err := v.published(ctx, 0, "last")
	if err != nil {
		return nil, err
	}
	read, dropped, before := 0, uint64(0), last.Sequence-uint64(n)
	for e, err := range sdk.Events(ctx, v.host, first.Sequence, sdk.EventRemoteCommunication) {
		if err != nil {
			return nil, err
		}
		if e.Sequence != before+1+e.Dropped {
			return nil, fmt.Errorf("event %d comes after %d, with %d dropped", e.Sequence, before, e.Dropped)
		}
		before = e.Sequence
		read++
		dropped += e.Dropped
		if e.Sequence == last.Sequence {
			break
		}
	}
	again, err := v.published(ctx, last.Sequence, "")
	if err != nil || again.Sequence != last.Sequence || string(again.Event.Payload) != string(last.Event.Payload) {
		return nil, errors.Join(err, fmt.Errorf("from %d on there is %v", last.Sequence, again))
	}
	return []int{read, int(dropped)}, nil
}

// published gives an event that it publishes, or with a sequence number the one that
// there was.
func (v *verbs) published(ctx context.Context, from uint64, data string) (sdk.SequencedEvent, error) {
	stream, err := v.host.Subscribe(ctx, []string{sdk.EventRemoteCommunication}, from)
	if err != nil {
		return sdk.SequencedEvent{}, err
	}
	defer stream.Close()
	if from == 0 {
		if err := v.host.Publish(ctx, "test", data); err != nil {
			return sdk.SequencedEvent{}, err
		}
	}
	e, _, err := stream.Next(ctx)
	return e, err
}

func verbsSection(t *testing.T, grants string) string {
	t.Helper()
	return fmt.Sprintf("[rpcinterface:verbs]\nsupervisor.rpcinterface_factory = %s %s %s\nplugin.grants = %s\n", self(t), pluginArg, verbsArg, grants)
}

// TestHostVerbs: what a plugin in Go can have the daemon do.
func TestHostVerbs(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, verbsSection(t, allGrants))
	got := answer[[]string](d.site, "verbs.run")
	want := []string{
		"Subscribe: BAD_NAME: TICKS",
		"State: RUNNING",
		"Identification: supervisor",
		"AddGroup: g",
		"AddGroup: ALREADY_ADDED: g",
		"AddPersistedGroup: kept",
		"Groups: [{g 7} {kept 8}]",
		"AddProgram: p",
		"AddProgram: BAD_NAME: group: none",
		"AddPrograms: own, q",
		"Program: q [q_0] true",
		"SetNumProcs: [q_1] []",
		"UpdateProgram: [{q_0 [priority] live } {q_1 [priority] live }]",
		"StartProcess: g:p",
		`Subscribe: PROCESS_STATE_RUNNING g:p "processname:p groupname:g from_state:STARTING pid:N" 0`,
		"StartProcess: ALREADY_STARTED: g:p",
		"Processes: g:p RUNNING, kept:q_0 STOPPED, kept:q_1 STOPPED, own STOPPED",
		"Process: own STOPPED",
		"Process: BAD_NAME: nobody",
		"WriteStdin: g:p",
		`Subscribe: PROCESS_LOG_STDOUT g:p "hello" 0`,
		"WriteStdin: NOT_RUNNING: own",
		`ReadLog: "ell"`,
		`TailLog: "hello\n" 6 false`,
		"Log: WARN",
		`ReadLog: "WARN what verbs says"`,
		"SignalProcess: g:p",
		"SignalProcess: BAD_SIGNAL: WHAT",
		"Publish: greeting",
		`Subscribe: REMOTE_COMMUNICATION : "hi" 0`,
		"StopProcess: g:p",
		"StopProcess: NOT_RUNNING: g:p",
		"PersistedPrograms: true false",
		"RemoveProcess: g:p",
		"RemoveProgram: q",
		"RemoveProgram: own",
		"RemoveGroup: g",
		"RemoveGroup: kept",
		"RemoveGroup: BAD_NAME: kept",
		"RestorePrograms: all",
		"Groups: [{kept 8}]",
		"Call: FAILED: extension 'verbs' lacks the grant rpc:call=supervisor.shutdown ...",
		"Call: with its token: @unix_http_server",
		"Call: without: @plugin:verbs",
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || !matches(want[i], normalPid(got[i])) {
			t.Fatalf("step %d:\n%s\nwant:\n%s", i, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	// A verb that is added to the contract is added here.
	for m := range reflect.TypeFor[sdk.Host]().Methods() {
		if !slices.ContainsFunc(want, func(line string) bool { return strings.HasPrefix(line, m.Name+": ") }) {
			t.Errorf("%s is not tried", m.Name)
		}
	}
	d.wait("WARN what verbs says")
}

func normalPid(text string) string {
	before, rest, ok := strings.Cut(text, "pid:")
	if !ok {
		return text
	}
	return before + "pid:N" + strings.TrimLeft(rest, "0123456789")
}

// TestHostEventsMissed: events that are not kept any more are counted.
func TestHostEventsMissed(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, verbsSection(t, allGrants))
	const n = 6000
	got := answer[[]int](d.site, "verbs.missed", n)
	if len(got) != 2 || got[0]+got[1] != n || got[0] < 1000 || got[1] < 1000 {
		t.Errorf("%v: read and dropped, of %d", got, n)
	}
}

// TestHostWithoutGrants: what a plugin may not do is said with the grant's name, and
// not done.
func TestHostWithoutGrants(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, verbsSection(t, "log:write"))
	const lacking = "30 FAILED: extension 'verbs' lacks the grant events:subscribe (plugin.grants of [rpcinterface:verbs])"
	expect(d.site, lacking, "verbs.run")
	expect(d.site, lacking, "verbs.missed", 2)
}

// TestMethodDocumentation: the comments and names of a Go method reach clients.
func TestMethodDocumentation(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, verbsSection(t, allGrants))
	const help = `invite invites guests.

@param array guests     Whom
@param struct place     Where to
@param int times        How often, once if it is left out
@return string          What was done`
	expect(d.site, help, "system.methodHelp", "verbs.invite")
	expect(d.site, "[string array struct int]", "system.methodSignature", "verbs.invite")
	expect(d.site, "whoCalls tells by whom it is called.", "system.methodHelp", "verbs.whoCalls")
	d.ctlStep("help verbs.invite", 0, "verbs.invite(array, struct, int) -> string\n\n"+help)

	town := map[string]any{"town": "Ulm"}
	expect(d.site, "[a b]Ulm1", "verbs.invite", []string{"a", "b"}, town)
	expect(d.site, "[]Ulm2", "verbs.invite", []string{}, town, 2)
	expect(d.site, "2 INCORRECT_PARAMETERS", "verbs.invite", []string{})
	expect(d.site, "2 INCORRECT_PARAMETERS: guests: element 0: string wanted, not int", "verbs.invite", []int{1}, town)
	expect(d.site, "2 INCORRECT_PARAMETERS: place: room: int wanted, not string", "verbs.invite", []string{}, map[string]any{"town": "Ulm", "room": "x"})
	expect(d.site, "2 INCORRECT_PARAMETERS: place: member town is missing", "verbs.invite", []string{}, map[string]any{})
	expect(d.site, "2 INCORRECT_PARAMETERS: times: int wanted, not string", "verbs.invite", []string{}, town, "2")
}
