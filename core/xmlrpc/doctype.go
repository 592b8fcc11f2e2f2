package xmlrpc

import (
	"bytes"
	"strings"
)

// doctype reads a document type declaration. An external subset is not fetched.
// The internal one may hold comments, processing instructions and entities of
// plain text; anything else, entities within entities above all, is refused.
func (d *decoder) doctype() error {
	d.pos += len("<!DOCTYPE")
	blank := d.skipBlanks()
	if name, _ := d.qualifiedName(); !blank || name == nil {
		return d.fail("malformed DOCTYPE")
	}
	d.skipBlanks()
	for range d.externalID() {
		blank := d.skipBlanks()
		if _, ok := d.literal(); !blank || !ok {
			return d.fail("malformed DOCTYPE")
		}
	}
	d.skipBlanks()
	if d.at("[") {
		d.pos++
		if err := d.internalSubset(); err != nil {
			return err
		}
		d.skipBlanks()
	}
	if !d.at(">") {
		return d.fail("malformed DOCTYPE")
	}
	d.pos++
	return nil
}

// externalID reads SYSTEM or PUBLIC and tells how many literals follow.
func (d *decoder) externalID() int {
	switch {
	case d.at("SYSTEM"):
		d.pos += len("SYSTEM")
		return 1
	case d.at("PUBLIC"):
		d.pos += len("PUBLIC")
		return 2
	}
	return 0
}

func (d *decoder) internalSubset() error {
	for {
		d.skipBlanks()
		switch {
		case d.at("]"):
			d.pos++
			return nil
		case d.at("<!--") || d.at("<?"):
			if err := d.commentOrInstruction(); err != nil {
				return err
			}
		case d.at("<!ENTITY"):
			d.pos += len("<!ENTITY")
			if err := d.entity(); err != nil {
				return err
			}
		default:
			return d.fail("declaration that is not supported")
		}
	}
}

// entity reads the declaration of a general entity. The first of a name counts.
func (d *decoder) entity() error {
	blank := d.skipBlanks()
	name := d.plainName()
	if !blank || name == nil {
		return d.fail("declaration that is not supported")
	}
	blank = d.skipBlanks()
	value, ok := d.literal()
	if !blank || !ok || bytes.ContainsAny(value, "<%") {
		return d.fail("declaration that is not supported")
	}
	text, err := d.entityText(value)
	if err != nil {
		return err
	}
	d.skipBlanks()
	if !d.at(">") {
		return d.fail("malformed declaration")
	}
	d.pos++
	if d.entities == nil {
		d.entities = map[string]string{}
	}
	if _, known := d.entities[string(name)]; !known {
		d.entities[string(name)] = text
	}
	return nil
}

// entityText resolves the character references of an entity's value.
func (d *decoder) entityText(value []byte) (string, error) {
	var text strings.Builder
	for len(value) > 0 {
		before, rest, found := bytes.Cut(value, []byte("&"))
		text.Write(before)
		if !found {
			break
		}
		name, rest, ended := bytes.Cut(rest, []byte(";"))
		number, isNumber := strings.CutPrefix(string(name), "#")
		r, ok := characterOf(number)
		if !ended || !isNumber || !ok || r == '<' || r == '&' {
			return "", d.fail("entity that is not plain text")
		}
		text.WriteRune(r)
		value = rest
	}
	return text.String(), nil
}
