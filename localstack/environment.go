package localstack

import "maps"

// Environment returns the environment variables of a function in the template,
// without Lambda's own. The function is named by logical ID, name, or the last
// element of its CodeUri. nil: there is no such function.
func (s *Stack) Environment(function string) map[string]string {
	for i := range s.template.Functions {
		if f := &s.template.Functions[i]; isNamed(f, function) {
			return maps.Clone(f.Environment)
		}
	}
	return nil
}
