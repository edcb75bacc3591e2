package expr_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

var item = value.Item{
	"s": value.S("hello"), "n": value.N("5"), "ss": value.SS("x", "y"), "l": value.L(value.N("1"), value.S("two")),
	"m": value.M(map[string]value.Value{"k": value.M(map[string]value.Value{"deep": value.L(value.N("7"))})}),
}

var names = map[string]string{"#size": "size", "#m": "m"}

var values = value.Item{
	":five": value.N("5.0"), ":nine": value.N("9"), ":ten": value.N("10"), ":he": value.S("he"), ":hello": value.S("hello"),
	":x": value.S("x"), ":L": value.S("L"), ":list": value.L(value.S("new")), ":set": value.SS("y", "z"), ":one": value.N("1"),
}

func scope(t testing.TB) *expr.Scope {
	t.Helper()
	s, err := expr.NewScope(names, values)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConditions(t *testing.T) {
	for src, want := range map[string]bool{
		"n = :five": true, "n <> :five": false, "n < :ten": true, "n >= :ten": false, ":ten > n": true,
		"n BETWEEN :five AND :ten": true, "n in (:ten, :five)": true, "s IN (:he)": false,
		"attribute_exists(m.k.deep[0])": true, "attribute_exists(m.k.deep[1])": false, "attribute_not_exists(gone)": true,
		"gone = :five": false, "gone <> :five": true, "NOT gone = :five": true, "s < :five": false,
		"begins_with(s, :he)": true, "contains(s, :he)": true, "contains(ss, :x)": true, "contains(l, :one)": true, "attribute_type(l, :L)": true,
		"size(s) = :five": true, "size(#m) < size(s)": true, "#m.k.deep[0] > :five": true,
		"n = :five OR n = :ten AND s = :he": true, "(n = :five OR n = :ten) AND s = :he": false, "not (n = :ten) and s = :hello": true,
	} {
		c, err := scope(t).Condition("ConditionExpression", src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
		} else if got := c.Matches(item); got != want {
			t.Errorf("%s = %v, want %v", src, got, want)
		}
	}
}

func TestConditionFaults(t *testing.T) {
	for src, want := range map[string]string{
		"": "The expression can not be empty;", "n = ": `Syntax error; token: "<EOF>", near: "= "`, "n == :five": `Syntax error; token: "=", near: "== :five"`,
		"n": `Syntax error; token: "<EOF>", near: "n"`, "((n = :five))": "The expression has redundant parentheses;",
		"date = :five": "Attribute name is a reserved keyword; reserved keyword: date", "n = :gone": "An expression attribute value used in expression is not defined; attribute value: :gone",
		"#gone = :five": "An expression attribute name used in the document path is not defined; attribute name: #gone",
		"nope(n)":       "Invalid function name; function: nope", "size(n)": "The function is not allowed to be used this way in an expression; function: size",
		"n = n":                                   "The first operand must be distinct from the remaining operands for this operator or function; operator: =, first operand: [n]",
		"begins_with(s, :five)":                   "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
		"attribute_type(s, :he)":                  "Invalid attribute type name found; type: he, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
		"n BETWEEN :ten AND :five":                "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; lower bound operand: AttributeValue: {N:10}, upper bound operand: AttributeValue: {N:5}",
		"n < :set":                                "Incorrect operand type for operator or function; operator or function: <, operand type: SS",
		":list >= n":                              "Incorrect operand type for operator or function; operator or function: >=, operand type: L",
		"n BETWEEN :he AND :set":                  "Incorrect operand type for operator or function; operator or function: BETWEEN, operand type: SS",
		"n BETWEEN :he AND :five":                 "The BETWEEN operator requires same data type for lower and upper bounds; lower bound operand: AttributeValue: {S:he}, upper bound operand: AttributeValue: {N:5}",
		"s IN (:he, s)":                           "The first operand must be distinct from the remaining operands for this operator or function; operator: IN, first operand: [s]",
		"n BETWEEN :five AND n":                   "The first operand must be distinct from the remaining operands for this operator or function; operator: BETWEEN, first operand: [n]",
		"n = :five" + strings.Repeat(" ", 4090):   "Expression size has exceeded the maximum allowed size; expression size: 4099",
		"a" + strings.Repeat(".a", 32) + "=:five": "The document path has too many nesting levels; nesting levels: 33",
		"l[01] = :five":                           `Syntax error; token: "1", near: "01]"`,
		"_a = :five":                              `Syntax error; token: "_", near: "_a"`,
		"n IN (" + strings.Repeat(":five,", 100) + ":five)": "The IN operator is provided with too many operands; number of operands: 101",
		"attribute_exists(:five)":                           "Operator or function requires a document path; operator or function: attribute_exists",
		strings.Repeat("NOT ", 400) + "n=:five":             "The expression contains too many operators; operator count: 301",
	} {
		_, err := scope(t).Condition("ConditionExpression", src)
		if err == nil || err.Error() != "Invalid ConditionExpression: "+want {
			t.Errorf("%.60s: %v\nwant %s", src, err, want)
		}
	}
}

func TestPlaceholders(t *testing.T) {
	long := strings.Repeat("a", 255)
	for want, c := range map[string]struct {
		names  map[string]string
		values value.Item
	}{
		"ExpressionAttributeNames must not be empty":                                                                                    {names: map[string]string{}},
		"ExpressionAttributeValues must not be empty":                                                                                   {values: value.Item{}},
		`ExpressionAttributeNames contains invalid key: Syntax error; key: "#a-b"`:                                                      {names: map[string]string{"#a-b": "x"}},
		`ExpressionAttributeValues contains invalid key: Syntax error; key: ":"`:                                                        {values: value.Item{":": value.S("x")}},
		"ExpressionAttributeNames contains invalid value: Empty attribute name for key #a":                                              {names: map[string]string{"#a": ""}},
		"ExpressionAttributeNames contains invalid value: Attribute name is too large, must be less than 65536 bytes for key #a":        {names: map[string]string{"#a": strings.Repeat("a", 65536)}},
		"ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long; size of key: 256": {names: map[string]string{"#" + long: "x"}},
		"ExpressionAttributeValues contains invalid key: The expression attribute map contains a key that is too long;":                 {values: value.Item{":" + long: value.S("x")}},
	} {
		if _, err := expr.NewScope(c.names, c.values); err == nil || err.Error() != want {
			t.Errorf("%v\nwant %s", err, want)
		}
	}
	if _, err := expr.NewScope(map[string]string{"#" + long[1:]: long}, value.Item{":" + long[1:]: value.S("")}); err != nil {
		t.Error(err)
	}
}

func TestUpdates(t *testing.T) {
	for src, want := range map[string]string{
		"SET n = n + :ten":                           `{"n":{"N":"15"}}`,
		"SET n = :nine - n, q = if_not_exists(q, n)": `{"n":{"N":"4"},"q":{"N":"5"}}`,
		"SET l = list_append(:list, l)":              `{"l":{"L":[{"S":"new"},{"N":"1"},{"S":"two"}]}}`,
		"SET l[9] = :he, l[7] = :x":                  `{"l":{"L":[{"N":"1"},{"S":"two"},{"S":"x"},{"S":"he"}]}}`,
		"REMOVE l[0], l[1]":                          `{"l":{"L":[]}}`,
		"SET m.k.deep[0] = :one REMOVE s":            `{"m":{"M":{"k":{"M":{"deep":{"L":[{"N":"1"}]}}}}},"s":null}`,
		"ADD ss :set, n :one, c :five":               `{"ss":{"SS":["x","y","z"]},"n":{"N":"6"},"c":{"N":"5"}}`,
		"DELETE ss :set":                             `{"ss":{"SS":["x"]}}`,
		"SET s = n, n = s":                           `{"s":{"N":"5"},"n":{"S":"hello"}}`,
	} {
		u, err := scope(t).Update(src)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := u.Apply(item)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		changed := value.Item{}
		for k, v := range got {
			if !value.Equal(v, item[k]) {
				changed[k] = v
			}
		}
		b, _ := json.Marshal(changed)
		for _, k := range item.Names() {
			if _, ok := got[k]; !ok {
				b = append(b[:len(b)-1], `,"`+k+`":null}`...)
			}
		}
		if !sameJSON(string(b), want) {
			t.Errorf("%s\n got %s\nwant %s", src, b, want)
		}
	}
	if item["n"].Str != "5" || len(item["l"].List) != 2 {
		t.Error("Apply changed the item it was given")
	}
}

// TestManyUpdates: an update changes each list and map once, however many of its clauses
// lead there, and neither the item that it is given nor the values that it copies.
func TestManyUpdates(t *testing.T) {
	const size, clauses = 20_000, 200
	large, list := make(map[string]value.Value, size), make([]value.Value, size)
	for i := range size {
		large[fmt.Sprint("k", i)], list[i] = value.Bool(true), value.Bool(true)
	}
	before := value.Item{"m": value.M(map[string]value.Value{"wide": value.M(large)}), "l": value.L(list...)}
	sets, removes := []string{"c = m.wide"}, []string{}
	for i := range clauses {
		sets = append(sets, fmt.Sprintf("l[%d] = :no", i))
		removes = append(removes, fmt.Sprintf("m.wide.k%d", i))
	}
	for _, src := range []string{"SET " + strings.Join(sets, ","), "SET c = m.wide REMOVE " + strings.Join(removes, ",")} {
		values := value.Item{":no": value.Bool(false)}
		if !strings.Contains(src, ":no") {
			values = nil
		}
		scope, err := expr.NewScope(nil, values)
		if err != nil {
			t.Fatal(err)
		}
		u, err := scope.Update(src)
		if err != nil {
			t.Fatal(err)
		}
		after, err := u.Apply(before)
		if err != nil {
			t.Fatal(err)
		}
		if len(after["c"].Map) != size || len(before["m"].Map["wide"].Map) != size || !before["l"].List[0].Bool {
			t.Errorf("%.20s… changed the item or a copied value", src)
		}
		if values == nil && len(after["m"].Map["wide"].Map) != size-clauses || values != nil && (after["l"].List[clauses-1].Bool || !after["l"].List[clauses].Bool) {
			t.Errorf("%.20s… has not had its effect", src)
		}
	}
	u, err := mustScope(t, value.Item{":no": value.Bool(false)}).Update("SET c = m.wide, m.wide.k0 = :no, m.wide.k1 = :no")
	if err != nil {
		t.Fatal(err)
	}
	perClause := testing.AllocsPerRun(1, func() { _, _ = u.Apply(before) })
	one, err := mustScope(t, value.Item{":no": value.Bool(false)}).Update("SET c = m.wide, m.wide.k0 = :no")
	if err != nil {
		t.Fatal(err)
	}
	if once := testing.AllocsPerRun(1, func() { _, _ = one.Apply(before) }); perClause > once+20 {
		t.Errorf("%v allocations with one clause, %v with two: the map is copied twice", once, perClause)
	}
}

func mustScope(t *testing.T, values value.Item) *expr.Scope {
	t.Helper()
	s, err := expr.NewScope(nil, values)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// sameJSON compares JSON objects regardless of the order of their members.
func sameJSON(a, b string) bool {
	return strings.Join(members(a), "|") == strings.Join(members(b), "|")
}

func members(s string) []string {
	out := map[string]bool{}
	depth, from := 0, 1
	for i, c := range s {
		switch c {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth == 1 && c == ',' || depth == 0 {
			out[s[from:i]] = true
			from = i + 1
		}
	}
	var list []string
	for m := range out {
		list = append(list, m)
	}
	return sorted(list)
}

func sorted(s []string) []string {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
	return s
}

func TestUpdateFaults(t *testing.T) {
	for src, want := range map[string]string{
		"SET n = :one SET s = :he":                  `Invalid UpdateExpression: The "SET" section can only be used once in an update expression;`,
		"SET m.k = :one, m = :he":                   "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: [m, k], path two: [m]",
		"SET m.k = :one, m[1] = :he":                "Invalid UpdateExpression: Two document paths conflict with each other; must remove or rewrite one of these paths; path one: [m, k], path two: [m, [1]]",
		"ADD s :he":                                 "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: ADD, operand type: STRING, typeSet: ALLOWED_FOR_ADD_OPERAND",
		"SET n = n + :he":                           "Invalid UpdateExpression: Incorrect operand type for operator or function; operator or function: +, operand type: S",
		"SET n = ((n + :one))":                      "Invalid UpdateExpression: The expression has redundant parentheses;",
		"SET n = size(s)":                           "Invalid UpdateExpression: The function is not allowed in an update expression; function: size",
		"SET n = nope(s)":                           "Invalid UpdateExpression: Invalid function name; function: nope",
		"SET l = list_append(l, list_append(l, l))": "Invalid UpdateExpression: The function is not allowed to be used this way in an expression; function: list_append",
		"DELETE n :one":                             "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, typeSet: ALLOWED_FOR_DELETE_OPERAND",
		"SET n = if_not_exists(n, gone)":            expr.ErrNoAttribute.Message,
		"SET gone.x = gone.x + :one":                expr.ErrUpdatePath.Message,
		"SET n = s + :one":                          expr.ErrOperandType.Message,
		"SET n = gone + :one":                       expr.ErrNoAttribute.Message,
		"SET gone.x = :one":                         expr.ErrUpdatePath.Message,
		"REMOVE n = :one":                           `Invalid UpdateExpression: Syntax error; token: "=", near: "n = :one"`,
	} {
		u, err := scope(t).Update(src)
		if err == nil {
			_, err = u.Apply(item)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", src, err, want)
		}
	}
}

func TestProjectionAndUnused(t *testing.T) {
	s := scope(t)
	paths, err := s.Projection("l[1], #m.k.deep[0], gone.x")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(expr.Project(item, paths))
	if want := `{"l":{"L":[{"S":"two"}]},"m":{"M":{"k":{"M":{"deep":{"L":[{"N":"7"}]}}}}}}`; string(b) != want {
		t.Errorf("projection %s, want %s", b, want)
	}
	if err := s.Unused(); err == nil || err.Error() != "Value provided in ExpressionAttributeNames unused in expressions: keys: {#size}" {
		t.Errorf("unused: %v", err)
	}
}

// FuzzParse: parsing has the same result each time, and applying what was parsed
// never changes the item.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"n = :five", "((a))", "SET a.b[3] = list_append(a, :list) - :one REMOVE c", "NOT (a IN (:x)) OR size(#m) BETWEEN :one AND :ten", "a.b, c[1].#m",
		"ADD ss :set DELETE ss :set", "SET n = if_not_exists(n, :one) + :one", "attribute_type(l, :L) AND begins_with(s, :he)", "s = :hello AND n BETWEEN :one AND :ten",
		"SET l[01] = :x", "a . b [ 0 ]", "(a).b = :x", "\t#size\n<>:x", "SET m.k.deep[9] = :one, l[0] = s", "REMOVE l[1], l[0], m.k", "contains(ss, :x) and not :x = s",
	} {
		f.Add(s)
	}
	before := item.Encode()
	f.Fuzz(func(t *testing.T, src string) {
		c, err := scope(t).Condition("FilterExpression", src)
		if _, again := scope(t).Condition("FilterExpression", src); fmt.Sprint(err) != fmt.Sprint(again) {
			t.Fatalf("%q: %v, and then %v", src, err, again)
		}
		if err == nil {
			c.Matches(item)
			c.Matches(nil)
			_, _ = c.KeyTests()
		}
		if u, err := scope(t).Update(src); err == nil {
			_, _ = u.Apply(value.Item{})
			if out, err := u.Apply(item); err == nil && out == nil {
				t.Fatalf("%q makes no item", src)
			}
		}
		if paths, err := scope(t).Projection(src); err == nil {
			expr.Project(item, paths)
		}
		if !bytes.Equal(item.Encode(), before) {
			t.Fatalf("%q has changed the item it was given", src)
		}
	})
}
