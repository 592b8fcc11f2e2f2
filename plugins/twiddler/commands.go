package twiddler

import "github.com/plugvisor/plugvisor/sdk"

// commands are those of "supervisorctl twiddler …".
func commands() []sdk.Command {
	group := sdk.Argument{Name: "group", Type: sdk.ArgumentString}
	program := sdk.Argument{Name: "program", Type: sdk.ArgumentString}
	name := sdk.Argument{Name: "name", Type: sdk.ArgumentString}
	options := sdk.Argument{Name: "options", Type: sdk.ArgumentStruct}
	stop := sdk.Argument{Name: "stop", Type: sdk.ArgumentBoolean, Optional: true}
	const update = "{name:20} {how:10} {changed} {reason}"
	return []sdk.Command{
		{Name: "add", Method: "addProgram", Arguments: []sdk.Argument{name, options},
			Help: "Add a program in a group of its own"},
		{Name: "add-to", Method: "addProgramToGroup", Arguments: []sdk.Argument{group, name, options},
			Help: "Add a program to a group"},
		{Name: "remove", Method: "removeProgram", Arguments: []sdk.Argument{group, program, stop},
			Help: "Remove a program with all of its processes; with true they are stopped first"},
		{Name: "add-group", Method: "addGroup", Arguments: []sdk.Argument{name, optional(options)},
			Help: "Add an empty group; priority=N is its one option"},
		{Name: "remove-group", Method: "removeGroup", Arguments: []sdk.Argument{name},
			Help: "Remove a group whose processes have stopped"},
		{Name: "scale", Method: "setNumProcs",
			Arguments: []sdk.Argument{group, program, {Name: "numprocs", Type: sdk.ArgumentInt}},
			Help:      "Change how many processes a program has", Template: "added {added}, removed {removed}"},
		{Name: "update", Method: "updateProgram", Arguments: []sdk.Argument{group, program, options},
			Help: "Change options of a program now", Template: update},
		{Name: "change", Method: "updateProgram",
			Arguments: []sdk.Argument{group, program, {Name: "options", Type: sdk.ArgumentJSON},
				{Name: "strategy", Type: sdk.ArgumentString, Optional: true},
				{Name: "dry-run", Type: sdk.ArgumentBoolean, Optional: true}},
			Help:     "Change options of a program, a JSON object, by a strategy: now, rolling or next",
			Template: update},
		{Name: "options", Method: "getProgramOptions", Arguments: []sdk.Argument{group, program},
			Help: "Show the options of a program"},
		{Name: "changes", Method: "getChanges", Help: "Show what was changed at run time, by whom and when",
			Template: "{time:12} {user:12} {action:24} {group} {program} {detail}"},
	}
}

func optional(a sdk.Argument) sdk.Argument {
	a.Optional = true
	return a
}
