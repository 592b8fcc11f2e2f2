package getopt

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/plugvisor/plugvisor/internal/pythontest"
)

const short = "hc:n?:é"

var long = []string{"help", "configuration=", "nodaemon", "nocleanup", "user=", "usergroup"}

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		args []string
		opts []Opt
		rest []string
		err  string
	}{
		{[]string{"-nc", "f", "start", "-n"}, []Opt{{"-n", ""}, {"-c", "f"}}, []string{"start", "-n"}, ""},
		{[]string{"-cf", "--", "-n"}, []Opt{{"-c", "f"}}, []string{"-n"}, ""},
		{[]string{"--conf=f", "--user", "u", "-"}, []Opt{{"--configuration", "f"}, {"--user", "u"}}, []string{"-"}, ""},
		{[]string{"-x"}, nil, nil, "option -x not recognized"},
		{[]string{"-c"}, nil, nil, "option -c requires argument"},
		{[]string{"--foo"}, nil, nil, "option --foo not recognized"},
		{[]string{"--conf"}, nil, nil, "option --configuration requires argument"},
		{[]string{"--n"}, nil, nil, "option --n not a unique prefix"},
		{[]string{"--help=x"}, nil, nil, "option --help must not have an argument"},
	} {
		opts, rest, err := Parse(tc.args, short, long)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != tc.err || err == nil && (!reflect.DeepEqual(opts, tc.opts) || !reflect.DeepEqual(rest, tc.rest)) {
			t.Errorf("Parse(%q) = %v, %v, %v", tc.args, opts, rest, err)
		}
	}
}

const driver = `
import getopt, json, sys
doc = json.load(sys.stdin)
out = []
for args in doc['cases']:
    try:
        opts, rest = getopt.getopt(args, doc['short'], doc['long'])
        out.append({'opts': [{'Name': n, 'Value': v} for n, v in opts], 'rest': rest, 'err': ''})
    except getopt.error as e:
        out.append({'err': str(e)})
json.dump(out, sys.stdout)
`

func TestAgainstPython(t *testing.T) {
	words := []string{"-", "--", "-h", "-c", "-n", "-nh", "-nhcx", "-?", "-?v", "-:", "-x", "-é", "-é?", "-ñ", "--help", "--he", "--h", "--n", "--no", "--nodaemon", "--user", "--use", "--user=",
		"--user=a=b", "--usergroup", "--usergroup=x", "--conf", "--conf=f", "--configuration", "--=", "--=x", "--zzz", "--help=1", "word", "", "a b"}
	rng := rand.New(rand.NewPCG(3, 4))
	var cases [][]string
	for range 5000 {
		args := []string{}
		for range rng.IntN(5) {
			args = append(args, words[rng.IntN(len(words))])
		}
		cases = append(cases, args)
	}
	type result struct {
		Opts []Opt
		Rest []string
		Err  string
	}
	var want []result
	pythontest.Run(t, driver, map[string]any{"cases": cases, "short": short, "long": long}, &want)
	for i, args := range cases {
		opts, rest, err := Parse(args, short, long)
		got := result{opts, rest, ""}
		if err != nil {
			got = result{Err: err.Error()}
		}
		if len(got.Opts)+len(want[i].Opts) == 0 {
			got.Opts, want[i].Opts = nil, nil
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("Parse(%q) = %+v, Python has %+v", args, got, want[i])
		}
	}
}
