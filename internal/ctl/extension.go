package ctl

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/kolo/xmlrpc"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

// extensionInfo is the part of extension.getExtensionInfo that the commands show.
// States have the codes of processes' states; DISABLED has that of STOPPED.
type extensionInfo struct {
	Name        string `xmlrpc:"name"`
	Section     string `xmlrpc:"section"`
	File        string `xmlrpc:"file"`
	Factory     string `xmlrpc:"factory"`
	Resolved    string `xmlrpc:"resolved"`
	State       int    `xmlrpc:"state"`
	StateName   string `xmlrpc:"statename"`
	Description string `xmlrpc:"description"`
	Start       int64  `xmlrpc:"start"`
	Since       int64  `xmlrpc:"since"`
	PID         int    `xmlrpc:"pid"`
	Version     string `xmlrpc:"version"`
	Protocol    int    `xmlrpc:"protocol"`

	Restarts      int64  `xmlrpc:"restarts"`
	Calls         int64  `xmlrpc:"calls"`
	Errors        int64  `xmlrpc:"errors"`
	Faults        int64  `xmlrpc:"faults"`
	LastError     string `xmlrpc:"lasterror"`
	LastErrorTime int64  `xmlrpc:"lasterrortime"`
	Memory        int64  `xmlrpc:"memory"` // KiB

	Grants   []string `xmlrpc:"grants"`
	Lacking  []string `xmlrpc:"lacking"`
	Methods  []string `xmlrpc:"methods"`
	Handlers []string `xmlrpc:"handlers"`
	Commands []string `xmlrpc:"commands"`

	Required  bool   `xmlrpc:"required"`
	Enabled   bool   `xmlrpc:"enabled"`
	Exclusive bool   `xmlrpc:"exclusive"`
	User      string `xmlrpc:"user"`
	SHA256    string `xmlrpc:"sha256"`

	CallTimeout float64 `xmlrpc:"calltimeout"` // seconds
	// Limits; 0 is none.
	MaxMemory int64 `xmlrpc:"maxmemory"` // KiB
	MaxCPU    int64 `xmlrpc:"maxcpu"`    // seconds
	MaxFiles  int64 `xmlrpc:"maxfiles"`
}

func extensionCommand() command {
	return command{name: "extension", own: true, verbatim: true, run: extension, complete: completeExtension, help: []string{
		"extension list\t\t\tList the extensions with their states",
		"extension info <name> [...]\tShow all that is known of extensions",
		"extension enable <name> [...]\tStart extensions that are disabled or have failed",
		"extension disable <name> [...]\tStop extensions; their calls fail until they are enabled",
		"extension restart <name> [...]\tReplace extensions' processes; no call is lost",
		"extension check <path> [<arg> ...]\tExamine an extension's executable, without a server;",
		"\t\t\t<path> may be the name of one that is bundled",
		"\t\t\t--section NAME: with that section's keys, user, environment, limits and hash;",
		"\t\t\t--user NAME, --as-root: as whom; --call-methods: call its methods with",
		"\t\t\t64 arguments, which they have to refuse. These come before the path",
		"\t\t\tFor <name>, all stands for every extension. list and info take --json.",
		"\t\t\tAn extension may have commands of its own: help <name> lists them.",
	}}
}

// subcommand is a word behind "extension".
type subcommand struct {
	name string
	json bool
	// named: it takes names of extensions, one at least.
	named bool
	run   func(s *session, words []string) error
}

func extensionSubcommands() []subcommand {
	return []subcommand{
		{name: "list", json: true, run: listExtensions},
		{name: "info", json: true, named: true, run: showExtensions},
		{name: "enable", named: true, run: enableExtensions},
		{name: "disable", named: true, run: disableExtensions},
		{name: "restart", named: true, run: restartExtensions},
		{name: "check", run: checkExtension},
	}
}

func findSubcommand(name string) (subcommand, bool) {
	for _, c := range extensionSubcommands() {
		if c.name == name {
			return c, true
		}
	}
	return subcommand{}, false
}

func extension(s *session, words []string) error {
	if len(words) == 0 {
		s.usage(extensionCommand(), exitInvalidArgs, "Error: extension requires what to do")
		return nil
	}
	c, ok := findSubcommand(words[0])
	if !ok {
		s.usage(extensionCommand(), exitInvalidArgs, "Error: extension does not know "+words[0])
		return nil
	}
	words = words[1:]
	if c.json && slices.Contains(words, jsonFlag) {
		words = slices.DeleteFunc(slices.Clone(words), func(w string) bool { return w == jsonFlag })
		s.json = true
		defer func() { s.json = false }()
	}
	if c.named && len(words) == 0 {
		s.usage(extensionCommand(), exitInvalidArgs, "Error: extension "+c.name+" requires the name of an extension")
		return nil
	}
	return c.run(s, words)
}

