package expr

import (
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// A Condition is a checked condition, filter or key condition.
type Condition struct{ root *node }

// Condition parses a condition. label is the parameter's name, for messages:
// ConditionExpression, FilterExpression, KeyConditionExpression.
func (s *Scope) Condition(label, src string) (*Condition, error) {
	if len(src) > maxSize { // AWS includes the size for this parameter only
		return nil, fault("Invalid %s: Expression size has exceeded the maximum allowed size; expression size: %d", label, len(src))
	}
	written, err := conditions.get(src, readCondition)
	if err != nil {
		return nil, fault("Invalid %s: %s", label, err)
	}
	root := written.clone()
	if f := s.checkLeaves(root); f != nil {
		return nil, fault("Invalid %s: %s", label, f)
	}
	return &Condition{root}, nil
}

// readCondition parses a condition, and makes the checks that need no names and
// values.
func readCondition(src string) (*node, error) {
	root, redundant, err := parse(src, conditionWords, (*parser).condition)
	if err == nil {
		err = checkCondition(root, redundant)
	}
	return root, err
}

// Matches reports whether an item satisfies c; nil is an item that doesn't exist.
func (c *Condition) Matches(it value.Item) bool { return c.root.test(it) }

// Paths returns the paths that c names.
func (c *Condition) Paths() []Path {
	var paths []Path
	c.root.walk(func(n *node) {
		if n.op == opPath {
			paths = append(paths, n.path)
		}
	})
	return paths
}

// Limits of an expression.
const (
	maxOperators  = 300
	maxInOperands = 100
)

func checkCondition(root *node, redundant bool) error {
	if redundant {
		return fault("The expression has redundant parentheses;")
	}
	return firstOf(unknownFunction(root, conditionArity), misused(root), reservedName(root), tooManyOperators(countOperators(root)))
}

// tooManyOperators fails as AWS does, which stops counting at the first operator
// over the limit.
func tooManyOperators(n int) *Error {
	if n <= maxOperators {
		return nil
	}
	return fault("The expression contains too many operators; operator count: %d", maxOperators+1)
}

func countOperators(root *node) int {
	n := 0
	root.walk(func(m *node) {
		if m.op != opPath && m.op != opValue {
			n++
		}
	})
	return n
}

// checkLeaves checks each comparison and function on its own, in order.
func (s *Scope) checkLeaves(n *node) *Error {
	switch n.op {
	case opAnd, opOr, opNot:
		for _, a := range n.args {
			if f := s.checkLeaves(a); f != nil {
				return f
			}
		}
		return nil
	}
	if f := s.resolve(n); f != nil {
		return f
	}
	for _, check := range []func(*node) *Error{operandCount(conditionArity), orderedOperands, distinct, operandTypes} {
		var first *Error
		n.walk(func(m *node) {
			if first == nil {
				first = check(m)
			}
		})
		if first != nil {
			return first
		}
	}
	return nil
}

// conditionArity is the number of operands of each function of a condition.
var conditionArity = map[string]int{
	"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2,
	"begins_with": 2, "contains": 2, "size": 1,
}

func unknownFunction(root *node, arity map[string]int) (first *Error) {
	root.walk(func(n *node) {
		if _, known := arity[n.name]; n.op == opFunc && !known && first == nil {
			first = fault("Invalid function name; function: %s", n.name)
		}
	})
	return first
}

// misused fails for size in place of a condition, and for any other function in
// place of an operand.
func misused(root *node) (first *Error) {
	flag := func(n *node, operand bool) {
		if n.op == opFunc && (n.name == "size") != operand && first == nil {
			first = fault("The function is not allowed to be used this way in an expression; function: %s", n.name)
		}
	}
	root.walk(func(n *node) {
		for _, a := range n.args {
			flag(a, n.op != opAnd && n.op != opOr && n.op != opNot)
		}
	})
	flag(root, false)
	return first
}

func reservedName(root *node) (first *Error) {
	root.walk(func(n *node) {
		if first == nil {
			first = reservedIn(n.path)
		}
	})
	return first
}

func operandCount(arity map[string]int) func(*node) *Error {
	return func(n *node) *Error {
		name, count, ok := n.name, len(n.args), true
		switch n.op {
		case opFunc:
			ok = count == arity[n.name]
		case opIn:
			if count--; count > maxInOperands {
				return fault("The IN operator is provided with too many operands; number of operands: %d", count)
			}
		}
		if ok {
			return nil
		}
		return fault("Incorrect number of operands for operator or function; operator or function: %s, number of operands: %d", name, count)
	}
}

// distinct fails for a comparison of a path with itself.
func distinct(n *node) *Error {
	if len(n.args) < 2 || n.args[0].op != opPath {
		return nil
	}
	first := n.args[0].path
	if !slices.ContainsFunc(n.args[1:], func(a *node) bool { return a.op == opPath && first.equal(a.path) }) {
		return nil
	}
	name := string(n.op)
	if n.op == opFunc {
		name = n.name
	}
	return fault("The first operand must be distinct from the remaining operands for this operator or function; operator: %s, first operand: %s", name, first)
}

// kind returns n's kind if it is the same for every item; Invalid for a path.
func (n *node) kind() value.Kind {
	switch {
	case n.op == opValue:
		return n.val.Kind
	case n.op == opFunc && n.name == "size":
		return value.KindN
	case n.op == opFunc:
		return value.KindBool
	}
	return value.Invalid
}

func operandTypes(n *node) *Error {
	if n.op == opBetween {
		return betweenBounds(n.args[1], n.args[2])
	}
	if n.op != opFunc {
		return nil
	}
	switch n.name {
	case "attribute_exists", "attribute_not_exists":
		if n.args[0].op != opPath {
			return fault("Operator or function requires a document path; operator or function: %s", n.name)
		}
	case "begins_with":
		for _, a := range n.args {
			if k := a.kind(); k != value.Invalid && k != value.KindS && k != value.KindB {
				return wrongOperand(n.name, k.String())
			}
		}
	case "attribute_type":
		return typeOperand(n.args[1])
	case "size":
		switch k := n.args[0].kind(); k {
		case value.KindN, value.KindBool, value.KindNull:
			return wrongOperand(n.name, k.String())
		}
	}
	return nil
}

// orderedOperands fails unless the operands are strings, numbers or binaries:
// nothing else has an order.
func orderedOperands(n *node) *Error {
	if !n.hasOp(opLT, opLE, opGT, opGE, opBetween) {
		return nil
	}
	for _, a := range n.args {
		switch k := a.kind(); k {
		case value.Invalid, value.KindS, value.KindN, value.KindB:
		default:
			return wrongOperand(string(n.op), k.String())
		}
	}
	return nil
}

func wrongOperand(function, kind string) *Error {
	return fault("Incorrect operand type for operator or function; operator or function: %s, operand type: %s", function, kind)
}

func typeOperand(n *node) *Error {
	switch k := n.kind(); {
	case k == value.Invalid:
		return wrongOperand("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")
	case k != value.KindS:
		return wrongOperand("attribute_type", k.String())
	case value.KindOf(n.val.Str) == value.Invalid:
		return fault("Invalid attribute type name found; type: %s, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}", n.val.Str)
	}
	return nil
}

func betweenBounds(low, high *node) *Error {
	if low.op != opValue || high.op != opValue {
		return nil
	}
	what := ""
	if low.val.Kind != high.val.Kind {
		what = "same data type for lower and upper bounds"
	} else if c, ok := value.Compare(low.val, high.val); ok && c > 0 {
		what = "upper bound to be greater than or equal to lower bound"
	}
	if what == "" {
		return nil
	}
	return fault("The BETWEEN operator requires %s; lower bound operand: AttributeValue: {%s:%s}, upper bound operand: AttributeValue: {%s:%s}",
		what, low.val.Kind, low.val.Str, high.val.Kind, high.val.Str)
}

// hasOp reports whether n's operator is one of ops.
func (n *node) hasOp(ops ...op) bool { return slices.Contains(ops, n.op) }
