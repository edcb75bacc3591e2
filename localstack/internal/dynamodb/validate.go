package dynamodb

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

const maxViolations = 10 // per message

// isName reports whether s consists of [a-zA-Z0-9_.-] and isn't empty.
func isName(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '.', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// validate checks an input against the aws tags of its fields:
//
//	required      must be there (its own message)
//	unless=A B    with notnull: may be absent if a sibling is there
//	table         a table name's length (its own message)
//	notnull       must be there
//	enum=A B      one of the words
//	pattern       [a-zA-Z0-9_.-]+
//	min=n, max=n  bounds of a number, or of a length in characters or members
//	members=n     the members of a list have 1 to n characters
//	keys          map keys are names of 3 to 255 characters, or ARNs of tables
//	values=n      map values have length 1 to n
//
// The messages and their order are AWS's; several violations share one message. An
// Unsupported member is reported before all else.
func validate(in any) error {
	v := reflect.ValueOf(in).Elem()
	if err := findUnsupported(v); err != nil {
		return err
	}
	if err := validateNames(v); err != nil {
		return err
	}
	var c checker
	c.fields(v, "")
	if len(c.violations) == 0 {
		return nil
	}
	plural := "s"
	if len(c.violations) == 1 {
		plural = ""
	}
	return invalid("%d validation error%s detected: %s", len(c.violations), plural, strings.Join(c.violations, "; "))
}

// findUnsupported fails if the input has an Unsupported member.
func findUnsupported(v reflect.Value) error {
	for _, m := range membersOf(v.Type()) {
		if m.unsupported && v.Field(m.index).Bool() {
			return invalid("%s is not supported here", m.goName)
		}
	}
	return nil
}

func validateNames(v reflect.Value) error {
	for _, m := range membersOf(v.Type()) {
		if !m.required {
			continue
		}
		f := v.Field(m.index)
		if f.IsNil() {
			return invalid("The parameter '%s' is required but was not present in the request", m.goName)
		}
		if name := f.Elem().String(); (len(name) < 3 || len(name) > 255) && !isTableARN(name) {
			return invalid("%s must be at least 3 characters long and at most 255 characters long", m.goName)
		}
	}
	return nil
}

// A member is a field of an input with its rules. They are parsed once per type.
type member struct {
	index             int
	goName, path      string
	required, notNull bool
	unsupported       bool
	unless            []string // members
	tableName         bool     // it may be an ARN
	rules             []rule
}

type rule struct {
	name  string
	words []string // of enum and unless
	limit int64    // of min, max, members and values
}

func newRule(tag string) rule {
	name, arg, _ := strings.Cut(tag, "=")
	r := rule{name: name}
	if name == "enum" || name == "unless" {
		r.words = strings.Fields(arg)
	} else {
		r.limit, _ = strconv.ParseInt(arg, 10, 64) // 0 for a rule without a number
	}
	return r
}

var members sync.Map // by reflect.Type: []member

func membersOf(t reflect.Type) []member {
	if m, ok := members.Load(t); ok {
		return m.([]member)
	}
	all := make([]member, t.NumField())
	for i := range all {
		f := t.Field(i)
		m := member{index: i, goName: f.Name, path: string(unicode.ToLower(rune(f.Name[0]))) + f.Name[1:]}
		m.tableName = f.Name == "TableName" && f.Type.Kind() == reflect.Pointer
		m.unsupported = f.Type == reflect.TypeFor[Unsupported]()
		for r := range strings.SplitSeq(f.Tag.Get("aws"), ",") {
			switch rule := newRule(r); rule.name {
			case "":
			case "required":
				m.required = true
			case "notnull":
				m.notNull = true
			case "unless":
				m.unless = rule.words
			default:
				m.rules = append(m.rules, rule)
			}
		}
		all[i] = m
	}
	members.Store(t, all)
	return all
}

// at is the path of a member, which is only formatted for messages.
type at struct{ parent, name string }

func (a at) String() string { return a.parent + a.name }

type checker struct{ violations []string }

func (c *checker) violation(v reflect.Value, path at, format string, args ...any) {
	if len(c.violations) == maxViolations {
		return
	}
	formatted := "null"
	if !isAbsent(v) {
		formatted = "'" + formatValue(v) + "'"
	}
	c.violations = append(c.violations, fmt.Sprintf("Value %s at '%s' failed to satisfy constraint: Member must %s", formatted, path, fmt.Sprintf(format, args...)))
}

func (c *checker) fields(v reflect.Value, parent string) {
	for _, m := range membersOf(v.Type()) {
		f := v.Field(m.index)
		if isAbsent(f) && slices.ContainsFunc(m.unless, func(name string) bool { return !isAbsent(v.FieldByName(name)) }) {
			continue
		}
		c.field(f, at{parent, m.path}, &m)
	}
}

// isAbsent reports whether the request lacks a member.
func isAbsent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

func (c *checker) field(v reflect.Value, path at, m *member) {
	if isAbsent(v) {
		if m.notNull {
			c.violation(v, path, "not be null")
		}
		return
	}
	if m.tableName && isTableARN(v.Elem().String()) {
		return
	}
	for _, r := range m.rules {
		c.rule(v, path, r)
	}
	c.children(v, path)
}

func (c *checker) children(v reflect.Value, path at) {
	switch v.Kind() {
	case reflect.Pointer:
		c.children(v.Elem(), path)
	case reflect.Struct:
		if v.Type() != reflect.TypeFor[value.Value]() { // attribute values are checked by their own rules
			c.fields(v, path.String()+".")
		}
	case reflect.Slice:
		for i := range v.Len() {
			c.children(v.Index(i), at{path.String(), fmt.Sprintf(".%d.member", i+1)})
		}
	case reflect.Map:
		if v.Type() == reflect.TypeFor[Item]() {
			return
		}
		for _, k := range sortedKeys(v) {
			c.children(v.MapIndex(k), at{path.String(), "." + k.String() + ".member"})
		}
	}
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

func (c *checker) rule(v reflect.Value, path at, r rule) {
	e := reflect.Indirect(v)
	switch r.name {
	case "enum":
		if !slices.Contains(r.words, e.String()) {
			c.violation(v, path, "satisfy enum value set: [%s]", strings.Join(r.words, ", "))
		}
	case "pattern":
		if !isName(e.String()) {
			c.violation(v, path, "satisfy regular expression pattern: [a-zA-Z0-9_.-]+")
		}
	case "min", "max":
		c.bound(v, path, r)
	case "members":
		for i := range e.Len() {
			if n := utf8.RuneCountInString(e.Index(i).String()); n < 1 || int64(n) > r.limit {
				c.mapViolation(v, path, fmt.Sprintf("Member must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", r.limit))
				return
			}
		}
	case "keys":
		for _, k := range sortedKeys(e) {
			if (!isName(k.String()) || k.Len() < 3 || k.Len() > 255) && !isTableARN(k.String()) {
				c.mapViolation(v, path, "Map keys must satisfy constraint: [Member must have length less than or equal to 255, Member must have length greater than or equal to 3, Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+]")
			}
		}
	case "values":
		for _, k := range sortedKeys(e) {
			if n := e.MapIndex(k).Len(); n < 1 || int64(n) > r.limit {
				c.mapViolation(v, path, fmt.Sprintf("Map value must satisfy constraint: [Member must have length less than or equal to %d, Member must have length greater than or equal to 1]", r.limit))
			}
		}
	}
}

// mapViolation is a violation by a map's keys or values, whose message has no
// "must".
func (c *checker) mapViolation(v reflect.Value, path at, constraint string) {
	if len(c.violations) < maxViolations {
		c.violations = append(c.violations, fmt.Sprintf("Value '%s' at '%s' failed to satisfy constraint: %s", formatValue(v), path, constraint))
	}
}

func (c *checker) bound(v reflect.Value, path at, r rule) {
	e, what := reflect.Indirect(v), "length"
	var n int64
	switch {
	case e.CanInt():
		n, what = e.Int(), "value"
	case e.Kind() == reflect.String:
		n = int64(utf8.RuneCountInString(e.String()))
	default:
		n = int64(e.Len())
	}
	if r.name == "min" && n < r.limit {
		c.violation(v, path, "have %s greater than or equal to %d", what, r.limit)
	}
	if r.name == "max" && n > r.limit {
		c.violation(v, path, "have %s less than or equal to %d", what, r.limit)
	}
}

// formatValue formats a value for a message.
func formatValue(v reflect.Value) string {
	v = reflect.Indirect(v)
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = formatValue(v.Index(i))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case reflect.Map, reflect.Struct:
		b, _ := json.Marshal(v.Interface(), json.Deterministic(true)) // only for a message
		return string(b)
	}
	return fmt.Sprint(v.Interface())
}