// callExtension calls a method of the extension namespace. What the commands cannot
// help is told, with an exit code; done says that it was.
func (s *session) callExtension(result any, method string, args ...any) (done bool, err error) {
	s.stdout.Flush()
	err = s.client.call(s.ctx, result, "extension."+method, args...)
	switch faultCode(err) {
	case rpcinterface.CodeUnknownMethod:
		s.printf("Sorry, supervisord responded but does not know the extension namespace.")
		s.exit = exitUnimplemented
		return true, nil
	case rpcinterface.CodeShutdownState:
		return true, s.refuse("ERROR: supervisor shutting down")
	}
	var f xmlrpc.FaultError
	if err == nil || errors.As(err, &f) {
		return false, err
	}
	return true, s.unreachable(err)
}

func listExtensions(s *session, words []string) error {
	if len(words) > 0 {
		s.usage(extensionCommand(), exitInvalidArgs, "Error: extension list accepts no arguments")
		return nil
	}
	if s.json {
		var rows []row
		if done, err := s.callExtension(&rows, "getAllExtensionInfo"); done || err != nil {
			return err
		}
		return s.printRows(rows)
	}
	var infos []extensionInfo
	if done, err := s.callExtension(&infos, "getAllExtensionInfo"); done || err != nil {
		return err
	}
	width := 30
	for _, x := range infos {
		width = max(width, utf8.RuneCountInString(x.Name))
	}
	for _, x := range infos {
		state := s.paint(stateColor(x.State), oneLine(x.StateName)) + strings.Repeat(" ", max(1, 10-len(x.StateName)))
		s.printf("%s", strings.TrimRight(fmt.Sprintf("%-*s%s%s", width+3, oneLine(x.Name), state, oneLine(x.Description)), " "))
	}
	return nil
}

// showExtensions is "extension info". An unknown name is told of, and the others are
// shown all the same.
func showExtensions(s *session, names []string) error {
	if s.json {
		rows, done, err := namedExtensions[row](s, names, func(r row) string {
			name, _ := r["name"].(string)
			return name
		})
		if done || err != nil {
			return err
		}
		return s.printRows(rows)
	}
	infos, done, err := namedExtensions[extensionInfo](s, names, func(x extensionInfo) string { return x.Name })
	if done || err != nil {
		return err
	}
	for i, x := range infos {
		if i > 0 {
			s.printf("")
		}
		s.showExtension(x)
	}
	return nil
}

// namedExtensions gives the extensions of the names, or all.
func namedExtensions[T any](s *session, names []string, nameOf func(T) string) (found []T, done bool, err error) {
	var all []T
	if done, err := s.callExtension(&all, "getAllExtensionInfo"); done || err != nil {
		return nil, done, err
	}
	if slices.Contains(names, "all") {
		return all, false, nil
	}
	for _, name := range names {
		i := slices.IndexFunc(all, func(x T) bool { return nameOf(x) == name })
		if i < 0 {
			s.refuse("%s: ERROR (no such extension)", name)
			continue
		}
		found = append(found, all[i])
	}
	return found, false, nil
}

// showExtension prints a line for each thing that is known of an extension.
func (s *session) showExtension(x extensionInfo) {
	s.printf("%s", oneLine(x.Name))
	say := func(what, text string) {
		if text != "" {
			s.printf("  %-11s %s", what, text)
		}
	}
	list := func(what string, words []string, none string) {
		if len(words) == 0 {
			say(what, none)
			return
		}
		say(what, oneLine(strings.Join(words, ", ")))
	}
	state := s.paint(stateColor(x.State), oneLine(x.StateName))
	if x.Since != 0 {
		state += " since " + clockTime(x.Since)
	}
	say("state", state)
	say("", oneLine(x.Description))
	say("version", oneLine(x.Version))
	if x.Protocol != 0 {
		say("protocol", fmt.Sprint(x.Protocol))
	}
	if x.PID != 0 {
		say("pid", fmt.Sprint(x.PID))
	}
	if x.Memory != 0 {
		say("memory", fmt.Sprintf("%.1f MiB", float64(x.Memory)/1024))
	}
	say("restarts", fmt.Sprint(x.Restarts))
	say("calls", fmt.Sprintf("%d, of which %d answered a fault and %d failed", x.Calls, x.Faults, x.Errors))
	if x.LastError != "" {
		say("last error", strings.TrimLeft(clockTime(x.LastErrorTime)+" ", " ")+oneLine(x.LastError))
	}
	list("grants", x.Grants, "none")
	list("lacking", x.Lacking, "")
	list("methods", x.Methods, "none")
	list("handlers", x.Handlers, "")
	list("commands", x.Commands, "")
	say("section", oneLine(sectionText(x)))
	say("factory", oneLine(x.Factory))
	if x.Resolved != x.Factory {
		say("executable", oneLine(x.Resolved))
	}
	say("user", oneLine(x.User))
	say("sha256", oneLine(x.SHA256))
	if x.CallTimeout != 0 {
		say("timeout", fmt.Sprintf("%gs for a call", x.CallTimeout))
	}
	list("limits", limitTexts(x), "")
	var traits []string
	for _, t := range []struct {
		text string
		is   bool
	}{{"required", x.Required}, {"enabled", x.Enabled}, {"exclusive", x.Exclusive}} {
		if t.is {
			traits = append(traits, t.text)
		}
	}
	list("configured", traits, "")
}

