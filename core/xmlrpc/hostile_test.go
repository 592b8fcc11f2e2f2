package xmlrpc_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/plugvisor/plugvisor/core/xmlrpc"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

func repeat(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i))
	}
	return b.String()
}

// What expat would take, and nobody but an attacker sends, is refused.
func TestDecodeCallRefuses(t *testing.T) {
	same := func(s string) func(int) string { return func(int) string { return s } }
	for name, doc := range map[string]string{
		"deep nesting":               repeat(100_000, same("<a>")),
		"deep arrays":                repeat(100_000, same("<array><data><value>")),
		"many attributes":            "<a " + repeat(100_000, func(i int) string { return fmt.Sprintf("a%d='' ", i) }) + "/>",
		"many namespaces":            repeat(100, func(i int) string { return fmt.Sprintf("<a xmlns:p%d='u'>", i) }),
		"nested entities":            `<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;">]><a><methodName>&b;</methodName></a>`,
		"nested by number":           `<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&#38;a;">]><a><methodName>&b;</methodName></a>`,
		"markup in entities":         `<!DOCTYPE a [<!ENTITY a "<methodName>m</methodName>">]><a>&a;</a>`,
		"parameter entities":         `<!DOCTYPE a [<!ENTITY % a "x"> %a;]><a><methodName>m</methodName></a>`,
		"external entities":          `<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><a><methodName>&a;</methodName></a>`,
		"other declarations":         `<!DOCTYPE a [<!ATTLIST a b CDATA "c">]><a><methodName>m</methodName></a>`,
		"expansion without an end":   `<!DOCTYPE a [<!ENTITY a "` + strings.Repeat("x", 1<<16) + `">]><a><methodName>` + strings.Repeat("&a;", 1<<16) + `</methodName></a>`,
		"expansion in attributes":    `<!DOCTYPE a [<!ENTITY a "` + strings.Repeat("x", 1<<16) + `">]><a b='` + strings.Repeat("&a;", 1<<16) + `'/>`,
		"an integer of many digits":  document("<int>" + strings.Repeat("9", 5000) + "</int>"),
		"UTF-16":                     "\xff\xfe<\x00a\x00/\x00>\x00",
		"bytes that are not UTF-8":   "<a><methodName>m\xff</methodName></a>",
		"a surrogate":                "<a><methodName>m\xed\xa0\x80</methodName></a>",
		"base64 that is not text":    document("<base64>//79</base64>"),
		"comment without an end":     "<a><!-- " + strings.Repeat("- ", 1000),
		"reference without an end":   "<a>&" + strings.Repeat("a", 1000) + "</a>",
		"instruction without an end": "<a><?x " + strings.Repeat("?", 1000),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := xmlrpc.DecodeCall([]byte(doc)); err == nil || errors.Is(err, xmlrpc.ErrNoMethod) {
				t.Errorf("DecodeCall: %v, want a refusal", err)
			}
		})
	}
}

// Documents that are large in one way stay cheap: nothing is quadratic.
func TestDecodeCallLarge(t *testing.T) {
	const n = 100_000
	for name, doc := range map[string]string{
		"nesting within the limit": "<a><methodName>m</methodName>" + strings.Repeat("<b>", 500) + strings.Repeat("</b>", 500) + "</a>",
		"many children":            document("<array><data>" + strings.Repeat("<a/>", n) + "</data></array>"),
		"many members": document("<struct>" + repeat(n, func(i int) string {
			return fmt.Sprintf("<member><name>%d</name><value/></member>", i)
		}) + "</struct>"),
		"many pieces of text": document(strings.Repeat("a<!---->", n)),
		"many references":     document(strings.Repeat("&amp;", n)),
		"many attributes":     "<a><methodName>m</methodName>" + strings.Repeat("<b a='' b='' c='' d='' e=''/>", n) + "</a>",
		"many returns":        document(strings.Repeat("\r", n)),
		"an integer of 4300":  document("<int>" + strings.Repeat("9", 4300) + "</int>"),
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := xmlrpc.DecodeCall([]byte(doc)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestDecodeCallKeepsNothingOfTheBody(t *testing.T) {
	body := []byte(document("<string>some text</string>", "<struct><member><name>key</name><value>other</value></member></struct>"))
	method, params, err := xmlrpc.DecodeCall(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	if got, want := method+showValue(rpcinterface.Array(params)), `m["some text",{"key":"other"}]`; got != want {
		t.Errorf("after the body was overwritten: %s, want %s", got, want)
	}
}

// Values that were read are written and read again as the same.
func FuzzDecodeCall(f *testing.F) {
	for _, doc := range readCorpus(f) {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		given := bytes.Clone(body)
		method, params, err := xmlrpc.DecodeCall(body)
		if !bytes.Equal(body, given) {
			t.Fatal("DecodeCall changed the body")
		}
		if err != nil {
			return
		}
		if method == "" {
			t.Fatal("a call without a method was accepted")
		}
		once, ok := roundTrip(t, rpcinterface.Array(params))
		if !ok {
			return
		}
		if twice, _ := roundTrip(t, once); showValue(once) != showValue(twice) {
			t.Errorf("%s was read back as %s", showValue(once), showValue(twice))
		}
	})
}

// roundTrip writes a value and reads it. ok is false for one that XML-RPC cannot
// carry.
func roundTrip(t *testing.T, v rpcinterface.Value) (read rpcinterface.Value, ok bool) {
	response, err := xmlrpc.AppendResponse(nil, v)
	if err != nil {
		return nil, false
	}
	doc := bytes.Replace(response, []byte("<params>"), []byte("<methodName>m</methodName><params>"), 1)
	_, params, err := xmlrpc.DecodeCall(doc)
	if err != nil || len(params) != 1 {
		t.Fatalf("cannot read %q: %v", doc, err)
	}
	return params[0], true
}

func FuzzAppendResponse(f *testing.F) {
	for _, s := range []string{"", "a", "<&>]]>", "\x00\x1b\xff", "é\uFFFE", "a\r\nb"} {
		f.Add(s, 1.5, int64(5))
	}
	f.Fuzz(func(t *testing.T, s string, d float64, n int64) {
		roundTrip(t, array{str(s), double(d), object{{Name: s, Value: number(n)}}})
	})
}
