package expr

import (
	"maps"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Projection parses a ProjectionExpression.
func (s *Scope) Projection(src string) ([]Path, error) {
	written, err := projections.get(src, readProjection)
	if err != nil {
		return nil, fault("Invalid ProjectionExpression: %s", err)
	}
	paths, err := s.bindProjection(written)
	if err != nil {
		return nil, fault("Invalid ProjectionExpression: %s", err)
	}
	return paths, nil
}

// readProjection parses a projection, and makes the checks that need no names.
func readProjection(src string) ([]Path, error) {
	paths, _, err := parse(src, conditionWords, (*parser).paths)
	if err != nil {
		return nil, err
	}
	for _, p := range paths {
		if f := reservedIn(p); f != nil {
			return nil, f
		}
	}
	return paths, nil
}

func (s *Scope) bindProjection(written []Path) ([]Path, error) {
	paths := make([]Path, len(written))
	for i, p := range written {
		var f *Error
		if paths[i], f = s.resolvePath(p); f != nil {
			return nil, f
		}
	}
	return paths, firstOf(checkPaths(paths))
}

// Project returns the parts of the item at the paths, within the maps and lists that
// contain them. Lists keep the order of their members, without gaps.
func Project(it value.Item, paths []Path) value.Item {
	out := value.Item{}
	parts := map[string][]Path{}
	for _, p := range paths {
		parts[p[0].Name] = append(parts[p[0].Name], p[1:])
	}
	for name, rest := range parts {
		if v, ok := it[name]; ok {
			if w, ok := project(v, rest); ok {
				out[name] = w
			}
		}
	}
	return out
}

// project returns the parts of v at the paths below it, and whether there are any.
func project(v value.Value, paths []Path) (value.Value, bool) {
	if slices.ContainsFunc(paths, func(p Path) bool { return len(p) == 0 }) {
		return v, true
	}
	parts := map[Step][]Path{}
	for _, p := range paths {
		parts[p[0]] = append(parts[p[0]], p[1:])
	}
	out := value.Value{Kind: v.Kind, Members: &value.Members{}}
	if v.Kind == value.KindM {
		out.Map = map[string]value.Value{}
	}
	steps := slices.SortedFunc(maps.Keys(parts), func(a, b Step) int { return a.Index - b.Index })
	found := false
	for _, s := range steps {
		e, ok := s.get(v)
		if !ok {
			continue
		}
		w, ok := project(e, parts[s])
		if !ok {
			continue
		}
		found = true
		if s.IsIndex {
			out.List = append(out.List, w)
		} else {
			out.Map[s.Name] = w
		}
	}
	return out, found
}
