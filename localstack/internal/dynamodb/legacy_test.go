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
