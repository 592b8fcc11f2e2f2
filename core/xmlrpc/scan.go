package xmlrpc

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document reads the whole source. It has been checked for characters that XML
// does not allow, and its lines end with newlines alone.
func (d *decoder) document() error {
	if bytes.HasPrefix(d.src, []byte("\uFEFF")) {
		d.pos = len("\uFEFF")
	}
	if d.at("<?xml") && d.pos+5 < len(d.src) && !isNameByte(d.src[d.pos+5]) {
		if err := d.declaration(); err != nil {
			return err
		}
	}
	doctype := false
	for {
		d.skipBlanks()
		switch {
		case d.at("<!--") || d.at("<?"):
			if err := d.commentOrInstruction(); err != nil {
				return err
			}
		case d.at("<!DOCTYPE") && !doctype:
			doctype = true
			if err := d.doctype(); err != nil {
				return err
			}
		default:
			return d.root()
		}
	}
}

// root reads the root element and what follows it.
func (d *decoder) root() error {
	if !d.at("<") {
		return d.fail("no root element")
	}
	if err := d.startTag(); err != nil {
		return err
	}
	for len(d.stack) > 0 {
		if err := d.content(); err != nil {
			return err
		}
	}
	for {
		d.skipBlanks()
		switch {
		case d.pos == len(d.src):
			return nil
		case d.at("<!--") || d.at("<?"):
			if err := d.commentOrInstruction(); err != nil {
				return err
			}
		default:
			return d.fail("something after the root element")
		}
	}
}

// content reads the text up to the next markup, and that.
func (d *decoder) content() error {
	run := bytes.IndexByte(d.src[d.pos:], '<')
	if run < 0 {
		return d.fail("element without an end")
	}
	if run > 0 {
		if err := d.characters(d.pos + run); err != nil {
			return err
		}
	}
	switch {
	case d.at("</"):
		return d.endTag()
	case d.at("<!--") || d.at("<?"):
		return d.commentOrInstruction()
	case d.at("<![CDATA["):
		from := d.pos + len("<![CDATA[")
		n := bytes.Index(d.src[from:], []byte("]]>"))
		if n < 0 {
			return d.fail("CDATA without an end")
		}
		d.addText(from, from+n)
		d.pos = from + n + len("]]>")
		return nil
	default:
		return d.startTag()
	}
}

// characters reads character data up to end.
func (d *decoder) characters(end int) error {
	if bytes.Contains(d.src[d.pos:end], []byte("]]>")) {
		return d.fail("]]> in text")
	}
	for d.pos < end {
		n := bytes.IndexByte(d.src[d.pos:end], '&')
		if n < 0 {
			n = end - d.pos
		}
		d.addText(d.pos, d.pos+n)
		d.pos += n
		if d.pos < end {
			s, err := d.reference()
			if err != nil {
				return err
			}
			d.addString(s)
		}
	}
	return nil
}

// reference reads "&name;" or "&#number;" and gives what it stands for.
func (d *decoder) reference() (string, error) {
	n := bytes.IndexByte(d.src[d.pos:], ';')
	if n < 0 {
		return "", d.fail("reference without an end")
	}
	name := string(d.src[d.pos+1 : d.pos+n])
	var s string
	switch name {
	case "lt":
		s = "<"
	case "gt":
		s = ">"
	case "amp":
		s = "&"
	case "apos":
		s = "'"
	case "quot":
		s = `"`
	default:
		if number, ok := strings.CutPrefix(name, "#"); ok {
			r, ok := characterOf(number)
			if !ok {
				return "", d.fail("reference to no character")
			}
			s = string(r)
			break
		}
		var known bool
		if s, known = d.entities[name]; !known {
			return "", d.fail("reference to an unknown entity")
		}
		if d.expanded += len(s); d.expanded > maxExpansion {
			return "", d.fail("entities expand to too much")
		}
	}
	d.pos += n + 1
	return s, nil
}

// characterOf reads the number of a character reference ("112", "x70").
func characterOf(number string) (rune, bool) {
	base := 10
	if hex, ok := strings.CutPrefix(number, "x"); ok {
		number, base = hex, 16
	}
	number = strings.TrimLeft(number[:max(0, len(number)-1)], "0") + number[max(0, len(number)-1):]
	n, err := strconv.ParseUint(number, base, 21)
	return rune(n), err == nil && isCharacter(rune(n))
}

// isCharacter says whether XML 1.0 allows a character.
func isCharacter(r rune) bool {
	return r >= ' ' && utf8.ValidRune(r) && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}

// startTag reads a start tag or an empty element's.
func (d *decoder) startTag() error {
	start := d.pos
	d.pos++
	name, colon := d.qualifiedName()
	if name == nil {
		d.pos = start
		return d.fail("malformed markup")
	}
	declared := len(d.namespaces)
	if d.pos < len(d.src) && isBlank(d.src[d.pos]) {
		if err := d.readAttributes(); err != nil {
			return err
		}
	}
	plain := true
	if colon > 0 || len(d.namespaces) > 0 {
		uri, bound := d.namespaceOf(name[:max(colon, 0)])
		if !bound {
			return d.fail("unknown namespace prefix")
		}
		plain = uri == ""
	}
	switch {
	case d.at(">"):
		d.pos++
		return d.open(name, plain, declared)
	case d.at("/>"):
		d.pos += 2
		if err := d.open(name, plain, declared); err != nil {
			return err
		}
		return d.close()
	}
	return d.fail("malformed start tag")
}

