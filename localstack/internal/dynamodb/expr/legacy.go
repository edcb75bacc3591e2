package expr

import "github.com/errandhq/errand/localstack/internal/dynamodb/value"

// The parameters that DynamoDB had before expressions (Expected, QueryFilter,
// AttributeUpdates, …) become the same trees.

// legacyOps are the comparison operators that are comparators in expressions.
var legacyOps = map[string]op{
	"EQ": opEQ, "NE": opNE, "LE": opLE, "LT": opLT, "GE": opGE, "GT": opGT, "IN": opIn, "BETWEEN": opBetween,
}

// legacyFuncs are those that are functions in expressions. A NOT_ operator is the
// negation of its function.
var legacyFuncs = map[string]string{
	"NOT_NULL": "attribute_exists", "NULL": "attribute_not_exists",
	"CONTAINS": "contains", "BEGINS_WITH": "begins_with", "NOT_CONTAINS": "contains",
}

// A LegacyTest compares one attribute by a ComparisonOperator.
type LegacyTest struct {
	Attr     string
	Operator string
	Args     []value.Value
}

// Legacy returns the condition that all tests pass, or that any does; nil if there
// are no tests.
func Legacy(tests []LegacyTest, any bool) *Condition {
	if len(tests) == 0 {
		return nil
	}
	if any {
		return &Condition{joined(tests, opOr)}
	}
	return &Condition{joined(tests, opAnd)}
}

// joined returns a balanced tree: there may be any number of tests.
func joined(tests []LegacyTest, join op) *node {
	if len(tests) == 1 {
		return tests[0].node()
	}
	half := len(tests) / 2
	return &node{op: join, args: []*node{joined(tests[:half], join), joined(tests[half:], join)}}
}

func (t LegacyTest) node() *node {
	n := &node{op: opFunc, name: legacyFuncs[t.Operator], args: []*node{{op: opPath, path: Top(t.Attr)}}}
	if o, ok := legacyOps[t.Operator]; ok {
		n.op, n.name = o, ""
	}
	for _, a := range t.Args {
		n.args = append(n.args, &node{op: opValue, val: a})
	}
	if t.Operator == "NOT_CONTAINS" {
		return &node{op: opNot, args: []*node{n}}
	}
	return n
}

// KeyTest returns the test as a condition on a key. Its Op is the legacy name if
// keys don't support the operator.
func (t LegacyTest) KeyTest() KeyTest {
	kt := KeyTest{Op: t.Operator, Args: t.Args}
	switch o := legacyOps[t.Operator]; {
	case t.Operator == "BEGINS_WITH":
		kt.Op = "begins_with"
	case o != "" && o != opNE && o != opIn:
		kt.Op = string(o)
	}
	return kt
}

// A LegacyUpdate changes one attribute. Section is SET, REMOVE, ADD or DELETE, as in
// an expression.
type LegacyUpdate struct {
	Attr    string
	Section string
	Value   value.Value // not for REMOVE
}

// LegacyUpdates returns the update that makes all changes.
func LegacyUpdates(us []LegacyUpdate) *Update {
	u := &Update{legacy: true}
	for _, l := range us {
		a := action{section: l.Section, path: Top(l.Attr)}
		if l.Section != "REMOVE" {
			a.val = &node{op: opValue, val: l.Value}
		}
		u.actions = append(u.actions, a)
	}
	return u
}
