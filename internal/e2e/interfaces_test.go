package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestHelp: each method of each namespace, those of extensions included, has a help
// text and a signature, which say the same of its parameters.
func TestHelp(t *testing.T) {
	t.Parallel()
	d := startDaemon(t, twiddler)
	namespaces := map[string]int{}
	for _, method := range answer[[]string](d.site, "system.listMethods") {
		namespace, name, _ := strings.Cut(method, ".")
		namespaces[namespace]++
		help, signature := answer[string](d.site, "system.methodHelp", method), answer[[]string](d.site, "system.methodSignature", method)
		var want []string
		for line := range strings.Lines(help) {
			switch words := strings.Fields(line); {
			case len(words) > 2 && words[0] == "@param":
				want = append(want, words[1])
			case len(words) > 1 && words[0] == "@return":
				want = append([]string{words[1]}, want...)
			}
		}
		if !slices.Equal(signature, want) {
			t.Errorf("%s has the signature %q, and the help text\n%s", method, signature, help)
		}
		if first, _, _ := strings.Cut(strings.TrimSpace(help), "\n"); first == "" || strings.HasPrefix(first, "@") {
			t.Errorf("%s is not explained: %q", method, help)
		}
		if strings.HasPrefix(help, strings.ToUpper(name[:1])+name[1:]) {
			t.Errorf("%s is called by its name in Go: %q", method, help)
		}
	}
	for _, namespace := range []string{"supervisor", "system", "twiddler"} {
		if namespaces[namespace] < 4 {
			t.Errorf("methods of %s: %d", namespace, namespaces[namespace])
		}
	}
}

// TestWaitHoldsNobodyUp: while calls wait for programs that take their time, others are
// answered, also those that end the wait.
func TestWaitHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	const n = 20
	var programs strings.Builder
	for i := range n {
		fmt.Fprintf(&programs, "[program:slow%d]\ncommand=/bin/sleep 100000\nstartsecs=100000\nautostart=false\n", i)
	}
	d := startDaemon(t, programs.String())
	outcomes := make(chan string)
	for i := range n {
		go func() { outcomes <- outcome(d.site, "supervisor.startProcess", fmt.Sprintf("slow%d", i)) }()
	}
	for i := range n {
		d.wait(fmt.Sprintf("spawned: 'slow%d'", i))
	}
	expect(d.site, fmt.Sprint(d.pid), "supervisor.getPID")
	expect(d.site, "60 ALREADY_STARTED: slow0", "supervisor.startProcess", "slow0")
	for i := range n {
		expect(d.site, "true", "supervisor.stopProcess", fmt.Sprintf("slow%d", i))
		name := ""
		if _, err := fmt.Sscanf(<-outcomes, "40 ABNORMAL_TERMINATION: %s", &name); err != nil || name != fmt.Sprintf("slow%d", i) {
			t.Errorf("the start of slow%d ended with %q, %v", i, name, err)
		}
	}
}
