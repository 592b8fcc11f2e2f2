package ctl_test

import (
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fakeServer answers XML-RPC calls and log tails from a table, one line each:
//
//	supervisor.startProcess("cat") -> true
//	supervisor.startProcess("zz") !! 10 BAD_NAME: zz
//	GET /logtail/cat/stdout -> "text"
//	AUTH user:password
//
// A call that has several lines gets their answers one after the other, the last
// one for good. A call that has none is a fault UNKNOWN_METHOD, but for
// supervisor.getVersion; one of the extension namespace is then not even logged: the
// server has none, as Supervisor's. "RAW text" as an answer is sent as the value's XML;
// "WAIT" is none for as long as the client waits.
type fakeServer struct {
	mu      sync.Mutex
	answers map[string][]string
	calls   []string
	auth    string
}

func newFakeServer(table string) *fakeServer {
	f := &fakeServer{answers: map[string][]string{}}
	for line := range strings.Lines(table) {
		line = strings.TrimSpace(line)
		if credentials, ok := strings.CutPrefix(line, "AUTH "); ok {
			f.auth = "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
		}
		for _, mark := range []string{" -> ", " !! "} {
			if call, answer, ok := strings.Cut(line, mark); ok {
				f.answers[call] = append(f.answers[call], mark+answer)
				break
			}
		}
	}
	if f.answers["supervisor.getVersion()"] == nil {
		f.answers["supervisor.getVersion()"] = []string{` -> "3.0"`}
	}
	return f
}

// listen serves on a listener until the test ends.
func (f *fakeServer) listen(t testing.TB, l net.Listener) {
	s := httptest.NewUnstartedServer(f)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
}

func (f *fakeServer) next(call string) (string, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.answers[call]
	unknown := len(queue) == 0 && strings.HasPrefix(call, "extension.")
	if call != "supervisor.getVersion()" && !strings.HasPrefix(call, "GET ") && !unknown {
		f.calls = append(f.calls, call)
	}
	if len(queue) == 0 {
		return "", false
	}
	if len(queue) > 1 {
		f.answers[call] = queue[1:]
	}
	return queue[0], true
}

// log gives the calls made so far, but for the getVersion before each command and
// tails, which come in any order.
func (f *fakeServer) log() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.calls) == 0 {
		return ""
	}
	return strings.Join(f.calls, "\n") + "\n"
}

func (f *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.auth != "" && r.Header.Get("Authorization") != f.auth {
		http.Error(w, "no", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet {
		f.serveTail(w, r)
		return
	}
	call, err := decodeCall(r.Body)
	if err != nil || r.URL.Path != "/RPC2" {
		http.Error(w, fmt.Sprint(err), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	answer, ok := f.next(call)
	if !ok {
		answer = " !! 1 UNKNOWN_METHOD"
	}
	if answer == " -> WAIT" {
		<-r.Context().Done()
		return
	}
	io.WriteString(w, "<?xml version='1.0'?><methodResponse>")
	if fault, ok := strings.CutPrefix(answer, " !! "); ok {
		code, text, _ := strings.Cut(fault, " ")
		fmt.Fprintf(w, "<fault><value><struct><member><name>faultCode</name><value><int>%s</int></value></member>"+
			"<member><name>faultString</name><value><string>%s</string></value></member></struct></value></fault>", code, escape(text))
	} else {
		fmt.Fprintf(w, "<params><param>%s</param></params>", encodeValue(strings.TrimPrefix(answer, " -> ")))
	}
	io.WriteString(w, "</methodResponse>")
}

func (f *fakeServer) serveTail(w http.ResponseWriter, r *http.Request) {
	answer, ok := f.next("GET " + r.URL.Path)
	if !ok {
		http.NotFound(w, r)
		return
	}
	text, err := strconv.Unquote(strings.TrimPrefix(answer, " -> "))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	io.WriteString(w, text)
	w.(http.Flusher).Flush()
	if strings.HasSuffix(text, "follow\n") {
		<-r.Context().Done()
	}
}

func escape(s string) string {
	var b strings.Builder
	xml.EscapeText(&b, []byte(s))
	return b.String()
}

// encodeValue writes JSON as an XML-RPC value.
func encodeValue(text string) string {
	if raw, ok := strings.CutPrefix(text, "RAW "); ok {
		return "<value>" + raw + "</value>"
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "<value><string>bad table: " + escape(err.Error()) + "</string></value>"
	}
	return encodeAny(v)
}

func encodeAny(v any) string {
	var b strings.Builder
	switch v := v.(type) {
	case json.Number:
		kind := "int"
		if strings.ContainsAny(v.String(), ".eE") {
			kind = "double"
		}
		fmt.Fprintf(&b, "<%s>%s</%[1]s>", kind, v)
	case bool:
		n := 0
		if v {
			n = 1
		}
		fmt.Fprintf(&b, "<boolean>%d</boolean>", n)
	case string:
		fmt.Fprintf(&b, "<string>%s</string>", escape(v))
	case []any:
		b.WriteString("<array><data>")
		for _, e := range v {
			b.WriteString(encodeAny(e))
		}
		b.WriteString("</data></array>")
	case map[string]any:
		b.WriteString("<struct>")
		for name, e := range v {
			fmt.Fprintf(&b, "<member><name>%s</name>%s</member>", escape(name), encodeAny(e))
		}
		b.WriteString("</struct>")
	}
	return "<value>" + b.String() + "</value>"
}

// decodeCall reads a call as "method(arguments as JSON)". It is written apart
// from the codec under test.
func decodeCall(r io.Reader) (string, error) {
	var call struct {
		Method string `xml:"methodName"`
		Params struct {
			Param []struct {
				Value value `xml:"value"`
			} `xml:"param"`
		} `xml:"params"`
	}
	if err := xml.NewDecoder(r).Decode(&call); err != nil {
		return "", err
	}
	args := make([]string, len(call.Params.Param))
	for i, p := range call.Params.Param {
		text, err := json.Marshal(p.Value.decode())
		if err != nil {
			return "", err
		}
		args[i] = string(text)
	}
	return call.Method + "(" + strings.Join(args, ", ") + ")", nil
}

type value struct {
	Int     *string `xml:"int"`
	Double  *string `xml:"double"`
	Boolean *string `xml:"boolean"`
	String  *string `xml:"string"`
	Array   *struct {
		Data struct {
			Values []value `xml:"value"`
		} `xml:"data"`
	} `xml:"array"`
	Struct *struct {
		Members []struct {
			Name  string `xml:"name"`
			Value value  `xml:"value"`
		} `xml:"member"`
	} `xml:"struct"`
}

func (v value) decode() any {
	switch {
	case v.Int != nil:
		return json.Number(*v.Int)
	case v.Double != nil:
		return map[string]string{"double": *v.Double}
	case v.Boolean != nil:
		return *v.Boolean == "1"
	case v.String != nil:
		return *v.String
	case v.Array != nil:
		out := []any{}
		for _, e := range v.Array.Data.Values {
			out = append(out, e.decode())
		}
		return out
	case v.Struct != nil:
		out := map[string]any{}
		for _, m := range v.Struct.Members {
			out[m.Name] = m.Value.decode()
		}
		return out
	default:
		return nil
	}
}
