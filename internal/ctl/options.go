package ctl

import (
	"fmt"
	"os"
	"strings"

	"github.com/plugvisor/plugvisor/core/config"
	"github.com/plugvisor/plugvisor/core/pytext"
	"github.com/plugvisor/plugvisor/internal/getopt"
)

const helpText = `supervisorctl -- tell a running supervisord what to do.

Usage: %s [options] [action [arguments]]

Options:
-c/--configuration FILENAME -- read the [supervisorctl] section of this file
     (without it the usual places are searched)
-h/--help -- show this text and exit
-i/--interactive -- ask before a shutdown or reload, and for a password that
     the server wants; without an action the shell does so anyway
-s/--serverurl URL -- where supervisord listens, http://HOST:PORT,
     https://HOST:PORT or unix:///PATH (default "http://localhost:9001")
-u/--username USERNAME -- name to authenticate with
-p/--password PASSWORD -- password to authenticate with
-r/--history_file FILENAME -- keep the shell's history in this file

Without an action a shell reads actions, one a line. The action "help" lists
them, "help ACTION" explains one.
`

// options is what the command line and the configuration file say.
type options struct {
	help        bool
	interactive bool
	serverURL   string
	prompt      string
	username    *string
	password    *string
	historyFile string   // "" for none
	config      string   // the configuration file that is named, "" for none
	words       []string // the action and its arguments
}

// shortOptions and longOptions are what the command line takes, for getopt.
const shortOptions = "h?c:is:u:p:r:"

func longOptions() []string {
	return []string{"help", "configuration=", "interactive", "serverurl=", "username=", "password=", "history_file="}
}

// parseOptions reads the command line (without the program's name) and the
// configuration file that it names, or that is found. The command line wins.
// Errors are those of usage, in the reference's words.
func parseOptions(program string, args []string) (*options, error) {
	found, words, err := getopt.Parse(args, shortOptions, longOptions())
	if err != nil {
		return nil, err
	}
	values := map[string]*string{}
	for _, o := range found {
		var key string
		switch o.Name {
		case "-h", "--help", "-?":
			return &options{help: true}, nil
		case "-c", "--configuration":
			key = "configuration"
		case "-i", "--interactive":
			key = "interactive"
		case "-s", "--serverurl":
			if !isURL(o.Value) {
				return nil, fmt.Errorf("invalid value for %s %s: value %[2]s is not a URL", o.Name, pytext.ReprString(o.Value))
			}
			key = "serverurl"
		case "-u", "--username":
			key = "username"
		case "-p", "--password":
			key = "password"
		case "-r", "--history_file":
			key = "history"
		}
		if values[key] != nil {
			return nil, fmt.Errorf("conflicting command line option %s", pytext.ReprString(o.Name))
		}
		values[key] = &o.Value
	}
	file, err := readConfig(program, values["configuration"])
	if err != nil {
		return nil, err
	}
	opts := &options{
		interactive: values["interactive"] != nil || len(words) == 0,
		serverURL:   file.ServerURL,
		prompt:      file.Prompt,
		username:    values["username"],
		password:    values["password"],
		historyFile: file.HistoryFile,
		words:       words,
	}
	if name := values["configuration"]; name != nil {
		opts.config = *name
	}
	if opts.username == nil && file.HasUsername {
		opts.username = &file.Username
	}
	if opts.password == nil && file.HasPassword {
		opts.password = &file.Password
	}
	if u := values["serverurl"]; u != nil {
		opts.serverURL = *u
	}
	if name := values["history"]; name != nil {
		opts.historyFile = *name
	}
	return opts, nil
}

// readConfig reads the client's section of the file named, or of the first that
// exists in the places searched; where there is none, the defaults stand.
func readConfig(program string, name *string) (*config.Client, error) {
	if name != nil {
		return config.LoadClient(*name, config.SystemEnvironment())
	}
	for _, path := range config.SearchPaths(program) {
		if _, err := os.Stat(path); err == nil {
			return config.LoadClient(path, config.SystemEnvironment())
		}
	}
	return config.DefaultClient(), nil
}

// isURL says whether a value has a scheme and something behind it.
func isURL(v string) bool {
	scheme, rest, ok := strings.Cut(v, ":")
	if !ok || scheme == "" || !isLetter(scheme[0]) {
		return false
	}
	for i := range len(scheme) {
		if c := scheme[i]; !isLetter(c) && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	rest = strings.TrimPrefix(rest, "//")
	return rest != "" && rest[0] != '?' && rest[0] != '#'
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
