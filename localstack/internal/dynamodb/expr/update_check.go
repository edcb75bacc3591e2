package expr

import "github.com/errandhq/errand/localstack/internal/dynamodb/value"

// updateArity is the number of operands of each function of an update.
var updateArity = map[string]int{"if_not_exists": 2, "list_append": 2}

// checkUpdate makes the checks that need no names and values, in AWS's order.
func checkUpdate(actions []action, sections []section) error {
	var reservedWord, unknown, misused *Error
	operators := 0
	for _, a := range actions {
		if reservedWord == nil {
			reservedWord = reservedIn(a.path)
		}
		if a.val == nil {
			continue
		}
		operators += countOperators(a.val)
		if reservedWord == nil {
			reservedWord = reservedName(a.val)
		}
		if unknown == nil {
			unknown = unknownInUpdate(a.val)
		}
		if misused == nil {
			misused = misusedInUpdate(a.val)
		}
	}
	return firstOf(reservedWord, unknown, misused, sectionTwice(sections), tooManyOperators(operators))
}

// bindUpdate resolves names and values, and makes the checks that need them.
func (s *Scope) bindUpdate(u *Update) error {
	if f := s.resolveUpdate(u); f != nil {
		return f
	}
	overlap, conflict := checkPaths(u.Paths())
	return firstOf(overlap, conflict, sectionOperands(u), functionOperands(u))
}

// unknownInUpdate fails for functions that don't exist or belong to conditions.
func unknownInUpdate(root *node) *Error {
	var first *Error
	root.walk(func(n *node) {
		if _, known := conditionArity[n.name]; n.op == opFunc && known && first == nil {
			first = fault("The function is not allowed in an update expression; function: %s", n.name)
		}
	})
	if first != nil {
		return first
	}
	return unknownFunction(root, updateArity)
}

// misusedInUpdate fails for a list_append that is an operand.
func misusedInUpdate(root *node) (first *Error) {
	root.walk(func(n *node) {
		for _, a := range n.args {
			if a.op == opFunc && a.name == "list_append" && first == nil {
				first = fault("The function is not allowed to be used this way in an expression; function: %s", a.name)
			}
		}
	})
	return first
}

func sectionTwice(sections []section) *Error {
	seen := map[string]bool{}
	for _, sec := range sections {
		if seen[sec.word] {
			return fault(`The "%s" section can only be used once in an update expression;`, sec.word)
		}
		seen[sec.word] = true
	}
	return nil
}

// resolveUpdate puts names and values in. A missing name is reported before a
// missing value.
func (s *Scope) resolveUpdate(u *Update) *Error {
	var noName, noValue *Error
	keep := func(to **Error, f *Error) {
		if *to == nil {
			*to = f
		}
	}
	for i := range u.actions {
		a := &u.actions[i]
		p, f := s.resolvePath(a.path)
		a.path = p
		keep(&noName, f)
		if a.val == nil {
			continue
		}
		a.val.walk(func(n *node) {
			switch n.op {
			case opPath:
				n.path, f = s.resolvePath(n.path)
				keep(&noName, f)
			case opValue:
				n.val, f = s.value(n.name)
				keep(&noValue, f)
			}
		})
	}
	if noName != nil {
		return noName
	}
	return noValue
}

// longNames are the names of kinds in the messages about ADD and DELETE.
var longNames = map[value.Kind]string{
	value.KindS: "STRING", value.KindN: "NUMBER", value.KindB: "BINARY", value.KindNull: "NULL",
	value.KindBool: "BOOLEAN", value.KindL: "LIST", value.KindM: "MAP",
}

// sectionOperands fails unless ADD has a number or a set, and DELETE a set.
func sectionOperands(u *Update) *Error {
	for _, a := range u.actions {
		if a.section != "ADD" && a.section != "DELETE" {
			continue
		}
		k := a.val.val.Kind
		if long, scalar := longNames[k]; scalar && (a.section != "ADD" || k != value.KindN) {
			return fault("Incorrect operand type for operator or function; operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND", a.section, long, a.section)
		}
	}
	return nil
}

func functionOperands(u *Update) (first *Error) {
	count := operandCount(updateArity)
	for _, a := range u.actions {
		if a.val == nil {
			continue
		}
		a.val.walk(func(n *node) {
			if first == nil {
				first = count(n)
			}
			if first == nil {
				first = updateOperand(n)
			}
		})
	}
	return first
}

func updateOperand(n *node) *Error {
	var name string
	var want value.Kind
	switch {
	case n.op == opPlus || n.op == opMinus:
		name, want = string(n.op), value.KindN
	case n.op == opFunc && n.name == "list_append":
		name, want = n.name, value.KindL
	case n.op == opFunc && n.args[0].op != opPath:
		return fault("Operator or function requires a document path; operator or function: %s", n.name)
	case n.op == opFunc:
		return distinct(n)
	default:
		return nil
	}
	for _, a := range n.args {
		if a.op == opValue && a.val.Kind != want {
			return wrongOperand(name, a.val.Kind.String())
		}
	}
	return nil
}
