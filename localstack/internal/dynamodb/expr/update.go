package expr

import (
	"slices"
	"strings"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// An Update is a checked UpdateExpression.
type Update struct {
	actions []action
	legacy  bool // made of AttributeUpdates, whose messages differ
}

// An action is one clause of a section: SET path = val, REMOVE path, ADD path val,
// DELETE path val.
type action struct {
	section string
	path    Path
	val     *node
}

// Update parses an UpdateExpression.
func (s *Scope) Update(src string) (*Update, error) {
	written, err := updates.get(src, readUpdate)
	if err != nil {
		return nil, fault("Invalid UpdateExpression: %s", err)
	}
	u := &Update{actions: slices.Clone(written)}
	for i, a := range u.actions {
		if a.val != nil {
			u.actions[i].val = a.val.clone()
		}
	}
	if err := s.bindUpdate(u); err != nil {
		return nil, fault("Invalid UpdateExpression: %s", err)
	}
	return u, nil
}

// readUpdate parses an update, and makes the checks that need no names and values.
func readUpdate(src string) ([]action, error) {
	sections, redundant, err := parse(src, updateWords, (*parser).update)
	if err == nil && redundant {
		err = fault("The expression has redundant parentheses;")
	}
	if err != nil {
		return nil, err
	}
	var actions []action
	for _, sec := range sections {
		actions = append(actions, sec.actions...)
	}
	return actions, checkUpdate(actions, sections)
}

// Paths returns the paths that u changes, in the order of the text.
func (u *Update) Paths() []Path {
	paths := make([]Path, len(u.actions))
	for i, a := range u.actions {
		paths[i] = a.path
	}
	return paths
}

// OnlyRemoves reports whether u has REMOVE and DELETE clauses only. Where there is no
// item, AWS ignores such an update, even if its paths lead nowhere.
func (u *Update) OnlyRemoves() bool {
	return len(u.actions) > 0 && !slices.ContainsFunc(u.actions, func(a action) bool { return a.section == "SET" || a.section == "ADD" })
}

// AllPaths returns the paths in u, both targets and operands.
func (u *Update) AllPaths() []Path {
	paths := u.Paths()
	for _, a := range u.actions {
		if a.val != nil {
			a.val.walk(func(n *node) {
				if n.op == opPath {
					paths = append(paths, n.path)
				}
			})
		}
	}
	return paths
}

// Kind returns the kind that u gives a top-level attribute; Invalid if that depends
// on the item, or if u doesn't set the attribute.
func (u *Update) Kind(attr string) value.Kind {
	for _, a := range u.actions {
		if len(a.path) == 1 && a.path[0].Name == attr && a.val != nil && a.section != "DELETE" {
			return updateKind(a.val)
		}
	}
	return value.Invalid
}

func updateKind(n *node) value.Kind {
	switch {
	case n.op == opValue:
		return n.val.Kind
	case n.op == opPlus || n.op == opMinus:
		return value.KindN
	case n.op == opFunc && n.name == "list_append":
		return value.KindL
	case n.op == opFunc:
		return updateKind(n.args[1])
	}
	return value.Invalid
}

type section struct {
	word    string
	actions []action
}

// update = section { section }
func (p *parser) update() []section {
	sections := []section{p.section()}
	for p.peek().kind != tokEOF {
		sections = append(sections, p.section())
	}
	return sections
}

// section = ( SET | REMOVE | ADD | DELETE ) clause { , clause }
func (p *parser) section() section {
	t := p.peek()
	if !p.isKeyword(t) {
		p.unexpected()
	}
	p.pos++
	s := section{word: strings.ToUpper(t.text)}
	for {
		s.actions = append(s.actions, p.clause(s.word))
		if !p.accept(",") {
			return s
		}
	}
}

func (p *parser) clause(word string) action {
	a := action{section: word, path: p.path()}
	switch word {
	case "SET":
		p.expect("=")
		a.val = p.setValue()
	case "ADD", "DELETE":
		t := p.peek()
		if t.kind != tokValue {
			p.unexpected()
		}
		p.pos++
		a.val = &node{op: opValue, name: t.text}
	}
	return a
}

// setValue = operand [ ( + | - ) operand ], which may stand in parentheses
func (p *parser) setValue() *node {
	n := p.setOperand(true)
	if t := p.peek(); (t.is("+") || t.is("-")) && n.isOperand() {
		p.pos++
		return &node{op: op(t.text), args: []*node{n, p.setOperand(false)}}
	}
	return n
}

// setOperand = function | :value | path | ( operand ); only the outermost
// parentheses can contain a sum.
func (p *parser) setOperand(outer bool) *node {
	t := p.peek()
	switch {
	case t.is("("):
		p.pos++
		inner := p.setOperand
		if outer {
			inner = func(bool) *node { return p.setValue() }
		}
		n := inner(false)
		p.expect(")")
		p.redundant = p.redundant || n.paren
		n.paren = true
		return n
	case t.kind == tokValue:
		p.pos++
		return &node{op: opValue, name: t.text}
	case t.kind == tokIdent && p.toks[p.pos+1].is("(") && !p.isKeyword(t):
		p.pos += 2
		n := &node{op: opFunc, name: t.text, args: []*node{p.setOperand(false)}}
		for p.accept(",") {
			n.args = append(n.args, p.setOperand(false))
		}
		p.expect(")")
		return n
	}
	return &node{op: opPath, path: p.path()}
}
