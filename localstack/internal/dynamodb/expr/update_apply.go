package expr

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Apply returns a changed copy of the item. All values are computed from the item
// before any change. Appends to a list are made in the order of their indexes, and
// removals from the end, so that each index means what it meant before.
// Errors: ErrOperandType (ErrLegacyType), ErrNoAttribute, ErrUpdatePath, or a
// number's fault.
func (u *Update) Apply(it value.Item) (value.Item, error) {
	results := make([]change, 0, len(u.actions))
	for _, a := range u.actions {
		c, err := a.evaluate(it)
		if u.legacy && errors.Is(err, ErrOperandType) {
			err = ErrLegacyType
		}
		if err != nil {
			return nil, err
		}
		results = append(results, c)
	}
	slices.SortStableFunc(results, func(a, b change) int {
		if a.remove != b.remove {
			return cmp.Compare(btoi(a.remove), btoi(b.remove))
		}
		if a.remove {
			return comparePaths(b.path, a.path)
		}
		return comparePaths(a.path, b.path)
	})
	e := editor{doc: make(value.Item, len(it)+len(results)), owned: map[*value.Members]bool{}}
	maps.Copy(e.doc, it)
	for _, c := range results {
		if err := e.do(c); err != nil {
			return nil, err
		}
	}
	return e.doc, nil
}

// An editor changes doc, a copy of an item. It copies each list and map at its first
// change: copying it at every change would take long for large ones.
type editor struct {
	doc   value.Item
	owned map[*value.Members]bool // copies, which may be changed
}

func (e editor) do(c change) error {
	name := c.path[0].Name
	switch {
	case !c.set && !c.remove:
		return nil
	case len(c.path) > 1:
		return e.doWithin(c, name)
	case c.remove:
		delete(e.doc, name)
	default:
		e.doc[name] = c.val
	}
	return nil
}

// doWithin changes an attribute's value.
func (e editor) doWithin(c change, name string) (err error) {
	v, ok := e.doc[name]
	if !ok {
		return ErrUpdatePath
	}
	if c.remove {
		v, err = e.removeAt(v, c.path[1:])
	} else {
		v, err = e.setAt(v, c.path[1:], c.val)
	}
	if err == nil {
		e.doc[name] = v
	}
	return err
}

