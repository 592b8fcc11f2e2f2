package xmlrpc_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plugvisor/plugvisor/core/xmlrpc"
)

// Whatever a large document is full of, it is read or refused
// in a time and a memory that go with its length.
func TestDecodeCallCost(t *testing.T) {
	const size = 1 << 20
	fill := func(before, unit, after string) string {
		return before + strings.Repeat(unit, (size-len(before)-len(after))/len(unit)) + after
	}
	numbered := func(before, format, after string) string {
		var b strings.Builder
		b.WriteString(before)
		for i := 0; b.Len() < size-len(after)-100; i++ {
			fmt.Fprintf(&b, format, i)
		}
		return b.String() + after
	}
	const call, end = "<methodCall><methodName>m</methodName><params><param><value>", "</value></param></params></methodCall>"
	for name, doc := range map[string]string{
		"nesting":            fill("", "<a>", ""),
		"nesting of arrays":  fill(call, "<array><data><value>", ""),
		"siblings":           fill(call, "<a/>", end),
		"elements":           fill(call+"<array><data>", "<value/>", "</data></array>"+end),
		"integers":           fill(call+"<array><data>", "<value><i4>1</i4></value>", "</data></array>"+end),
		"empty arrays":       fill(call+"<array><data>", "<array><data/></array>", "</data></array>"+end),
		"empty structs":      fill(call+"<array><data>", "<struct/>", "</data></array>"+end),
		"parameters":         fill("<methodCall><methodName>m</methodName><params>", "<p/>", "</params></methodCall>"),
		"members":            numbered(call+"<struct>", "<m><n>%d</n><v/></m>", "</struct>"+end),
		"one member":         fill(call+"<struct>", "<m><n>k</n><v/></m>", "</struct>"+end),
		"text":               fill(call, "x", end),
		"text in pieces":     fill(call, "x<!---->", end),
		"references":         fill(call, "&amp;", end),
		"CDATA":              fill(call, "<![CDATA[x]]>", end),
		"comments":           fill("<!--", " -", "--><a/>"),
		"instructions":       fill("<a>", "<?p i?>", "</a>"),
		"attributes":         numbered("<a", " a%d=''", "/>"),
		"namespaces":         numbered("<a", " xmlns:a%d='u'", "/>"),
		"prefixes":           fill("<a xmlns:p='u'>", "<p:b p:c=''/>", "</a>"),
		"digits":             fill(call+"<int>", "9", "</int>"+end),
		"zeros":              fill(call+"<int>", "0", "</int>"+end),
		"digits of a double": fill(call+"<double>", "1", "</double>"+end),
		"an exponent":        fill(call+"<double>1e", "9", "</double>"+end),
		"underscores":        fill(call+"<int>1", "_1", "</int>"+end),
		"base64":             fill(call+"<base64>", "QUJD", "</base64>"+end),
		"base64 that is not": fill(call+"<base64>", "!", "</base64>"+end),
		"a date":             fill(call+"<dateTime.iso8601>", "2", "</dateTime.iso8601>"+end),
		"returns":            fill(call, "\r", end),
		"declarations":       numbered("<!DOCTYPE a [", "<!ENTITY e%d 'x'>", "]><a/>"),
		"an entity":          fill("<!DOCTYPE a [<!ENTITY e '"+strings.Repeat("x", 1<<16)+"'>]>"+call, "&e;", end),
		"blanks":             fill("<a", " ", "/>"),
		"bytes of no UTF-8":  fill("<a>", "\xff", "</a>"),
		"a method name":      fill("<methodName>", "m", "</methodName>"),
		"method names":       fill("<a>", "<methodName>m</methodName>", "</a>"),
		"end tags":           fill("<a>", "</b>", ""),
		"an element's name":  fill("<", "a", "/>"),
		"a reference":        fill("<a>&", "a", ";</a>"),
		"a number":           fill("<a>&#", "0", ";</a>"),
	} {
		t.Run(name, func(t *testing.T) {
			if len(doc) > size || len(doc) < size-200 {
				t.Fatalf("the document has %d bytes", len(doc))
			}
			body := []byte(doc)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, _, _ = xmlrpc.DecodeCall(body)
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if took > 5*time.Second {
				t.Errorf("it took %v", took)
			}
			if cost := (after.TotalAlloc - before.TotalAlloc) / size; cost > 40 {
				t.Errorf("it took %d times its size of memory", cost)
			}
		})
	}
}
