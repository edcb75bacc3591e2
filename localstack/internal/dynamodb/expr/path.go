package expr

import (
	"fmt"
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// A Step leads from a document to a member: of a map by name, or of a list by index.
type Step struct {
	Name    string
	Index   int
	IsIndex bool
}

func (s Step) String() string {
	if s.IsIndex {
		return fmt.Sprintf("[%d]", s.Index)
	}
	return s.Name
}

// A Path leads from an item to a value in it. Its first step is a name.
type Path []Step

// Top returns the path of a top-level attribute.
func Top(name string) Path { return Path{{Name: name}} }

func (p Path) String() string {
	steps := make([]string, len(p))
	for i, s := range p {
		steps[i] = s.String()
	}
	return "[" + strings.Join(steps, ", ") + "]"
}

// maxPathDepth is the maximum number of steps of a path.
const maxPathDepth = 32

// tooDeep fails for a path with too many steps.
func (p Path) tooDeep() *Error {
	if len(p) <= maxPathDepth {
		return nil
	}
	return fault("The document path has too many nesting levels; nesting levels: %d", len(p))
}

func (p Path) equal(q Path) bool {
	if len(p) != len(q) {
		return false
	}
	for i := range p {
		if p[i] != q[i] {
			return false
		}
	}
	return true
}

// Get returns the value at p; ok is false if there is none.
func (p Path) Get(it value.Item) (value.Value, bool) {
	v, ok := it[p[0].Name]
	for _, s := range p[1:] {
		if !ok {
			break
		}
		v, ok = s.get(v)
	}
	return v, ok
}

func (s Step) get(v value.Value) (value.Value, bool) {
	if s.IsIndex {
		if v.Kind != value.KindL || s.Index >= len(v.List) {
			return value.Value{}, false
		}
		return v.List[s.Index], true
	}
	if v.Kind != value.KindM {
		return value.Value{}, false
	}
	e, ok := v.Map[s.Name]
	return e, ok
}

// checkPaths finds two paths that can't be in one expression. They overlap if one is
// the other or leads through it. They conflict if one has a list where the other has
// a map.
func checkPaths(paths []Path) (overlap, conflict *Error) {
	const format = "Two document paths %s with each other; must remove or rewrite one of these paths; path one: %s, path two: %s"
	for i, q := range paths {
		for _, p := range paths[:i] {
			switch relate(p, q) {
			case pathsOverlap:
				if overlap == nil {
					overlap = fault(format, "overlap", p, q)
				}
			case pathsConflict:
				if conflict == nil {
					conflict = fault(format, "conflict", p, q)
				}
			}
		}
	}
	return overlap, conflict
}

type relation uint8

const (
	pathsApart relation = iota
	pathsOverlap
	pathsConflict
)

func relate(p, q Path) relation {
	for i := range min(len(p), len(q)) {
		if p[i].IsIndex != q[i].IsIndex {
			return pathsConflict
		}
		if p[i] != q[i] {
			return pathsApart
		}
	}
	return pathsOverlap
}
