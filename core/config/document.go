package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/plugvisor/plugvisor/core/pytext"
)

// document holds the sections and keys of a file and of those that it includes.
// What comes later overrides, key by key; keys of [DEFAULT] are seen in every
// section.
type document struct {
	ini *ini.File
	// includedBy names the file that a section first came from, for sections that
	// the main file does not have.
	includedBy map[string]string
	// source names the file that a key's value comes from.
	source map[*ini.Key]string
	// fresh are the sections that expandHere has not seen since they changed.
	fresh map[*ini.Section]bool
}

// newDocument sets ini.v1 up to hold what it is given: "\n" occurs in no section
// name, so there are no child sections; document itself sees to it that sections
// are unique, which ini.v1 does by scanning the list.
func newDocument() *document {
	return &document{
		ini:        ini.Empty(ini.LoadOptions{ChildSectionDelimiter: "\n", AllowNonUniqueSections: true}),
		includedBy: map[string]string{},
		source:     map[*ini.Key]string{},
		fresh:      map[*ini.Section]bool{},
	}
}

// merge reads the text of a file into the document. included says that it is not
// the main file.
func (d *document) merge(file string, text []byte, included bool) error {
	if err := checkUTF8(text); err != nil {
		return err
	}
	blocks, err := scan(file, string(text))
	if err != nil {
		return err
	}
	for _, b := range blocks {
		section, err := d.ini.GetSection(b.name)
		if err != nil {
			if section, err = d.ini.NewSection(b.name); err != nil {
				return fmt.Errorf("cannot add section [%s]: %w", b.name, err)
			}
			if included {
				d.includedBy[b.name] = file
			}
		}
		d.fresh[section] = true
		for _, k := range b.keys {
			if err := d.set(section, file, k.name, k.value()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *document) set(section *ini.Section, file, name, value string) error {
	key, err := section.NewKey(name, value)
	if err != nil {
		return fmt.Errorf("cannot add key %s to section [%s]: %w", name, section.Name(), err)
	}
	d.source[key] = file
	return nil
}

// sections lists the sections but for [DEFAULT], in order of first appearance.
func (d *document) sections() []*ini.Section {
	return slices.DeleteFunc(d.ini.Sections(), func(s *ini.Section) bool { return s.Name() == ini.DefaultSection })
}

// prefixed lists the sections whose names begin with prefix.
func (d *document) prefixed(prefix string) []*ini.Section {
	return slices.DeleteFunc(d.sections(), func(s *ini.Section) bool { return !strings.HasPrefix(s.Name(), prefix) })
}

func (d *document) has(section string) bool {
	_, err := d.ini.GetSection(section)
	return err == nil && section != ini.DefaultSection
}

// section gives a section that exists.
func (d *document) section(name string) *ini.Section { return d.ini.Section(name) }

func (d *document) defaults() *ini.Section { return d.ini.Section(ini.DefaultSection) }

// get gives the raw value of a key, from [DEFAULT] where the section has none.
func (d *document) get(section *ini.Section, name string) (string, bool) {
	key, err := section.GetKey(name)
	if err != nil {
		key, err = d.defaults().GetKey(name)
	}
	if err != nil {
		return "", false
	}
	return key.Value(), true
}

// keys lists a section's keys with those that [DEFAULT] adds at the end.
func (d *document) keys(section *ini.Section) []*ini.Key {
	keys := slices.Clone(section.Keys())
	for _, k := range d.defaults().Keys() {
		if !section.HasKey(k.Name()) {
			keys = append(keys, k)
		}
	}
	return keys
}

// here is what expandHere replaces.
const here = "%(here)s"

// expandHere writes dir for %(here)s in all values that have changed since it was
// last called, so that those of an included file have the directory of that file.
// A value of [DEFAULT] becomes the section's own by it.
func (d *document) expandHere(dir string) error {
	all := d.fresh[d.defaults()]
	for _, section := range d.sections() {
		if !all && !d.fresh[section] {
			continue
		}
		for _, k := range d.keys(section) {
			if !strings.Contains(k.Value(), here) {
				continue
			}
			if err := d.set(section, d.source[k], k.Name(), strings.ReplaceAll(k.Value(), here, dir)); err != nil {
				return err
			}
		}
	}
	clear(d.fresh)
	return nil
}

// fileOf names the file that messages about a section name.
func (d *document) fileOf(section, main string) string {
	if file, ok := d.includedBy[section]; ok {
		return file
	}
	return main
}

// inPlace adds to an error where it is.
func inPlace(err error, section, file string) error {
	return fmt.Errorf("%w in section %s (file: %s)", err, pytext.ReprString(section), pytext.ReprString(file))
}
