package expr

import "github.com/errandhq/errand/localstack/internal/dynamodb/value"

// A KeyTest is a query's condition on one key attribute.
type KeyTest struct {
	Op   string // = < <= > >= BETWEEN begins_with, or an operator that keys don't support
	Args []value.Value
}

// Matches reports whether v passes.
func (t KeyTest) Matches(v value.Value) bool {
	n := &node{op: op(t.Op), args: []*node{{op: opValue, val: v}}}
	if t.Op == "begins_with" {
		n.op, n.name = opFunc, t.Op
	}
	for _, a := range t.Args {
		n.args = append(n.args, &node{op: opValue, val: a})
	}
	return n.test(nil)
}

// KeyTests splits a key condition by attribute.
func (c *Condition) KeyTests() (map[string]KeyTest, error) {
	tests := map[string]KeyTest{}
	return tests, firstOf(keyTests(c.root, tests))
}

func keyTests(n *node, into map[string]KeyTest) *Error {
	if f := notForKeys(n); f != nil {
		return f
	}
	if n.op == opAnd {
		for _, a := range n.args {
			if f := keyTests(a, into); f != nil {
				return f
			}
		}
		return nil
	}
	return keyTest(n, into)
}

// notForKeys fails for anything that a key condition can't have.
func notForKeys(n *node) *Error {
	const invalidOp = "Invalid operator used in KeyConditionExpression: %s"
	switch {
	case n.hasOp(opOr, opNot, opIn, opNE):
		return fault(invalidOp, n.op)
	case n.op == opFunc && n.name == "size":
		return fault("KeyConditionExpressions cannot contain nested operations")
	case n.op == opFunc && n.name != "begins_with":
		return fault(invalidOp, n.name)
	case n.op == opBetween && n.args[0].op != opPath:
		return fault("Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute as its first operand")
	case n.op == opFunc && n.args[0].op != opPath:
		return fault("Invalid condition in KeyConditionExpression: begins_with operator must have the key attribute as its first operand")
	}
	return nil
}

func keyTest(n *node, into map[string]KeyTest) *Error {
	var t KeyTest
	attr, at := "", -1
	for i, a := range n.args {
		switch {
		case a.op == opFunc:
			return notForKeys(a)
		case a.op != opPath:
			t.Args = append(t.Args, a.val)
		case at >= 0:
			return fault("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
		case len(a.path) > 1:
			return fault("KeyConditionExpressions cannot have conditions on nested attributes")
		default:
			attr, at = a.path[0].Name, i
		}
	}
	if at < 0 {
		return fault("Invalid condition in KeyConditionExpression: No key attribute specified")
	}
	if _, twice := into[attr]; twice {
		return fault("KeyConditionExpressions must only contain one condition per key")
	}
	t.Op = string(n.op)
	switch {
	case n.op == opFunc:
		t.Op = n.name
	case at == 1:
		t.Op = string(mirrored[n.op])
	}
	into[attr] = t
	return nil
}

// mirrored is the comparator for swapped operands.
var mirrored = map[op]op{opEQ: opEQ, opLT: opGT, opLE: opGE, opGT: opLT, opGE: opLE}
