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
	names      map[string]string
	values     value.Item
	usedNames  []string // each once
	usedValues []string // each once
}

// NewScope checks the maps of a request; nil means absent.
func NewScope(names map[string]string, values value.Item) (*Scope, error) {
	s := &Scope{names: names, values: values}
	if names != nil && len(names) == 0 {
		return nil, fault("ExpressionAttributeNames must not be empty")
	}
	if f := checkNames(names); f != nil {
		return nil, f
	}
	if values != nil && len(values) == 0 {
		return nil, fault("ExpressionAttributeValues must not be empty")
	}
	sorted := values.Names()
	for _, k := range sorted {
		if !isPlaceholder(':', k) {
			return nil, fault(`ExpressionAttributeValues contains invalid key: Syntax error; key: "%s"`, k)
		}
		if len(k) > maxPlaceholder {
			return nil, fault("ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long;")
		}
	}
	for _, k := range sorted {
		if err := values[k].Validate(); err != nil {
			return nil, fault("ExpressionAttributeValues contains invalid value: %s for key %s", err, k)
		}
	}
	return s, nil
}

// Limits in bytes, of placeholders including # or :, and of the names that they
// stand for.
const (
	maxPlaceholder = 255
	maxName        = 65535
)

// checkNames checks ExpressionAttributeNames, in order.
func checkNames(names map[string]string) *Error {
	if len(names) == 0 {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(names)) {
		if f := checkName(k, names[k]); f != nil {
			return f
		}
	}
	return nil
}

// checkName checks one of ExpressionAttributeNames.
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

// Unused fails for names or values that no expression used.
func (s *Scope) Unused() error {
	if len(s.usedNames) < len(s.names) {
		return unused("Names", slices.Sorted(maps.Keys(s.names)), s.usedNames)
	}
	if len(s.usedValues) < len(s.values) {
		return unused("Values", s.values.Names(), s.usedValues)
	}
	return nil
}

func unused(what string, all, used []string) error {
	return fault("Value provided in ExpressionAttribute%s unused in expressions: keys: {%s}", what, strings.Join(value.Without(all, used), ", "))
}

// use notes that a placeholder is used.
func use(used *[]string, k string) {
	if !slices.Contains(*used, k) {
		*used = append(*used, k)
	}
}

// resolve puts names and values into the tree. It fails for the first that isn't
// defined.
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
	use(&s.usedValues, name)
	return v, nil
}

func (s *Scope) resolvePath(p Path) (Path, *Error) {
	if f := p.tooDeep(); f != nil {
		return p, f
	}
	out := p
	for i, step := range p {
		if !strings.HasPrefix(step.Name, "#") {
			continue
		}
		if &out[0] == &p[0] { // still the parsed path, which the cache shares
			out = slices.Clone(p)
		}
		name, ok := s.names[step.Name]
		if !ok {
			return p, fault("An expression attribute name used in the document path is not defined; attribute name: %s", step.Name)
		}
		use(&s.usedNames, step.Name)
		out[i].Name = name
	}
	return out, nil
}

// reservedIn fails for a path, before it is resolved, that contains a reserved word.
func reservedIn(p Path) *Error {
	for _, step := range p {
		if !step.IsIndex && reserved()[strings.ToUpper(step.Name)] {
			return fault("Attribute name is a reserved keyword; reserved keyword: %s", step.Name)
		}
	}
	return nil
}

// firstOf returns the first fault that isn't nil, or a nil error.
func firstOf(faults ...*Error) error {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}
