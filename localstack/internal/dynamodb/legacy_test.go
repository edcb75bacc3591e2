package dynamodb

import (
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// TestLegacyUpdates: AttributeUpdates have a message of their own for a value
// that doesn't go with what is there.
func TestLegacyUpdates(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	key := Item{"pk": value.S("p"), "sk": value.N("1")}
	put(t, e, Item{"pk": key["pk"], "sk": key["sk"], "n": value.N("1"), "ss": value.SS("a"), "l": value.L(value.N("1"))})
	update := func(action string, attr string, v value.Value) (*WriteOutput, error) {
		return e.UpdateItem(t.Context(), &UpdateItemInput{TableName: ptr("tab"), Key: key, ReturnValues: "UPDATED_NEW", AttributeUpdates: map[string]AttributeUpdate{attr: {&action, &v}}})
	}
	for _, c := range []struct {
		action, attr string
		v            value.Value
	}{{"ADD", "ss", value.N("1")}, {"ADD", "n", value.SS("a")}, {"DELETE", "ss", value.NS("1")}, {"DELETE", "n", value.NS("1")}} {
		if _, err := update(c.action, c.attr, c.v); err == nil || !strings.HasSuffix(err.Error(), "Type mismatch for attribute to update") {
			t.Errorf("%s %s: %v", c.action, c.attr, err)
		}
	}
	for _, c := range []struct {
		action, attr string
		v, want      value.Value
	}{
		{"ADD", "n", value.N("2"), value.N("3")}, {"ADD", "ss", value.SS("b"), value.SS("b", "a")}, {"DELETE", "ss", value.SS("a"), value.SS("b")},
		{"ADD", "l", value.L(value.N("2")), value.L(value.N("1"), value.N("2"))}, {"PUT", "l", value.S("x"), value.S("x")},
	} {
		out, err := update(c.action, c.attr, c.v)
		if err != nil || !value.Equal(out.Attributes[c.attr], c.want) {
			t.Errorf("%s %s: %v, %v; want %v", c.action, c.attr, out, err, c.want)
		}
	}
}

// TestLegacyOperands: what each comparison operator accepts is the same in a filter
// and in Expected, and the rest is refused by name.
func TestLegacyOperands(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	values := map[string]value.Value{
		"S": value.S("x"), "N": value.N("1"), "B": value.B([]byte{1}), "BOOL": value.Bool(true), "NULL": value.Null(),
		"L": value.L(value.S("x")), "M": value.M(map[string]value.Value{"k": value.N("1")}), "SS": value.SS("a"), "NS": value.NS("1"), "BS": value.BS("a"),
	}
	item := Item{"pk": value.S("p"), "sk": value.N("1")}
	for kind, v := range values {
		item["is"+kind] = v
	}
	put(t, e, item)
	for operator, accepted := range map[string]string{
		"EQ": "S N B BOOL NULL L M SS NS BS", "NE": "S N B BOOL NULL L M SS NS BS",
		"LT": "S N B", "LE": "S N B", "GT": "S N B", "GE": "S N B", "IN": "S N B", "BETWEEN": "S N B",
		"CONTAINS": "S N B BOOL NULL", "NOT_CONTAINS": "S N B BOOL NULL", "BEGINS_WITH": "S B",
	} {
		for kind, v := range values {
			operands := []value.Value{v}
			if operator == "BETWEEN" {
				operands = append(operands, v)
			}
			_, inScan := e.Scan(t.Context(), &ScanInput{TableName: ptr("tab"), ScanFilter: map[string]ConditionInput{"is" + kind: {operands, &operator}}})
			_, inQuery := e.Query(t.Context(), &QueryInput{TableName: ptr("tab"), KeyConditions: map[string]ConditionInput{"pk": {[]value.Value{value.S("p")}, ptr("EQ")}},
				QueryFilter: map[string]ConditionInput{"is" + kind: {operands, &operator}}})
			_, inExpected := e.PutItem(t.Context(), &PutItemInput{TableName: ptr("tab"), Item: item,
				Expected: map[string]Expected{"is" + kind: {ComparisonOperator: operator, AttributeValueList: operands}}})
			for where, err := range map[string]error{"ScanFilter": inScan, "QueryFilter": inQuery, "Expected": inExpected} {
				want := "ValidationException: One or more parameter values were invalid: ComparisonOperator " + operator + " is not valid for " + kind + " AttributeValue type"
				if strings.Contains(" "+accepted+" ", " "+kind+" ") {
					if err != nil && codeOf(err) != "ConditionalCheckFailedException" {
						t.Errorf("%s %s %s: %v", where, operator, kind, err)
					}
				} else if err == nil || err.Error() != want {
					t.Errorf("%s %s %s: %v, want %s", where, operator, kind, err, want)
				}
			}
		}
	}
}

// TestLegacyEquality: EQ and NE compare values of every type.
func TestLegacyEquality(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	list, m := value.L(value.S("x"), value.N("1")), value.M(map[string]value.Value{"k": value.Bool(true)})
	put(t, e, Item{"pk": value.S("p"), "sk": value.N("1"), "b": value.Bool(true), "l": list, "m": m})
	put(t, e, Item{"pk": value.S("p"), "sk": value.N("2"), "b": value.Bool(false), "l": value.L(), "m": value.M(nil)})
	put(t, e, Item{"pk": value.S("p"), "sk": value.N("3")})
	for attr, v := range map[string]value.Value{"b": value.Bool(true), "l": list, "m": m} {
		for operator, want := range map[string]int{"EQ": 1, "NE": 2} {
			out, err := e.Scan(t.Context(), &ScanInput{TableName: ptr("tab"), ScanFilter: map[string]ConditionInput{attr: {[]value.Value{v}, &operator}}})
			if err != nil || out.Count != want {
				t.Errorf("%s %s: %+v, %v; want %d items", attr, operator, out, err, want)
			}
		}
	}
}

// TestLegacyAction: an action that AWS doesn't have changes nothing.
func TestLegacyAction(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	_, err := e.UpdateItem(t.Context(), &UpdateItemInput{TableName: ptr("tab"), Key: Item{"pk": value.S("p"), "sk": value.N("1")},
		AttributeUpdates: map[string]AttributeUpdate{"a": {Action: ptr("REPLACE"), Value: ptr(value.S("x"))}}})
	want := "ValidationException: 1 validation error detected: Value 'REPLACE' at 'attributeUpdates.a.member.action' failed to satisfy constraint: Member must satisfy enum value set: [ADD, PUT, DELETE]"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
