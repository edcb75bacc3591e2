package expr

import (
	"maps"
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// A Scope is the ExpressionAttributeNames and -Values that the expressions of
// one request share.
type Scope struct {
	names        map[string]string
	values       value.Item
	unusedNames  map[string]bool
	unusedValues map[string]bool
}

// NewScope checks the maps of a request; nil ones are absent.
func NewScope(names map[string]string, values value.Item) (*Scope, error) {
	s := &Scope{names: names, values: values, unusedNames: map[string]bool{}, unusedValues: map[string]bool{}}
	if names != nil && len(names) == 0 {
		return nil, fault("ExpressionAttributeNames must not be empty")
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		if f := checkName(k, names[k]); f != nil {
			return nil, f
		}
		s.unusedNames[k] = true
	}
	if values != nil && len(values) == 0 {
		return nil, fault("ExpressionAttributeValues must not be empty")
	}
	for _, k := range values.Names() {
		if !isPlaceholder(':', k) {
			return nil, fault(`ExpressionAttributeValues contains invalid key: Syntax error; key: "%s"`, k)
		}
		if len(k) > maxPlaceholder {
			return nil, fault("ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long;")
		}
		s.unusedValues[k] = true
	}
	for _, k := range values.Names() {
		if err := values[k].Validate(); err != nil {
			return nil, fault("ExpressionAttributeValues contains invalid value: %s for key %s", err, k)
		}
	}
	return s, nil
}

// Limits of placeholders, with their marks, and of the names they stand for, in
// bytes.
const (
	maxPlaceholder = 255
	maxName        = 65535
)

// checkName checks an entry of ExpressionAttributeNames.
func checkName(k, name string) *Error {
	switch {
	case !isPlaceholder('#', k):
		return fault(`ExpressionAttributeNames contains invalid key: Syntax error; key: "%s"`, k)
	case len(k) > maxPlaceholder:
		return fault("ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: %d", len(k))
	case name == "":
		return fault("ExpressionAttributeNames contains invalid value: Empty attribute name for key %s", k)
	case len(name) > maxName:
		return fault("ExpressionAttributeNames contains invalid value: Attribute name is too large, must be less than %d bytes for key %s", maxName+1, k)
	}
	return nil
}

func isPlaceholder(mark byte, k string) bool {
	return len(k) > 1 && k[0] == mark && run(k[1:], isWordByte) == len(k)-1
}

// Unused is the fault of names or values that no expression of the scope used.
func (s *Scope) Unused() error {
	for _, u := range []struct {
		what string
		keys map[string]bool
	}{{"Names", s.unusedNames}, {"Values", s.unusedValues}} {
		if len(u.keys) > 0 {
			return fault("Value provided in ExpressionAttribute%s unused in expressions: keys: {%s}",
				u.what, strings.Join(slices.Sorted(maps.Keys(u.keys)), ", "))
		}
	}
	return nil
}

// resolve puts names and values into the tree. The first that isn't defined is
// the fault.
func (s *Scope) resolve(n *node) (first *Error) {
	n.walk(func(n *node) {
		if first != nil {
			return
		}
		switch n.op {
		case opPath:
			n.path, first = s.resolvePath(n.path)
		case opValue:
			n.val, first = s.value(n.name)
		}
	})
	return first
}

func (s *Scope) value(name string) (value.Value, *Error) {
	v, ok := s.values[name]
	if !ok {
		return v, fault("An expression attribute value used in expression is not defined; attribute value: %s", name)
	}
	delete(s.unusedValues, name)
	return v, nil
}

func (s *Scope) resolvePath(p Path) (Path, *Error) {
	out := slices.Clone(p)
	if f := p.tooDeep(); f != nil {
		return p, f
	}
	for i, step := range p {
		if !strings.HasPrefix(step.Name, "#") {
			continue
		}
		name, ok := s.names[step.Name]
		if !ok {
			return p, fault("An expression attribute name used in the document path is not defined; attribute name: %s", step.Name)
		}
		delete(s.unusedNames, step.Name)
		out[i].Name = name
	}
	return out, nil
}

// reservedIn is the fault of a path, as written, that has a reserved word.
func reservedIn(p Path) *Error {
	for _, step := range p {
		if !step.IsIndex && reserved[strings.ToUpper(step.Name)] {
			return fault("Attribute name is a reserved keyword; reserved keyword: %s", step.Name)
		}
	}
	return nil
}

// firstOf returns the first fault there is, as an error that is nil for none.
func firstOf(faults ...*Error) error {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}