func (d *decoder) endTag() error {
	name := d.stack[len(d.stack)-1].name
	d.pos += len("</")
	if !bytes.HasPrefix(d.src[d.pos:], name) {
		return d.fail("end tag that does not match")
	}
	d.pos += len(name)
	d.skipBlanks()
	if !d.at(">") {
		return d.fail("end tag that does not match")
	}
	d.pos++
	return d.close()
}

// commentOrInstruction reads a comment or a processing instruction.
func (d *decoder) commentOrInstruction() error {
	if d.at("<!--") {
		from := d.pos + len("<!--")
		n := bytes.Index(d.src[from:], []byte("--"))
		if n < 0 || !bytes.HasPrefix(d.src[from+n:], []byte("-->")) {
			return d.fail("malformed comment")
		}
		d.pos = from + n + len("-->")
		return nil
	}
	d.pos += len("<?")
	target := d.plainName()
	if target == nil || strings.EqualFold(string(target), "xml") {
		return d.fail("malformed processing instruction")
	}
	if d.at("?>") {
		d.pos += len("?>")
		return nil
	}
	n := bytes.Index(d.src[d.pos:], []byte("?>"))
	if n < 0 || !isBlank(d.src[d.pos]) {
		return d.fail("malformed processing instruction")
	}
	d.pos += n + len("?>")
	return nil
}

// declaration reads the XML declaration. Its encoding does not count: the source
// is UTF-8.
func (d *decoder) declaration() error {
	d.pos += len("<?xml")
	for i, known := range []string{"version", "encoding", "standalone"} {
		d.skipBlanks()
		if !d.at(known) {
			if i == 0 {
				return d.fail("XML declaration without version")
			}
			continue
		}
		if !isBlank(d.src[d.pos-1]) {
			return d.fail("malformed XML declaration")
		}
		d.pos += len(known)
		d.skipBlanks()
		if !d.at("=") {
			return d.fail("malformed XML declaration")
		}
		d.pos++
		d.skipBlanks()
		value, ok := d.literal()
		if !ok || !isDeclared(known, string(value)) {
			return d.fail("malformed XML declaration")
		}
	}
	d.skipBlanks()
	if !d.at("?>") {
		return d.fail("malformed XML declaration")
	}
	d.pos += len("?>")
	return nil
}

// isDeclared says whether the XML declaration may have the value, as expat sees it.
func isDeclared(name, value string) bool {
	for i := range len(value) {
		if c := value[i]; !isNameByte(c) || c >= utf8.RuneSelf {
			return false
		}
	}
	switch name {
	case "encoding":
		return value != "" && isLetter(value[0])
	case "standalone":
		return value == "yes" || value == "no"
	}
	return true
}

// literal reads what stands between quotes of either kind.
func (d *decoder) literal() ([]byte, bool) {
	if !d.at(`"`) && !d.at("'") {
		return nil, false
	}
	n := bytes.IndexByte(d.src[d.pos+1:], d.src[d.pos])
	if n < 0 {
		return nil, false
	}
	value := d.src[d.pos+1 : d.pos+1+n]
	d.pos += n + 2
	return value, true
}

// qualifiedName reads a name with at most one colon within, and tells where the
// colon stands (-1: nowhere). It is nil where there is no such name.
func (d *decoder) qualifiedName() (name []byte, colon int) {
	from := d.pos
	if d.plainName() == nil {
		return nil, -1
	}
	colon = -1
	if d.at(":") {
		colon = d.pos - from
		d.pos++
		if d.plainName() == nil {
			return nil, -1
		}
	}
	return d.src[from:d.pos], colon
}

// plainName reads a name without colons, nil where there is none.
func (d *decoder) plainName() []byte {
	from := d.pos
	for d.pos < len(d.src) {
		c := d.src[d.pos]
		if c < utf8.RuneSelf {
			if !isNameByte(c) || d.pos == from && !isLetter(c) && c != '_' {
				break
			}
			d.pos++
			continue
		}
		r, size := utf8.DecodeRune(d.src[d.pos:])
		if !isNameStart(r) && (d.pos == from || !isNameRest(r)) {
			break
		}
		d.pos += size
	}
	if d.pos == from {
		return nil
	}
	return d.src[from:d.pos]
}

func (d *decoder) at(s string) bool {
	return len(d.src)-d.pos >= len(s) && string(d.src[d.pos:d.pos+len(s)]) == s
}

func (d *decoder) skipBlanks() (any bool) {
	for d.pos < len(d.src) && isBlank(d.src[d.pos]) {
		d.pos++
		any = true
	}
	return any
}

func isBlank(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isNameByte says whether a byte may stand within a name, other than a colon.
func isNameByte(c byte) bool {
	return isLetter(c) || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_' || c >= utf8.RuneSelf
}

// isNameStart says whether a character beyond ASCII may begin a name (XML 1.0,
// fifth edition, production 4).
func isNameStart(r rune) bool {
	switch {
	case r >= 0xC0 && r <= 0x2FF:
		return r != 0xD7 && r != 0xF7
	case r >= 0x370 && r <= 0x1FFF:
		return r != 0x37E
	}
	return r >= 0x200C && r <= 0x200D || r >= 0x2070 && r <= 0x218F || r >= 0x2C00 && r <= 0x2FEF ||
		r >= 0x3001 && r <= 0xD7FF || r >= 0xF900 && r <= 0xFDCF || r >= 0xFDF0 && r <= 0xFFFD ||
		r >= 0x10000 && r <= 0xEFFFF
}

// isNameRest says whether a character beyond ASCII may stand in a name only after
// its beginning (production 4a).
func isNameRest(r rune) bool {
	return r == 0xB7 || r >= 0x300 && r <= 0x36F || r >= 0x203F && r <= 0x2040
}
