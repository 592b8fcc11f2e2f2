package xmlrpc

import (
	"bytes"
	"strings"
)

// The namespaces that every document has.
const (
	xmlNamespace   = "http://www.w3.org/XML/1998/namespace"
	xmlnsNamespace = "http://www.w3.org/2000/xmlns/"
)

// attribute is one attribute of a start tag; its prefix is "" for none.
type attribute struct {
	prefix, local []byte
}

// namespace is a declaration that is in force; the prefix "" is the default.
type namespace struct {
	prefix, uri string
}

// readAttributes reads the attributes of a start tag for what they can break, and
// keeps the namespaces that they declare. Nothing else in them matters here.
func (d *decoder) readAttributes() error {
	d.attributes = d.attributes[:0]
	for {
		blank := d.skipBlanks()
		if d.at(">") || d.at("/>") {
			return d.checkAttributes()
		}
		name, colon := d.qualifiedName()
		if !blank || name == nil {
			return d.fail("malformed attribute")
		}
		d.skipBlanks()
		if !d.at("=") {
			return d.fail("attribute without a value")
		}
		d.pos++
		d.skipBlanks()
		value, err := d.attributeValue()
		if err != nil {
			return err
		}
		a := attribute{local: name}
		if colon > 0 {
			a.prefix, a.local = name[:colon], name[colon+1:]
		}
		if d.attributes = append(d.attributes, a); len(d.attributes) > maxAttributes {
			return d.fail("too many attributes")
		}
		switch {
		case string(name) == "xmlns":
			err = d.declare("", value)
		case string(a.prefix) == "xmlns":
			err = d.declare(string(a.local), value)
		}
		if err != nil {
			return err
		}
	}
}

// attributeValue reads a quoted value with its references resolved.
func (d *decoder) attributeValue() (string, error) {
	if !d.at(`"`) && !d.at("'") {
		return "", d.fail("attribute without a value")
	}
	quote := d.src[d.pos]
	d.pos++
	n := bytes.IndexByte(d.src[d.pos:], quote)
	if n < 0 {
		return "", d.fail("attribute without an end")
	}
	end := d.pos + n
	if bytes.IndexByte(d.src[d.pos:end], '<') >= 0 {
		return "", d.fail("< in an attribute")
	}
	if bytes.IndexByte(d.src[d.pos:end], '&') < 0 {
		value := string(d.src[d.pos:end])
		d.pos = end + 1
		return value, nil
	}
	var value strings.Builder
	for d.pos < end {
		if d.src[d.pos] != '&' {
			value.WriteByte(d.src[d.pos])
			d.pos++
			continue
		}
		s, err := d.reference()
		if err != nil {
			return "", err
		}
		value.WriteString(s)
	}
	if d.pos != end {
		return "", d.fail("reference without an end")
	}
	d.pos++
	return value.String(), nil
}

// declare puts a namespace in force, within the rules of "Namespaces in XML 1.0".
func (d *decoder) declare(prefix, uri string) error {
	switch {
	case prefix == "xmlns",
		prefix != "" && uri == "",
		(prefix == "xml") != (uri == xmlNamespace),
		uri == xmlnsNamespace,
		strings.Contains(uri, "}"): // expat's separator there
		return d.fail("namespace that cannot be declared")
	}
	if len(d.namespaces) == maxNamespaces {
		return d.fail("too many namespaces")
	}
	d.namespaces = append(d.namespaces, namespace{prefix, uri})
	return nil
}

// namespaceOf gives the namespace that a prefix is bound to.
func (d *decoder) namespaceOf(prefix []byte) (uri string, bound bool) {
	if string(prefix) == "xml" {
		return xmlNamespace, true
	}
	for i := len(d.namespaces) - 1; i >= 0; i-- {
		if d.namespaces[i].prefix == string(prefix) {
			return d.namespaces[i].uri, true
		}
	}
	return "", len(prefix) == 0
}

// checkAttributes refuses attributes that are given twice, also by way of two
// prefixes for one namespace, and prefixes that are not declared.
func (d *decoder) checkAttributes() error {
	uri := func(a attribute) string {
		if len(a.prefix) == 0 {
			return ""
		}
		uri, _ := d.namespaceOf(a.prefix)
		return uri
	}
	for i, a := range d.attributes {
		declaration := string(a.prefix) == "xmlns"
		if !declaration && len(a.prefix) > 0 {
			if _, bound := d.namespaceOf(a.prefix); !bound {
				return d.fail("unknown namespace prefix")
			}
		}
		for _, b := range d.attributes[:i] {
			if bytes.Equal(a.local, b.local) && (bytes.Equal(a.prefix, b.prefix) || !declaration && string(b.prefix) != "xmlns" && uri(a) == uri(b)) {
				return d.fail("attribute given twice")
			}
		}
	}
	return nil
}
