// Package expr is DynamoDB's expression language: a lexer, a parser, checks
// with AWS's messages, and evaluation against items.
//
//	condition, filter   = <> < <= > >=, BETWEEN, IN, AND, OR, NOT, parentheses,
//	                    attribute_exists, attribute_not_exists, attribute_type,
//	                    begins_with, contains, size
//	key condition       hash = v [AND range (= < <= > >= BETWEEN begins_with) …]
//	update              SET (+, -, if_not_exists, list_append), REMOVE, ADD, DELETE
//	projection          paths
//
// Paths lead into maps and lists (a.b[2].#c). A Scope holds the #names and :values
// of one request, and reports in the end which of them no expression used.
//
// Checks are made in AWS's order, so that a request with two faults gets the message
// that AWS sends.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html
package expr

import (
	"fmt"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// An Error is a fault of an expression: the message of a ValidationException.
type Error struct{ Message string }

func (e *Error) Error() string { return e.Message }

func fault(format string, args ...any) *Error { return &Error{fmt.Sprintf(format, args...)} }

// Messages of faults that depend on the item. They end an update.
var (
	ErrOperandType = &Error{"An operand in the update expression has an incorrect data type"}
	ErrNoAttribute = &Error{"The provided expression refers to an attribute that does not exist in the item"}
	ErrLegacyType  = &Error{"Type mismatch for attribute to update"} // ErrOperandType in AttributeUpdates
	ErrUpdatePath  = &Error{"The document path provided in the update expression is invalid for update"}
)

// An op is the kind of a node.
type op string

const (
	opOr      op = "OR"
	opAnd     op = "AND"
	opNot     op = "NOT"
	opBetween op = "BETWEEN"
	opIn      op = "IN"
	opEQ      op = "="
	opNE      op = "<>"
	opLT      op = "<"
	opLE      op = "<="
	opGT      op = ">"
	opGE      op = ">="
	opPlus    op = "+"
	opMinus   op = "-"
	opFunc    op = "function" // name(args…)
	opPath    op = "path"
	opValue   op = "value" // :name
)

// A node is an expression's tree: operators and functions over paths and values.
type node struct {
	op    op
	name  string // of a function, or of a value with its colon
	args  []*node
	path  Path        // as written until it is resolved
	val   value.Value // of a value, once resolved
	paren bool        // it was in parentheses
}

func (n *node) isCondition() bool {
	switch n.op {
	case opPath, opValue, opPlus, opMinus:
		return false
	}
	return true
}

// isOperand reports whether n can be compared. It accepts every function: misused
// finds those that aren't operands.
func (n *node) isOperand() bool { return n.op == opPath || n.op == opValue || n.op == opFunc }

// walk calls f for each node in the order of the text, operands first.
func (n *node) walk(f func(*node)) {
	for _, a := range n.args {
		a.walk(f)
	}
	f(n)
}
