package template

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// props reads the properties of a resource. It keeps the first error and which
// properties were read: done fails for any other, so that no property of a template
// is ignored unnoticed.
type props struct {
	path string // "Events.Create.", for errors
	m    map[string]any
	seen map[string]bool
	err  *error // shared with nested props
	// nested are the nested mappings that were read: done checks them too.
	nested []*props
}

func newProps(path string, m map[string]any) *props {
	return &props{path: path, m: m, seen: map[string]bool{}, err: new(error)}
}

func (p *props) fail(name, format string, args ...any) {
	if *p.err == nil {
		*p.err = fmt.Errorf("%s%s %s", p.path, name, fmt.Sprintf(format, args...))
	}
}

// ignore marks properties that have no meaning for the embedded stack.
func (p *props) ignore(names ...string) {
	for _, n := range names {
		p.seen[n] = true
	}
}

// done returns the first error, or one that names the properties that weren't read.
func (p *props) done() error {
	for _, name := range slices.Sorted(maps.Keys(p.m)) {
		if !p.seen[name] {
			p.fail(name, "is not supported")
		}
	}
	for _, o := range p.nested {
		_ = o.done() // it has set p's error
	}
	return *p.err
}

func (p *props) get(name string) (any, bool) {
	p.seen[name] = true
	v, ok := p.m[name]
	return v, ok
}

func (p *props) has(name string) bool {
	_, ok := p.get(name)
	return ok
}

// str returns a string property, or fallback if it is missing.
func (p *props) str(name, fallback string) string {
	v, ok := p.get(name)
	if !ok {
		return fallback
	}
	s, ok := v.(string)
	if !ok {
		p.fail(name, "is not a string")
	}
	return s
}

func (p *props) integer(name string, fallback int) int {
	s := p.str(name, strconv.Itoa(fallback))
	n, err := strconv.Atoi(s)
	if err != nil {
		p.fail(name, "is not a whole number: %q", s)
	}
	return n
}

func (p *props) boolean(name string, fallback bool) bool {
	s := p.str(name, strconv.FormatBool(fallback))
	if s != "true" && s != "false" {
		p.fail(name, "is neither true nor false: %q", s)
	}
	return s == "true"
}

func (p *props) strings(name string) []string {
	v, ok := p.get(name)
	if !ok {
		return nil
	}
	ss, err := toStrings(v)
	if err != nil {
		p.fail(name, "%s", err)
	}
	return ss
}

// object returns a nested mapping; an empty one if it is missing.
func (p *props) object(name string) *props {
	v, ok := p.get(name)
	m, isMap := asMap(v)
	if ok && !isMap {
		p.fail(name, "is not a mapping")
	}
	return p.nest(name, m)
}

func (p *props) nest(name string, m map[string]any) *props {
	o := &props{path: p.path + name + ".", m: m, seen: map[string]bool{}, err: p.err}
	p.nested = append(p.nested, o)
	return o
}

// objects returns a list of mappings.
func (p *props) objects(name string) []*props {
	v, ok := p.get(name)
	if !ok {
		return nil
	}
	list, isList := v.([]any)
	if !isList {
		p.fail(name, "is not a list")
	}
	var out []*props
	for i, item := range list {
		m, ok := asMap(item)
		if !ok {
			p.fail(name, "holds something other than mappings")
		}
		out = append(out, p.nest(fmt.Sprintf("%s[%d]", name, i), m))
	}
	return out
}

// entries returns the nested mappings of a mapping, in the order of their names.
func (p *props) entries(name string) (keys []string, values []*props) {
	o := p.object(name)
	for _, k := range slices.Sorted(maps.Keys(o.m)) {
		keys, values = append(keys, k), append(values, o.object(k))
	}
	return keys, values
}

// texts returns a mapping of strings.
func (p *props) texts(name string) map[string]string {
	o := p.object(name)
	out := make(map[string]string, len(o.m))
	for k := range o.m {
		out[k] = o.str(k, "")
	}
	return out
}

// tags reads a list of {Key, Value}.
func (p *props) tags(name string) map[string]string {
	tags := map[string]string{}
	for _, t := range p.objects(name) {
		tags[t.str("Key", "")] = t.str("Value", "")
	}
	return tags
}

func asMap(v any) (map[string]any, bool) {
	m, ok := v.(map[string]any)
	return m, ok
}

// toStrings returns a list of strings. A single string is split at its commas, as a
// CommaDelimitedList is.
func toStrings(v any) ([]string, error) {
	switch v := v.(type) {
	case string:
		return strings.Split(v, ","), nil
	case []any:
		ss := make([]string, 0, len(v))
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, errors.New("holds something other than strings")
			}
			ss = append(ss, s)
		}
		return ss, nil
	}
	return nil, errors.New("is not a list")
}

func fromStrings(ss []string) []any {
	list := make([]any, len(ss))
	for i, s := range ss {
		list[i] = s
	}
	return list
}
