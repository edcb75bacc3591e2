package expr

import (
	"slices"
	"strconv"
)

// maxSize is the maximum length of an expression, in bytes.
const maxSize = 4096

// A parser reads one expression. It reports a fault by panic(*Error), which parse
// recovers: this keeps the grammar readable.
type parser struct {
	src       string
	toks      []token
	pos       int
	redundant bool // the text has (( … )) around one thing
	keywords  []string
}

// The keywords of each grammar. They can't be steps of a path.
var (
	conditionWords = []string{"AND", "OR", "NOT", "BETWEEN", "IN"}
	updateWords    = []string{"SET", "REMOVE", "ADD", "DELETE"}
)

// parse runs grammar over all of src.
func parse[T any](src string, keywords []string, grammar func(*parser) T) (result T, redundant bool, err error) {
	if src == "" {
		return result, false, fault("The expression can not be empty;")
	}
	if len(src) > maxSize {
		return result, false, fault("Expression size has exceeded the maximum allowed size;")
	}
	p := &parser{src: src, toks: lex(src), keywords: keywords}
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(*Error)
			if !ok {
				panic(r)
			}
			err = e
		}
	}()
	result = grammar(p)
	if p.peek().kind != tokEOF {
		p.unexpected()
	}
	return result, p.redundant, nil
}

func (p *parser) peek() token { return p.toks[p.pos] }

func (p *parser) accept(punct string) bool {
	if p.peek().is(punct) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) acceptWord(keyword string) bool {
	if p.peek().isWord(keyword) {
		p.pos++
		return true
	}
	return false
}

func (p *parser) expect(punct string) {
	if !p.accept(punct) {
		p.unexpected()
	}
}

// unexpected fails for the current token, with the text around it.
func (p *parser) unexpected() {
	t := p.peek()
	from, to := p.pos, p.pos
	if from > 0 {
		from--
	}
	if to < len(p.toks)-1 {
		to++
	}
	panic(fault(`Syntax error; token: "%s", near: "%s"`, t.text, p.src[p.toks[from].start:p.toks[to].end]))
}

// condition = and { OR and }
func (p *parser) condition() *node {
	return p.mustCondition(p.or())
}

func (p *parser) mustCondition(n *node) *node {
	if !n.isCondition() {
		p.unexpected()
	}
	return n
}

func (p *parser) or() *node { return p.chain("OR", opOr, p.and) }

// and = not { AND not }
func (p *parser) and() *node { return p.chain("AND", opAnd, p.not) }

func (p *parser) chain(word string, o op, operand func() *node) *node {
	n := operand()
	for p.peek().isWord(word) {
		p.mustCondition(n)
		p.pos++
		n = &node{op: o, args: []*node{n, p.mustCondition(operand())}}
	}
	return n
}

// not = [ NOT ] comparison
func (p *parser) not() *node {
	if p.acceptWord("NOT") {
		return &node{op: opNot, args: []*node{p.mustCondition(p.not())}}
	}
	return p.comparison()
}

// comparison = operand [ comparator operand | BETWEEN operand AND operand | IN list ]
func (p *parser) comparison() *node {
	left := p.primary()
	t := p.peek()
	switch {
	case t.kind == tokPunct && isComparator(op(t.text)):
		p.mustOperand(left)
		p.pos++
		return &node{op: op(t.text), args: []*node{left, p.operand()}}
	case t.isWord("BETWEEN"):
		p.mustOperand(left)
		p.pos++
		low := p.operand()
		if !p.acceptWord("AND") {
			p.unexpected()
		}
		return &node{op: opBetween, args: []*node{left, low, p.operand()}}
	case t.isWord("IN"):
		p.mustOperand(left)
		p.pos++
		p.expect("(")
		return &node{op: opIn, args: append([]*node{left}, p.arguments()...)}
	}
	return left
}

func isComparator(o op) bool {
	switch o {
	case opEQ, opNE, opLT, opLE, opGT, opGE:
		return true
	}
	return false
}

func (p *parser) mustOperand(n *node) {
	if !n.isOperand() {
		p.unexpected()
	}
}

// operand is a primary that can be compared, or be part of a list.
func (p *parser) operand() *node {
	n := p.primary()
	p.mustOperand(n)
	return n
}

// primary = ( condition or operand ) | function | :value | path
func (p *parser) primary() *node {
	t := p.peek()
	switch {
	case t.is("("):
		p.pos++
		return p.group(p.or())
	case t.kind == tokValue:
		p.pos++
		return &node{op: opValue, name: t.text}
	case t.kind == tokIdent && p.toks[p.pos+1].is("("):
		if p.isKeyword(t) {
			p.unexpected()
		}
		p.pos += 2
		return &node{op: opFunc, name: t.text, args: p.arguments()}
	}
	return &node{op: opPath, path: p.path()}
}

// group ends a parenthesis around n. A path can go on after it: (a).b
func (p *parser) group(n *node) *node {
	p.expect(")")
	p.redundant = p.redundant || n.paren
	n.paren = true
	if n.op == opPath {
		if longer := p.steps(n.path); len(longer) > len(n.path) {
			n.path, n.paren = longer, false
		}
	}
	return n
}

// arguments = operand { , operand } ")"
func (p *parser) arguments() []*node {
	args := []*node{p.operand()}
	for p.accept(",") {
		args = append(args, p.operand())
	}
	p.expect(")")
	return args
}

func (p *parser) isKeyword(t token) bool { return slices.ContainsFunc(p.keywords, t.isWord) }

// path = name { . name | [ index ] }
func (p *parser) path() Path { return p.steps(Path{p.pathName()}) }

func (p *parser) pathName() Step {
	t := p.peek()
	if t.kind != tokName && (t.kind != tokIdent || p.isKeyword(t)) {
		p.unexpected()
	}
	p.pos++
	return Step{Name: t.text}
}

func (p *parser) steps(path Path) Path {
	for {
		switch {
		case p.accept("."):
			path = append(path, p.pathName())
		case p.accept("["):
			t := p.peek()
			i, err := strconv.ParseInt(t.text, 10, 32)
			if t.kind != tokNumber {
				p.unexpected()
			}
			if err != nil {
				panic(fault("List index is not within the allowable range; index: [%s]", t.text))
			}
			p.pos++
			p.expect("]")
			path = append(path, Step{Index: int(i), IsIndex: true})
		default:
			return path
		}
	}
}

// paths = path { , path }
func (p *parser) paths() []Path {
	paths := []Path{p.path()}
	for p.accept(",") {
		paths = append(paths, p.path())
	}
	return paths
}