// A change is the effect of an action on one item. With neither set nor remove it
// has none.
type change struct {
	path        Path
	set, remove bool
	val         value.Value
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func comparePaths(a, b Path) int {
	return slices.CompareFunc(a, b, func(s, t Step) int {
		if c := cmp.Compare(s.Name, t.Name); c != 0 {
			return c
		}
		return cmp.Compare(s.Index, t.Index)
	})
}

func (a action) evaluate(it value.Item) (change, error) {
	c := change{path: a.path, set: true}
	var err error
	switch a.section {
	case "SET":
		if !a.path.reaches(it) {
			return c, ErrUpdatePath
		}
		c.val, err = a.val.updateValue(it)
	case "REMOVE":
		c.set, c.remove = false, true
	case "ADD":
		c.val, err = added(a.path, it, a.val.val)
	case "DELETE":
		return deleted(a.path, it, a.val.val)
	}
	return c, err
}

func (n *node) updateValue(it value.Item) (value.Value, error) {
	switch n.op {
	case opValue:
		return n.val, nil
	case opPath:
		if v, ok := n.path.Get(it); ok {
			return v, nil
		}
		return value.Value{}, ErrNoAttribute
	}
	if n.name == "if_not_exists" {
		other, err := n.args[1].updateValue(it) // must exist even if it isn't needed
		if v, ok := n.args[0].path.Get(it); ok && err == nil {
			return v, nil
		}
		return other, err
	}
	a, err := n.args[0].updateValue(it)
	if err != nil {
		return a, err
	}
	b, err := n.args[1].updateValue(it)
	if err != nil {
		return b, err
	}
	if n.op == opFunc {
		return appended(a, b)
	}
	return arithmetic(n.op, a, b)
}

func appended(a, b value.Value) (value.Value, error) {
	if a.Kind != value.KindL || b.Kind != value.KindL {
		return a, ErrOperandType
	}
	return value.L(slices.Concat(a.List, b.List)...), nil
}

func arithmetic(o op, a, b value.Value) (value.Value, error) {
	if a.Kind != value.KindN || b.Kind != value.KindN {
		return a, ErrOperandType
	}
	f := value.Add
	if o == opMinus {
		f = value.Sub
	}
	s, err := f(a.Str, b.Str)
	if err != nil {
		return a, &Error{err.Error()}
	}
	return value.Value{Kind: value.KindN, Str: s}, nil
}

// added returns the value after ADD: a sum, a union of sets, or (in AttributeUpdates
// only) a longer list.
func added(p Path, it value.Item, v value.Value) (value.Value, error) {
	old, ok := p.Get(it)
	switch {
	case !ok:
		return v, nil
	case old.Kind != v.Kind:
		return v, ErrOperandType
	case v.Kind == value.KindN:
		return arithmetic(opPlus, old, v)
	case v.Kind == value.KindL:
		return appended(old, v)
	}
	return value.Set(v.Kind, slices.Concat(old.Set, value.Without(v.Set, old.Set))), nil
}

// deleted returns the change by DELETE: a smaller set, or no attribute if the set
// would be empty.
func deleted(p Path, it value.Item, v value.Value) (change, error) {
	old, ok := p.Get(it)
	if !p.reaches(it) {
		return change{}, ErrUpdatePath
	}
	if !ok {
		return change{path: p}, nil
	}
	if old.Kind != v.Kind {
		return change{}, ErrOperandType
	}
	left := value.Without(old.Set, v.Set)
	if len(left) == 0 {
		return change{path: p, remove: true}, nil
	}
	return change{path: p, set: true, val: value.Set(old.Kind, left)}, nil
}

// setAt returns v with the value at p replaced. An index past the end of a list
// appends. The parents of p must exist.
func (e editor) setAt(v value.Value, p Path, to value.Value) (value.Value, error) {
	if len(p) == 0 {
		return to, nil
	}
	s := p[0]
	child, ok := s.get(v)
	if !s.fits(v) || !ok && len(p) > 1 {
		return v, ErrUpdatePath
	}
	child, err := e.setAt(child, p[1:], to)
	if err != nil {
		return v, err
	}
	return e.put(v, s, child), nil
}

// reaches reports whether the document that contains p exists.
func (p Path) reaches(it value.Item) bool {
	if len(p) == 1 {
		return true
	}
	parent, ok := p[:len(p)-1].Get(it)
	return ok && p[len(p)-1].fits(parent)
}

// fits reports whether v is of the kind that s steps into.
func (s Step) fits(v value.Value) bool {
	return s.IsIndex && v.Kind == value.KindL || !s.IsIndex && v.Kind == value.KindM
}

// own returns v, a list or map, as one that may be changed.
func (e editor) own(v value.Value) value.Value {
	if e.owned[v.Members] {
		return v
	}
	if v.Kind == value.KindL {
		v = value.L(slices.Clone(v.List)...)
	} else {
		m := make(map[string]value.Value, len(v.Map)+1)
		maps.Copy(m, v.Map)
		v = value.M(m)
	}
	e.owned[v.Members] = true
	return v
}

// put returns v, which s fits, with the member at s set.
func (e editor) put(v value.Value, s Step, member value.Value) value.Value {
	v = e.own(v)
	switch {
	case !s.IsIndex:
		v.Map[s.Name] = member
	case s.Index < len(v.List):
		v.List[s.Index] = member
	default:
		v.List = append(v.List, member)
	}
	return v
}

// removeAt returns v without the value at p, if there is one.
func (e editor) removeAt(v value.Value, p Path) (value.Value, error) {
	s := p[0]
	child, ok := s.get(v)
	switch {
	case !s.fits(v) || !ok && len(p) > 1:
		return v, ErrUpdatePath
	case !ok:
		return v, nil
	case len(p) > 1:
		child, err := e.removeAt(child, p[1:])
		if err != nil {
			return v, err
		}
		return e.put(v, s, child), nil
	}
	v = e.own(v)
	if s.IsIndex {
		v.List = slices.Delete(v.List, s.Index, s.Index+1)
	} else {
		delete(v.Map, s.Name)
	}
	return v, nil
}
