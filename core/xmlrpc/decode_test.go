package xmlrpc_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core/xmlrpc"
	"github.com/plugvisor/plugvisor/internal/pythontest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

//go:embed testdata/loads.py
var loadsScript string

// show writes what DecodeCall answers as testdata/loads.py does.
func show(body []byte) string {
	method, params, err := xmlrpc.DecodeCall(body)
	switch {
	case errors.Is(err, xmlrpc.ErrNoMethod):
		return "no method"
	case err != nil:
		return "error"
	}
	return quote(method) + showValue(rpcinterface.Array(params))
}

func showValue(v rpcinterface.Value) string {
	var parts []string
	switch v := v.(type) {
	case rpcinterface.Int:
		return fmt.Sprintf("i%d", v)
	case rpcinterface.Bool:
		return strconv.FormatBool(bool(v))
	case rpcinterface.Double:
		s := string(mustEncode(v))
		_, s, _ = strings.Cut(s, "<double>")
		s, _, _ = strings.Cut(s, "</double>")
		return "d" + s
	case rpcinterface.String:
		return quote(string(v))
	case rpcinterface.Time:
		return "t" + time.Time(v).Format("2006-01-02T15:04:05")
	case rpcinterface.Array:
		for _, e := range v {
			parts = append(parts, showValue(e))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case rpcinterface.Struct:
		for _, m := range v {
			parts = append(parts, quote(m.Name)+":"+showValue(m.Value))
		}
		return "{" + strings.Join(parts, ",") + "}"
	case rpcinterface.Nil:
		return "nil"
	}
	return fmt.Sprintf("unexpected %T", v)
}

func mustEncode(v rpcinterface.Value) []byte {
	out, err := xmlrpc.AppendResponse(nil, v)
	if err != nil {
		panic(err)
	}
	return out
}

// quote writes a string as Python's json.dumps does.
func quote(s string) string {
	out, _ := json.Marshal(s)
	var b strings.Builder
	for _, r := range strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(out)) {
		switch {
		case r < 0x7F:
			b.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xD800+(r-0x10000)>>10, 0xDC00+(r-0x10000)&0x3FF)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// document makes a call of the method m whose parameters are the given values.
func document(values ...string) string {
	var b strings.Builder
	b.WriteString("<?xml version='1.0'?>\n<methodCall><methodName>m</methodName><params>")
	for _, v := range values {
		b.WriteString("<param><value>" + v + "</value></param>")
	}
	b.WriteString("</params></methodCall>")
	return b.String()
}

// readCorpus reads documents, one to a line, with Go's escapes.
func readCorpus(t testing.TB) []string {
	data, err := os.ReadFile("testdata/calls.txt")
	if err != nil {
		t.Fatal(err)
	}
	var docs []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		value, isValue := strings.CutPrefix(line, "= ")
		doc, err := strconv.Unquote(`"` + strings.ReplaceAll(value, `"`, `\"`) + `"`)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if isValue {
			doc = document(doc)
		}
		docs = append(docs, doc)
	}
	return docs
}

// ask gives what the reference makes of documents.
func ask(t *testing.T, docs []string) []string {
	var answers []string
	pythontest.Run(t, loadsScript, docs, &answers)
	if answers == nil {
		if os.Getenv("PLUGVISOR_REQUIRE") == "all" {
			t.Fatal("python3 has no module supervisor")
		}
		t.Skip("python3 has no module supervisor")
	}
	return answers
}

func compare(t *testing.T, docs []string) {
	for i, want := range ask(t, docs) {
		if got := show([]byte(docs[i])); got != want {
			t.Errorf("%q\n got %.300s\nwant %.300s", docs[i], got, want)
		}
	}
}

var update = flag.Bool("update", false, "record the answers in testdata again")

const answersFile = "testdata/answers.txt"

// The answers are the reference's, recorded.
func TestDecodeCall(t *testing.T) {
	corpus := readCorpus(t)
	if *update {
		text := strings.Join(ask(t, corpus), "\n") + "\n"
		if err := os.WriteFile(answersFile, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(answersFile)
	if err != nil {
		t.Fatal(err)
	}
	answers := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(answers) != len(corpus) {
		t.Fatalf("%d answers are recorded for %d documents", len(answers), len(corpus))
	}
	for i, doc := range corpus {
		if got := show([]byte(doc)); got != answers[i] {
			t.Errorf("%q\n got %s\nwant %s", doc, got, answers[i])
		}
	}
}

func TestDecodeCallAsTheReference(t *testing.T) { compare(t, readCorpus(t)) }

// Documents made from the corpus by cutting and joining at random.
func TestDecodeCallAsTheReferenceMutated(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	corpus := readCorpus(t)
	parts := []string{"<", ">", "</", "/>", "&", ";", "&amp;", "&#65;", "<![CDATA[", "]]>", "<!--", "-->", "<?", "?>", "=", "'", `"`, " ", "\n", "\r", "a", ":", "é", "<value>", "</value>",
		"<int>", "</int>", "<string/>", "<nil/>", "<params>", "</params>", "<member>", "</member>", "<name>", "</name>", "<data>", "</data>", "xmlns='u'", "xmlns:p='u'", "p:", "1", "_", "-", "."}
	var docs []string
	for range 4000 {
		d := corpus[rng.IntN(len(corpus))]
		for range 1 + rng.IntN(3) {
			i := rng.IntN(len(d) + 1)
			j := min(len(d), i+rng.IntN(8))
			switch rng.IntN(4) {
			case 0:
				d = d[:i] + d[j:]
			case 1:
				d = d[:i] + parts[rng.IntN(len(parts))] + d[i:]
			case 2:
				d = d[:i] + parts[rng.IntN(len(parts))] + d[j:]
			case 3:
				d = d[:j] + d[i:]
			}
		}
		docs = append(docs, strings.ToValidUTF8(d, "?"))
	}
	compare(t, docs)
}

// A decoder makes of each call what a new one would, whatever it read before.
func TestDecoderIsUsedAgain(t *testing.T) {
	show := func(method string, params []rpcinterface.Value, err error) string {
		return fmt.Sprint(method, showValue(rpcinterface.Array(params)), err)
	}
	d := new(xmlrpc.Decoder)
	for _, doc := range readCorpus(t) {
		if got, want := show(d.Call([]byte(doc))), show(xmlrpc.DecodeCall([]byte(doc))); got != want {
			t.Errorf("%q: %s, want %s", doc, got, want)
		}
	}
}
