package ctl

import (
	"slices"

	"github.com/plugvisor/plugvisor/rpcinterface"
)

func updateCommand() command {
	return command{name: "update", json: true, run: update, complete: completeAnyGroups, help: []string{
		"update\t\t\tReload config and add/remove as necessary, and will restart affected programs",
		"update all\t\tReload config and add/remove as necessary, and will restart affected programs",
		"update <gname> [...]\tUpdate specific groups",
	}}
}

// update makes the configuration file's changes, of all groups and extensions or of
// the groups named. An unknown name is an error, and the others are updated all the
// same. Extensions come before the groups whose listeners may need them, and go after.
func update(s *session, names []string) error {
	found, err := s.reloadConfig()
	if faultCode(err) == rpcinterface.CodeShutdownState {
		return s.refuse("ERROR: already shutting down")
	}
	if err != nil {
		return err
	}
	if slices.Contains(names, "all") {
		names = nil
	}
	if err := s.checkGroups(names, found.added); err != nil {
		return err
	}
	u := updater{session: s, names: names}
	var extensions configChanges
	if len(names) == 0 {
		if extensions, err = s.reloadExtensions(); err != nil {
			return err
		}
	}
	err = u.applyExtensions(slices.Concat(extensions.added, extensions.changed))
	if err == nil {
		err = u.run(found)
	}
	if err == nil {
		err = u.applyExtensions(extensions.removed)
	}
	if s.json {
		if jsonErr := s.printRows(u.done); err == nil {
			err = jsonErr
		}
	}
	return err
}

// checkGroups complains about names of groups that are neither active nor new.
func (s *session) checkGroups(names, added []string) error {
	if len(names) == 0 {
		return nil
	}
	var active []processInfo
	if err := s.call(&active, "getAllProcessInfo"); err != nil {
		return err
	}
	for i, name := range names {
		known := slices.Contains(added, name) ||
			slices.ContainsFunc(active, func(p processInfo) bool { return p.Group == name })
		if !known && !slices.Contains(names[:i], name) {
			s.refuse("ERROR: no such group: %s", name)
		}
	}
	return nil
}

// updater does the work of an update.
type updater struct {
	*session
	names []string // the groups that are wanted; none for all
	done  []row    // what was done, for --json
}

func (u *updater) run(found configChanges) error {
	for _, group := range u.wanted(found.removed) {
		failed, err := u.stop(group)
		if err != nil {
			return err
		}
		if failed {
			u.refuse("%s: has problems; not removing", group)
			continue
		}
		if err := u.change("removeProcessGroup", group); err != nil {
			return err
		}
		u.tell(group, "removed", "removed process group")
	}
	for _, group := range u.wanted(found.changed) {
		if _, err := u.stop(group); err != nil {
			return err
		}
		if err := u.change("removeProcessGroup", group); err != nil {
			return err
		}
		if err := u.change("addProcessGroup", group); err != nil {
			return err
		}
		u.tell(group, "updated", "updated process group")
	}
	for _, group := range u.wanted(found.added) {
		if err := u.change("addProcessGroup", group); err != nil {
			return err
		}
		u.tell(group, "added", "added process group")
	}
	return nil
}

func (u *updater) wanted(groups []string) []string {
	if len(u.names) == 0 {
		return groups
	}
	return slices.DeleteFunc(groups, func(g string) bool { return !slices.Contains(u.names, g) })
}

// stop stops a group's processes and says whether one of them failed to.
func (u *updater) stop(group string) (failed bool, err error) {
	var results []result
	if err := u.call(&results, "stopProcessGroup", group); err != nil {
		return false, err
	}
	u.tell(group, "stopped", "stopped")
	return slices.ContainsFunc(results, func(r result) bool { return r.Status == rpcinterface.CodeFailed }), nil
}

func (u *updater) change(method, group string) error {
	var done bool
	return u.call(&done, method, group)
}

func (u *updater) tell(group, change, text string) {
	if u.json {
		u.done = append(u.done, row{"name": group, "change": change})
		return
	}
	u.printf("%s: %s", group, text)
}

// applyExtensions makes the changes of extensions.
func (u *updater) applyExtensions(names []string) error {
	if len(names) == 0 {
		return nil
	}
	u.stdout.Flush()
	var results []struct {
		Name        string `xmlrpc:"name"`
		Action      string `xmlrpc:"action"`
		Status      int    `xmlrpc:"status"`
		Description string `xmlrpc:"description"`
	}
	if err := u.client.call(u.ctx, &results, "extension.applyConfig", names); err != nil {
		return err
	}
	for _, r := range results {
		text := r.Action
		if text == "changed" {
			text = "updated"
		}
		change := row{"name": r.Name, "change": text, "kind": "extension"}
		if r.Status != rpcinterface.CodeSuccess {
			u.exit = exitGeneric
			text = u.paint(red, "ERROR ("+failureText(r.Description)+")")
			change["change"], change["error"] = "failed", r.Description
		}
		if u.json {
			u.done = append(u.done, change)
		} else {
			u.printf("extension %s: %s", oneLine(r.Name), text)
		}
	}
	return nil
}
