package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/plugvisor/plugvisor/core"
	"github.com/plugvisor/plugvisor/core/supervisorns"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

// Extensions is what the page of extensions shows, and acts on.
type Extensions interface {
	// List tells of all, in the order of the page.
	List() []core.ExtensionInfo
	// Changed gives a channel that is closed at the next change of what List tells,
	// other than of numbers.
	Changed() <-chan struct{}
	// Enable, Disable and Restart return when it is done, or at once without wait.
	Enable(ctx context.Context, name string, wait bool) error
	Disable(ctx context.Context, name string, wait bool) error
	Restart(ctx context.Context, name string, wait bool) error
}

// extensionsView is all that the page shows, and what updates of it say.
type extensionsView struct {
	State      string      `json:"state"`
	Now        int64       `json:"now"` // seconds since the epoch
	Extensions []extension `json:"extensions"`
}

// extension is an entry of the page.
type extension struct {
	Name        string   `json:"name"`
	State       string   `json:"state"`
	Description string   `json:"description"`
	Start       int64    `json:"start,omitempty"` // since when it runs, in seconds since the epoch
	PID         int      `json:"pid,omitempty"`
	Facts       []fact   `json:"facts"`
	Actions     []string `json:"actions"`
}

// fact is something else to know of an extension.
type fact struct {
	Key  string `json:"key"`
	Name string `json:"name"` // as the page calls it
	Text string `json:"text"`
	Long bool   `json:"long,omitempty"` // it has a line of its own
}

// extensions lists them; none where there is no such thing.
func (p *Pages) extensions() []core.ExtensionInfo {
	if p.Extensions == nil {
		return nil
	}
	return p.Extensions.List()
}

// lookAtExtensions reads what the page shows.
func (p *Pages) lookAtExtensions() extensionsView {
	infos := p.extensions()
	v := extensionsView{State: p.state(), Now: time.Now().Unix(), Extensions: make([]extension, len(infos))}
	for i := range infos {
		v.Extensions[i] = makeExtension(&infos[i])
	}
	return v
}

func makeExtension(info *core.ExtensionInfo) extension {
	x := extension{
		Name: info.Name, State: info.State.String(), Description: info.Description,
		Facts: factsOf(info), Actions: extensionActions(info),
	}
	if info.State == core.ExtensionRunning {
		x.Start, x.PID = info.Start, info.PID
	}
	return x
}

// Word is the state as the page writes it.
func (x extension) Word() string { return strings.ToLower(x.State) }

// Buttons are the actions on the extension.
func (x extension) Buttons() []button {
	buttons := make([]button, len(x.Actions))
	for i, action := range x.Actions {
		buttons[i] = button{Action: action, Label: labels[action], Name: x.Name}
	}
	return buttons
}

// factsOf are the facts that there are, in the order of the page.
func factsOf(info *core.ExtensionInfo) []fact {
	facts := []fact{}
	add := func(key, name, text string) {
		if text != "" {
			facts = append(facts, fact{Key: key, Name: name, Text: text})
		}
	}
	long := func(key, name, text string) {
		if text != "" {
			facts = append(facts, fact{key, name, text, true})
		}
	}
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	add("version", "Version", info.Version)
	add("protocol", "Protocol", number(int64(info.Protocol)))
	add("pid", "PID", number(int64(info.PID)))
	if info.Memory != 0 {
		add("memory", "Memory", fmt.Sprintf("%.1f MiB", float64(info.Memory)/1024))
	}
	add("restarts", "Restarts", strconv.FormatUint(info.Restarts, 10))
	add("calls", "Calls", strconv.FormatUint(info.Calls, 10))
	add("faults", "Faults", strconv.FormatUint(info.Faults, 10))
	add("errors", "Errors", strconv.FormatUint(info.Errors, 10))
	if info.LastError != "" {
		when := ""
		if info.LastErrorTime != 0 {
			when = time.Unix(info.LastErrorTime, 0).Format(time.DateTime) + " "
		}
		long("lasterror", "Last error", when+info.LastError)
	}
	grants := strings.Join(info.Grants, ", ")
	if grants == "" {
		grants = "none"
	}
	long("grants", "Grants", grants)
	long("lacking", "Lacking", strings.Join(info.Lacking, ", "))
	long("methods", "Methods", strings.Join(info.Methods, ", "))
	long("handlers", "Result handlers", strings.Join(info.Handlers, ", "))
	long("commands", "Commands", strings.Join(info.Commands, ", "))
	long("factory", "Factory", info.Factory)
	if info.Resolved != info.Factory {
		long("resolved", "Which is", info.Resolved)
	}
	long("user", "User", info.User)
	long("sha256", "SHA-256", info.SHA256)
	return facts
}

// The actions by state. One that has failed for good is started again by a restart.
// What runs for result handlers alone, beside the sections, is nobody's to operate.
func extensionActions(info *core.ExtensionInfo) []string {
	if info.Section != "rpcinterface:"+info.Name {
		return []string{}
	}
	switch info.State {
	case core.ExtensionRunning, core.ExtensionBackoff, core.ExtensionFatal:
		return []string{"restartextension", "disableextension"}
	case core.ExtensionStarting:
		return []string{"disableextension"}
	case core.ExtensionDisabled:
		return []string{"enableextension"}
	}
	return []string{}
}

// extensionsPage is what the template of the page is given.
type extensionsPage struct {
	extensionsView
	Identification string
	Version        string
	Message        string
}

// Blank is an entry that scripts fill in.
func (extensionsPage) Blank() extension { return extension{} }

// serveExtensions serves the page of extensions. Its actions are done by index.html.
func (h *handler) serveExtensions(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err != nil {
		refuseForm(w, err)
		return
	}
	h.render(w, "extensions", extensionsPage{
		extensionsView: h.lookAtExtensions(),
		Identification: h.Supervisor.Identification(),
		Version:        supervisorns.Version,
		Message:        f["message"],
	})
}

func (c caller) enableExtension(name string) outcome {
	return c.changeExtension(name, "enabled", c.extensions.Enable)
}

func (c caller) disableExtension(name string) outcome {
	return c.changeExtension(name, "disabled", c.extensions.Disable)
}

func (c caller) restartExtension(name string) outcome {
	return c.changeExtension(name, "restarted", c.extensions.Restart)
}

func (c caller) changeExtension(name, word string, change func(context.Context, string, bool) error) outcome {
	fault := rpcinterface.AsFault(change(c.ctx, name, true))
	if fault == nil {
		return done("Extension " + name + " " + word)
	}
	why := strings.TrimPrefix(fault.Message, "FAILED: ")
	switch fault.Code {
	case rpcinterface.CodeBadName:
		return failed("No such extension named " + name)
	case rpcinterface.CodeAlreadyStarted:
		why = "already enabled"
	case rpcinterface.CodeNotRunning:
		why = "it is disabled"
	}
	return failed("ERROR: Extension " + name + ": " + why)
}
