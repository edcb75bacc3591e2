// Package value is DynamoDB's data: attribute values and items, their wire and
// storage forms, 38-digit numbers, order, equality and size.
//
// Rules and messages are those of the DynamoDB Developer Guide ("Supported data
// types and naming rules", "Item sizes and formats").
package value

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Kind is the type of a value.
type Kind uint8

// The kinds. Their numbers stand in stored items: they never change.
const (
	Invalid Kind = iota // Str is the reason
	KindS
	KindN
	KindB
	KindBool
	KindNull
	KindSS
	KindNS
	KindBS
	KindL
	KindM
)

var kindNames = [...]string{"", "S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M"}

// String is the kind's name on the wire: S, N, BOOL, SS, …
func (k Kind) String() string { return kindNames[k] }

// KindOf returns the kind with a wire name; Invalid if there is none.
func KindOf(name string) Kind {
	if name == "" {
		return Invalid
	}
	return Kind(max(slices.Index(kindNames[:], name), 0))
}

// A Value is an attribute value. Values are immutable; update expressions change
// copies.
type Value struct {
	Kind Kind
	Bool bool   // BOOL
	Str  string // S; N in canonical form; B as raw bytes; the reason of Invalid

	// Set, list and map have Members; it is nil for all other kinds. A pointer keeps
	// Value small, which maps of values allocate eight at a time.
	*Members
}

// Members has one of the three.
type Members struct {
	Set  []string         // SS, NS (canonical), BS (raw bytes), in the order given
	List []Value          // L
	Map  map[string]Value // M
}

// An Item is an item, or a key, by attribute name.
type Item map[string]Value

// S returns a string value.
func S(s string) Value { return Value{Kind: KindS, Str: s} }

// B returns a binary value.
func B(b []byte) Value { return Value{Kind: KindB, Str: string(b)} }

// Bool returns a boolean.
func Bool(b bool) Value { return Value{Kind: KindBool, Bool: b} }

// Null returns the null value.
func Null() Value { return Value{Kind: KindNull, Bool: true} }

// N returns the number in text, or an Invalid value.
func N(text string) Value {
	s, err := ParseNumber(text)
	if err != nil {
		return bad(err.Error())
	}
	return Value{Kind: KindN, Str: s}
}

// L returns a list.
func L(vs ...Value) Value { return Value{Kind: KindL, Members: &Members{List: vs}} }

// M returns a map.
func M(m map[string]Value) Value { return Value{Kind: KindM, Members: &Members{Map: m}} }

// Set returns a set of kind k. It doesn't check the members.
func Set(k Kind, members []string) Value { return Value{Kind: k, Members: &Members{Set: members}} }

// SS returns a string set, or an Invalid value if it is empty or has a duplicate.
func SS(members ...string) Value { return newSet(KindSS, members) }

// BS returns a binary set, like SS.
func BS(members ...string) Value { return newSet(KindBS, members) }

// NS returns a number set, like SS.
func NS(members ...string) Value {
	canonical := make([]string, len(members))
	for i, m := range members {
		n, err := ParseNumber(m)
		if err != nil {
			return bad(err.Error())
		}
		canonical[i] = n
	}
	return newSet(KindNS, canonical)
}

func bad(msg string) Value { return Value{Str: msg} }

const invalidParam = "One or more parameter values were invalid: "

func newSet(k Kind, members []string) Value {
	if len(members) == 0 {
		return bad(map[Kind]string{
			KindSS: invalidParam + "An string set  may not be empty",
			KindNS: invalidParam + "An number set  may not be empty",
			KindBS: invalidParam + "Binary sets should not be empty",
		}[k])
	}
	v := Set(k, members)
	sorted := slices.Sorted(slices.Values(members))
	if len(slices.Compact(sorted)) == len(members) {
		return v
	}
	switch k {
	case KindNS:
		return bad("Input collection contains duplicates")
	case KindBS:
		return bad(invalidParam + "Input collection [" + strings.Join(v.jsonMembers(), ", ") + "]of type BS contains duplicates.")
	default:
		return bad(invalidParam + "Input collection [" + strings.Join(members, ", ") + "] contains duplicates.")
	}
}

// MaxDepth is the maximum number of names and indexes in the path to a value.
const MaxDepth = 32

const maxName = 65535 // bytes

// Validate returns the first fault of v, with AWS's message, or nil.
func (v Value) Validate() error { return v.validate(0) }

func (v Value) validate(depth int) error {
	if depth >= MaxDepth {
		return errors.New("Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit")
	}
	switch v.Kind {
	case Invalid:
		return errors.New(v.Str)
	case KindL:
		for _, e := range v.List {
			if err := e.validate(depth + 1); err != nil {
				return err
			}
		}
	case KindM:
		return Item(v.Map).validate(depth + 1)
	}
	return nil
}

// Validate returns the first fault of a value, in the order of the names, or nil.
func (it Item) Validate() error { return it.validate(0) }

func (it Item) validate(depth int) error {
	var first error
	firstName := ""
	for name, v := range it {
		if first != nil && name > firstName {
			continue
		}
		if err := v.validateNamed(name, depth); err != nil {
			first, firstName = err, name
		}
	}
	return first
}

func (v Value) validateNamed(name string, depth int) error {
	switch {
	case name == "":
		return errors.New("Empty attribute name")
	case len(name) > maxName:
		return fmt.Errorf("Attribute name is too large, must be less than %d bytes", maxName+1)
	}
	return v.validate(depth)
}

// Names returns the attribute names in order.
func (it Item) Names() []string { return it.appendNames(make([]string, 0, len(it))) }

func (it Item) appendNames(names []string) []string {
	for n := range it {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Equal reports whether two values are equal; the order of sets doesn't matter.
func Equal(a, b Value) bool {
	if a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case KindBool, KindNull:
		return a.Bool == b.Bool
	case KindSS, KindNS, KindBS:
		return equalSets(a.Set, b.Set)
	case KindL:
		return slices.EqualFunc(a.List, b.List, Equal)
	case KindM:
		return EqualItems(a.Map, b.Map)
	default:
		return a.Str == b.Str
	}
}

// equalSets compares sets, whose members are distinct, mostly in the same order.
func equalSets(a, b []string) bool {
	if len(a) != len(b) {
		return false
	}
	return slices.Equal(a, b) || len(Without(a, b)) == 0
}

// Without returns the members of a that aren't in b, in a new slice.
func Without(a, b []string) []string {
	in := make(map[string]struct{}, len(b))
	for _, m := range b {
		in[m] = struct{}{}
	}
	var out []string
	for _, m := range a {
		if _, ok := in[m]; !ok {
			out = append(out, m)
		}
	}
	return out
}

// EqualItems reports whether two items have equal attributes.
func EqualItems(a, b Item) bool {
	if len(a) != len(b) {
		return false
	}
	for name, v := range a {
		if w, ok := b[name]; !ok || !Equal(v, w) {
			return false
		}
	}
	return true
}

// Compare orders two values of the same kind S, N or B. ok is false for any other
// pair: it has no order.
func Compare(a, b Value) (c int, ok bool) {
	if a.Kind != b.Kind {
		return 0, false
	}
	switch a.Kind {
	case KindS, KindB:
		return strings.Compare(a.Str, b.Str), true
	case KindN:
		return CompareNumbers(a.Str, b.Str), true
	}
	return 0, false
}
