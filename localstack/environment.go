package localstack

import "maps"

// Environment is the environment that the template gives a function, without
// Lambda's own variables. The function is named by logical ID, name, or the last
// element of its CodeUri; nil if there is none of that name.
func (s *Stack) Environment(function string) map[string]string {
	for i := range s.template.Functions {
		if f := &s.template.Functions[i]; isNamed(f, function) {
			return maps.Clone(f.Environment)
		}
	}
	return nil
}
