package expr

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// test evaluates a condition. A comparison with a missing attribute is false, except
// for <>.
func (n *node) test(it value.Item) bool {
	switch n.op {
	case opAnd:
		return n.args[0].test(it) && n.args[1].test(it)
	case opOr:
		return n.args[0].test(it) || n.args[1].test(it)
	case opNot:
		return !n.args[0].test(it)
	case opFunc:
		return n.call(it)
	}
	left, ok := n.args[0].operand(it)
	if n.op == opIn {
		return ok && slices.ContainsFunc(n.args[1:], func(a *node) bool {
			v, ok := a.operand(it)
			return ok && value.Equal(left, v)
		})
	}
	right, okRight := n.args[1].operand(it)
	if n.op == opNE {
		return !ok || !okRight || !value.Equal(left, right)
	}
	if !ok || !okRight {
		return false
	}
	if n.op == opBetween {
		high, ok := n.args[2].operand(it)
		return ok && compare(opGE, left, right) && compare(opLE, left, high)
	}
	return compare(n.op, left, right)
}

func compare(o op, a, b value.Value) bool {
	if o == opEQ {
		return value.Equal(a, b)
	}
	c, ok := value.Compare(a, b)
	if !ok {
		return false
	}
	switch o {
	case opLT:
		return c < 0
	case opLE:
		return c <= 0
	case opGT:
		return c > 0
	default:
		return c >= 0
	}
}

// operand returns n's value for the item. ok is false if it has none.
func (n *node) operand(it value.Item) (value.Value, bool) {
	switch n.op {
	case opValue:
		return n.val, true
	case opPath:
		return n.path.Get(it)
	}
	v, ok := n.args[0].operand(it) // size is the only function that is an operand
	if !ok {
		return v, false
	}
	size, ok := sizeOf(v)
	return value.N(strconv.Itoa(size)), ok
}

// sizeOf returns size(v): the number of UTF-16 code units of a string, of bytes of a
// binary, or of members of a set, list or map.
func sizeOf(v value.Value) (int, bool) {
	switch v.Kind {
	case value.KindS:
		return len(utf16.Encode([]rune(v.Str))), true
	case value.KindB:
		return len(v.Str), true
	case value.KindSS, value.KindNS, value.KindBS:
		return len(v.Set), true
	case value.KindL:
		return len(v.List), true
	case value.KindM:
		return len(v.Map), true
	}
	return 0, false
}

// call evaluates the functions that are conditions.
func (n *node) call(it value.Item) bool {
	a, ok := n.args[0].operand(it)
	switch n.name {
	case "attribute_exists":
		return ok
	case "attribute_not_exists":
		return !ok
	}
	b, okB := n.args[1].operand(it)
	if !ok || !okB {
		return false
	}
	switch n.name {
	case "attribute_type":
		return a.Kind == value.KindOf(b.Str)
	case "begins_with":
		return a.Kind == b.Kind && (a.Kind == value.KindS || a.Kind == value.KindB) && strings.HasPrefix(a.Str, b.Str)
	default:
		return contains(a, b)
	}
}

// contains reports whether b is part of the string or binary a, or a member of the
// set or list a.
func contains(a, b value.Value) bool {
	switch a.Kind {
	case value.KindS, value.KindB:
		return a.Kind == b.Kind && strings.Contains(a.Str, b.Str)
	case value.KindSS:
		return b.Kind == value.KindS && slices.Contains(a.Set, b.Str)
	case value.KindNS:
		return b.Kind == value.KindN && slices.Contains(a.Set, b.Str)
	case value.KindBS:
		return b.Kind == value.KindB && slices.Contains(a.Set, b.Str)
	case value.KindL:
		return slices.ContainsFunc(a.List, func(e value.Value) bool { return value.Equal(e, b) })
	}
	return false
}