// limitTexts are the limits that an extension has.
func limitTexts(x extensionInfo) []string {
	var texts []string
	if x.MaxMemory != 0 {
		texts = append(texts, fmt.Sprintf("%.1f MiB of memory", float64(x.MaxMemory)/1024))
	}
	if x.MaxCPU != 0 {
		texts = append(texts, fmt.Sprintf("%ds of processor time", x.MaxCPU))
	}
	if x.MaxFiles != 0 {
		texts = append(texts, fmt.Sprintf("%d descriptors", x.MaxFiles))
	}
	return texts
}

func sectionText(x extensionInfo) string {
	if x.Section == "" {
		return ""
	}
	text := "[" + x.Section + "]"
	if x.File != "" {
		text += " in " + x.File
	}
	return text
}

// clockTime writes a time in seconds since the epoch, "" for 0.
func clockTime(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return time.Unix(seconds, 0).Format("2006-01-02 15:04:05")
}

// extensionChange is what enable, disable and restart have in common.
type extensionChange struct {
	method, done string
	// all says which extensions "all" means.
	all func(x extensionInfo) bool
	// errors are the texts of faults; harmless is one that says that nothing needed
	// doing.
	errors   map[int]string
	harmless int
}

func enableExtensions(s *session, names []string) error {
	return s.changeExtensions(names, extensionChange{
		method: "enableExtension", done: "enabled",
		all: func(x extensionInfo) bool {
			state := rpcinterface.ProcessState(x.State)
			return state != rpcinterface.ProcessRunning && state != rpcinterface.ProcessStarting
		},
		errors:   map[int]string{rpcinterface.CodeAlreadyStarted: "already enabled"},
		harmless: rpcinterface.CodeAlreadyStarted,
	})
}

func disableExtensions(s *session, names []string) error {
	return s.changeExtensions(names, extensionChange{
		method: "disableExtension", done: "disabled",
		all:      isEnabled,
		errors:   map[int]string{rpcinterface.CodeNotRunning: "already disabled"},
		harmless: rpcinterface.CodeNotRunning,
	})
}

func restartExtensions(s *session, names []string) error {
	return s.changeExtensions(names, extensionChange{
		method: "restartExtension", done: "restarted",
		all:    isEnabled,
		errors: map[int]string{rpcinterface.CodeNotRunning: "disabled"},
	})
}

func isEnabled(x extensionInfo) bool {
	return rpcinterface.ProcessState(x.State) != rpcinterface.ProcessStopped
}

func (s *session) changeExtensions(names []string, c extensionChange) error {
	if slices.Contains(names, "all") {
		var infos []extensionInfo
		if done, err := s.callExtension(&infos, "getAllExtensionInfo"); done || err != nil {
			return err
		}
		names = nil
		for _, x := range infos {
			if c.all(x) {
				names = append(names, x.Name)
			}
		}
	}
	for _, name := range names {
		var ok bool
		done, err := s.callExtension(&ok, c.method, name)
		var f xmlrpc.FaultError
		switch {
		case err == nil && done:
			return nil
		case err == nil:
			s.printf("%s: %s", oneLine(name), c.done)
		case errors.As(err, &f):
			s.printf("%s", s.paint(red, oneLine(name)+": ERROR ("+c.errorText(f)+")"))
			s.noteResult(f.Code, c.harmless)
		default:
			return err
		}
	}
	return nil
}

func (c extensionChange) errorText(f xmlrpc.FaultError) string {
	if text, ok := c.errors[f.Code]; ok {
		return text
	}
	if f.Code == rpcinterface.CodeBadName {
		return "no such extension"
	}
	return failureText(f.String)
}

// failureText is what a fault says, without the name of FAILED.
func failureText(text string) string { return oneLine(strings.TrimPrefix(text, "FAILED: ")) }

// completeExtension offers what may be done, and names of extensions.
func completeExtension(s *session, before []string, word string) []string {
	if len(before) == 0 {
		var names []string
		for _, c := range extensionSubcommands() {
			names = append(names, c.name)
		}
		return names
	}
	c, _ := findSubcommand(before[0])
	var names []string
	if c.json && strings.HasPrefix(word, "-") && !slices.Contains(before, jsonFlag) {
		names = append(names, jsonFlag)
	}
	if c.named {
		names = append(names, "all")
		for _, x := range s.knownExtensions() {
			if isWord(x.Name) {
				names = append(names, x.Name)
			}
		}
	}
	return names
}

// completeNamespace offers the commands of an extension.
func completeNamespace(s *session, namespace string) []string {
	var names []string
	for _, x := range s.knownExtensions() {
		if x.Name == namespace {
			names = append(names, slices.DeleteFunc(slices.Clone(x.Commands), func(c string) bool { return !isWord(c) })...)
		}
	}
	return names
}

// namespaceNames gives the extensions that have commands, which a line may begin with.
func namespaceNames(s *session) []string {
	var names []string
	for _, x := range s.knownExtensions() {
		if len(x.Commands) > 0 && isWord(x.Name) && isNamespaceLine(x.Name) {
			names = append(names, x.Name)
		}
	}
	return names
}
