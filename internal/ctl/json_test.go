package ctl

import (
	"encoding/json"
	"testing"

	"github.com/kolo/xmlrpc"
)

// FuzzResponse: whatever a server answers, decoding ends in an error or in a
// value that is written as valid JSON.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		`<methodResponse><params><param><value><string>a</string></value></param></params></methodResponse>`,
		`<methodResponse><params><param><value><struct><member><name>a</name><value><array><data><value><int>1</int></value><value><boolean>1</boolean></value></data></array></value></member></struct></value></param></params></methodResponse>`,
		`<methodResponse><fault><value><struct><member><name>faultCode</name><value><int>10</int></value></member></struct></value></fault></methodResponse>`,
		`<value><double>1e300</double></value>`, `<value><double>nan</double></value>`, `<value><nil/></value>`, `<value/>`, `<value>`,
		`<value><dateTime.iso8601>20260102T03:04:05</dateTime.iso8601></value>`,
		`<value><array><data><value></value><value><struct/></value></data></array></value>`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var v any
		if err := decode(xmlrpc.Response(body), &v); err != nil {
			return
		}
		text, err := appendJSON(nil, v)
		if err == nil && !json.Valid(text) {
			t.Errorf("%q is no JSON", text)
		}
	})
}

// FuzzArgument: a word becomes a value that the codec can write, or an error.
func FuzzArgument(f *testing.F) {
	for _, seed := range []string{"", "x", "1", "-0", "1e400", "1.5", `"s"`, `[1,{"a":null}]`, `{"<":[true]}`, "1 2", "99999999999999999999"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, word string) {
		v, err := argument(word)
		if err != nil {
			return
		}
		if _, err := xmlrpc.EncodeMethodCall("m", v); err != nil {
			t.Errorf("cannot encode %#v: %v", v, err)
		}
	})
}
