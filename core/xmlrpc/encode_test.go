package xmlrpc_test

import (
	_ "embed"
	"encoding/base64"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core/xmlrpc"
	"github.com/plugvisor/plugvisor/internal/pythontest"
	"github.com/plugvisor/plugvisor/rpcinterface"
)

type (
	array  = rpcinterface.Array
	object = rpcinterface.Struct
	str    = rpcinterface.String
	number = rpcinterface.Int
	double = rpcinterface.Double
)

const (
	head = "<?xml version='1.0'?>\n<methodResponse>\n<params>\n<param>\n"
	tail = "</param>\n</params>\n</methodResponse>\n"
)

func TestAppendResponse(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   rpcinterface.Value
		want string
	}{
		{"string", str("3.0"), "<string>3.0</string>"},
		{"empty string", str(""), "<string></string>"},
		{"markup", str(`<a b="c">&'</a>`), `<string>&lt;a b="c"&gt;&amp;'&lt;/a&gt;</string>`},
		{"line ends", str("a\r\nb\rc\n\t"), "<string>a\r\nb\rc\n\t</string>"},
		{"not ASCII", str("é€\U0001F600"), "<string>é€\U0001F600</string>"},
		{"not UTF-8", str("a\xff\xc3\xe2\x82b\xed\xa0\x80"), "<string>a\uFFFD\uFFFD\uFFFD\uFFFDb\uFFFD\uFFFD\uFFFD</string>"},
		{"a replacement character", str("\uFFFD"), "<string>\uFFFD</string>"},
		{"not XML", str("a\x00\x1b[1m\x7f\uFFFE\uFFFF"), "<string>a\uFFFD\uFFFD[1m\x7f\uFFFD\uFFFD</string>"},
		{"int", number(-5), "<int>-5</int>"},
		{"largest int", number(math.MaxInt32), "<int>2147483647</int>"},
		{"smallest int", number(math.MinInt32), "<int>-2147483648</int>"},
		{"true", rpcinterface.Bool(true), "<boolean>1</boolean>"},
		{"false", rpcinterface.Bool(false), "<boolean>0</boolean>"},
		{"double", double(1.5), "<double>1.5</double>"},
		{"nil", rpcinterface.Nil{}, "<string></string>"},
		{"no value", nil, "<string></string>"},
		{"bytes", rpcinterface.Bytes(strings.Repeat("x", 58)), "<base64>\n" + strings.Repeat("eHh4", 19) + "\neA==\n</base64>"},
		{"no bytes", rpcinterface.Bytes{}, "<base64>\n</base64>"},
		{"time", rpcinterface.Time(time.Date(2020, 1, 2, 3, 4, 5, 6, time.UTC)), "<dateTime.iso8601>20200102T03:04:05</dateTime.iso8601>"},
		{"array", array{number(1), str("a")}, "<array><data>\n<value><int>1</int></value>\n<value><string>a</string></value>\n</data></array>"},
		{"empty array", array{}, "<array><data>\n</data></array>"},
		{"struct", object{{Name: "k<", Value: number(1)}}, "<struct>\n<member>\n<name>k&lt;</name>\n<value><int>1</int></value>\n</member>\n</struct>"},
		{"empty struct", object{}, "<struct>\n</struct>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := xmlrpc.AppendResponse([]byte("before "), tt.in)
			if want := "before " + head + "<value>" + tt.want + "</value>\n" + tail; err != nil || string(got) != want {
				t.Errorf("AppendResponse = %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestAppendResponseIntegersBeyond32Bits(t *testing.T) {
	big := number(1 << 31)
	for _, tt := range []struct {
		name string
		in   rpcinterface.Value
		want string
	}{
		{"alone", big, "FAILED: value does not fit into 32 bits"},
		{"negative", array{-big - 1}, "FAILED: value does not fit into 32 bits"},
		{"in a member", array{object{{Name: "a", Value: object{{Name: "x", Value: number(1)}}}, {Name: "maxbytes", Value: big}}}, `FAILED: value of "maxbytes" does not fit into 32 bits`},
		{"in an array in a member", object{{Name: "a", Value: array{object{}, big}}}, `FAILED: value of "a" does not fit into 32 bits`},
		{"after a member", array{object{{Name: "a", Value: number(1)}}, big}, "FAILED: value does not fit into 32 bits"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := xmlrpc.AppendResponse([]byte("before"), tt.in)
			var fault *rpcinterface.Fault
			if !errors.As(err, &fault) || fault.Code != rpcinterface.CodeFailed || fault.Message != tt.want {
				t.Errorf("AppendResponse: %v, want %s", err, tt.want)
			}
			if string(got) != "before" {
				t.Errorf("AppendResponse left %q", got)
			}
		})
	}
}

func TestAppendFault(t *testing.T) {
	got := string(xmlrpc.AppendFault(nil, &rpcinterface.Fault{Code: 10, Message: "BAD_NAME: <é\x00"}))
	want := "<?xml version='1.0'?>\n<methodResponse>\n<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n<value><int>10</int></value>\n</member>\n" +
		"<member>\n<name>faultString</name>\n<value><string>BAD_NAME: &lt;é\uFFFD</string></value>\n</member>\n</struct></value>\n</fault>\n</methodResponse>\n"
	if got != want {
		t.Errorf("AppendFault = %q, want %q", got, want)
	}
}

//go:embed testdata/dumps.py
var dumpsScript string

// Python makes values out of JSON, writes them, and they are compared with ours.
func TestAppendResponseAsPython(t *testing.T) {
	doubles := []float64{0, math.Copysign(0, -1), 1, -1.5, 0.1, 1e-4, 9.9e-5, 1e-5, 1e15, 1e16, 9999999999999998, 123456789012345680, 1e22, 1e100, 1e-300, 5e-324, math.MaxFloat64, 1.0 / 3}
	texts := []string{"", "a", "<&>]]>'\"", "a\r\nb", "é€😀", strings.Repeat("x", 200)}
	type made struct {
		Doubles []string          `json:"doubles"`
		Texts   map[string]string `json:"texts"`
		Bytes   map[string]string `json:"bytes"`
		Fault   string            `json:"fault"`
	}
	var python made
	input := map[string]any{"doubles": []string{}, "texts": texts}
	for _, f := range doubles {
		input["doubles"] = append(input["doubles"].([]string), strconv.FormatFloat(f, 'x', -1, 64))
	}
	pythontest.Run(t, dumpsScript, input, &python)
	for i, f := range doubles {
		if got := string(mustEncode(double(f))); got != python.Doubles[i] {
			t.Errorf("%v: %q, Python writes %q", f, got, python.Doubles[i])
		}
	}
	for _, s := range texts {
		v := array{str(s), object{{Name: s, Value: rpcinterface.Bool(true)}, {Name: "n", Value: array{number(5)}}}}
		if got := string(mustEncode(v)); got != python.Texts[s] {
			t.Errorf("%q, Python writes %q", got, python.Texts[s])
		}
		if got := string(mustEncode(rpcinterface.Bytes(s))); got != python.Bytes[s] {
			t.Errorf("%q, Python writes %q", got, python.Bytes[s])
		}
	}
	if got := string(xmlrpc.AppendFault(nil, rpcinterface.NewFault(rpcinterface.CodeBadName, "x&y"))); got != python.Fault {
		t.Errorf("%q, Python writes %q", got, python.Fault)
	}
}

// processInfo is what supervisor.getAllProcessInfo answers of one process.
func processInfo(i int) rpcinterface.Value {
	name := "process" + strconv.Itoa(i)
	return object{
		{Name: "name", Value: str(name)}, {Name: "group", Value: str(name)}, {Name: "start", Value: number(1700000000)}, {Name: "stop", Value: number(0)}, {Name: "now", Value: number(1700000100)},
		{Name: "state", Value: number(20)}, {Name: "statename", Value: str("RUNNING")}, {Name: "spawnerr", Value: str("")}, {Name: "exitstatus", Value: number(0)},
		{Name: "logfile", Value: str("/var/log/supervisor/" + name + "-stdout.log")}, {Name: "stdout_logfile", Value: str("/var/log/supervisor/" + name + "-stdout.log")},
		{Name: "stderr_logfile", Value: str("/var/log/supervisor/" + name + "-stderr.log")}, {Name: "pid", Value: number(1000 + i)}, {Name: "description", Value: str("pid 1000, uptime 0:01:40")},
	}
}

// What a long array takes is allocated at once, by what its first elements took, and
// is enough for some that are longer.
func TestRoomForALongArray(t *testing.T) {
	for _, n := range []int{100, 1000, 10000} {
		var all array
		for i := range n {
			all = append(all, processInfo(i))
		}
		allocations := testing.AllocsPerRun(3, func() {
			if _, err := xmlrpc.AppendResponse(nil, all); err != nil {
				t.Fatal(err)
			}
		})
		// The first few elements, all of them, and once more for the end; some more where
		// a pool has lost what it had, as under the race detector.
		if allocations > 20 {
			t.Errorf("%d elements: %v allocations", n, allocations)
		}
	}
	uneven := array{}
	for i := range 100 {
		uneven = append(uneven, str(strings.Repeat("x", 1000*(i/50))))
	}
	got, err := xmlrpc.AppendResponse(nil, uneven)
	if want := strings.Repeat("<value><string>"+strings.Repeat("x", 1000)+"</string></value>\n", 50); err != nil || strings.Count(string(got), "<value><string></string></value>\n") != 50 || !strings.Contains(string(got), want) {
		t.Errorf("of uneven elements: %v, %d bytes", err, len(got))
	}
}

func BenchmarkAppendResponse(b *testing.B) {
	var all array
	for i := range 1000 {
		all = append(all, processInfo(i))
	}
	for name, v := range map[string]rpcinterface.Value{"small": str("3.0"), "thousand processes": all} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var out []byte
			for b.Loop() {
				var err error
				if out, err = xmlrpc.AppendResponse(out[:0], v); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(out)))
		})
	}
}

func BenchmarkDecodeCall(b *testing.B) {
	for name, doc := range map[string]string{
		"small": "<?xml version='1.0'?>\n<methodCall>\n<methodName>supervisor.getAPIVersion</methodName>\n<params>\n</params>\n</methodCall>\n",
		"add": document("<string>group</string>", "<string>name</string>",
			"<struct><member><name>command</name><value><string>/bin/cat</string></value></member><member><name>autostart</name><value><boolean>0</boolean></value></member></struct>"),
		"large": document("<base64>" + base64.StdEncoding.EncodeToString(make([]byte, 1<<20)) + "</base64>"),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			body := []byte(doc)
			for b.Loop() {
				if _, _, err := xmlrpc.DecodeCall(body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
