package rpcinterface

import "strings"

// SignatureFromHelp reads a method's signature from the "@return type …" and
// "@param type …" lines of its help text: the type of the result, then those of
// the parameters in order, as system.methodSignature shows them. It is nil where
// the text names no result. A later @return replaces an earlier one, and a tag
// without a type counts with the type "" (supervisor.xmlrpc.gettags).
func SignatureFromHelp(help string) []string {
	signature := []string{""}
	documented := false
	for line := range strings.Lines(help) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		kind := ""
		if len(fields) > 1 {
			kind = fields[1]
		}
		switch fields[0] {
		case "@return":
			signature[0], documented = kind, true
		case "@param":
			signature = append(signature, kind)
		}
	}
	if !documented {
		return nil
	}
	return signature
}
