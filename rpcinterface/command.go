package rpcinterface

// Command is a command of supervisorctl that an extension brings, as data:
// "supervisorctl NAMESPACE NAME ARG..." calls one method of the extension and shows
// the result. No code of the extension runs in supervisorctl.
type Command struct {
	// Name is one word of letters, digits, "-" and "_".
	Name string
	// Help says what it does; its first line is the summary.
	Help string
	// Method is the bare name of the method that is called, with a parameter for
	// each argument. Optional arguments that were not given are left out.
	Method    string
	Arguments []Argument
	// Template is how a line of the result is shown; "" shows it as JSON. An array
	// has a line for each element. "{}" is the value, "{name}" a member of a
	// struct, "{name:20}" the same in at least 20 columns, "{{" a brace.
	Template string
}

// Argument is an argument of a Command.
type Argument struct {
	// Name is what help calls it, one word.
	Name string
	// Type is how the word becomes a value, one of the Argument constants.
	Type string
	// Optional arguments may be left out, and so may those after them.
	Optional bool
}

// The types of arguments.
const (
	ArgumentString  = "string"
	ArgumentInt     = "int"
	ArgumentBoolean = "boolean" // true or false
	ArgumentDouble  = "double"
	// ArgumentJSON is a JSON value where the word is one, else a string.
	ArgumentJSON = "json"
	// ArgumentArray and ArgumentStruct take all the words that are left, as
	// strings or as KEY=VALUE. They come last.
	ArgumentArray  = "array"
	ArgumentStruct = "struct"
)
