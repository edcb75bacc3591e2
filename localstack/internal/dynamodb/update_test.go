package dynamodb

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// TestUpdateOfNoItem: as on AWS, an update that only removes makes no item and ignores
// where its paths lead; any other makes one, also an empty one.
func TestUpdateOfNoItem(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	key := Item{"pk": value.S("p"), "sk": value.N("1")}
	set, deletion := value.SS("a"), "DELETE"
	const none = -1
	for name, c := range map[string]struct {
		in   UpdateItemInput
		want int // attributes of the item; none for no item
	}{
		"nothing":               {UpdateItemInput{}, 2},
		"no legacy updates":     {UpdateItemInput{AttributeUpdates: map[string]AttributeUpdate{}}, 2},
		"REMOVE":                {UpdateItemInput{UpdateExpression: ptr("REMOVE x")}, none},
		"REMOVE with condition": {UpdateItemInput{UpdateExpression: ptr("REMOVE x"), ConditionExpression: ptr("attribute_not_exists(pk)")}, none},
		"REMOVE nested":         {UpdateItemInput{UpdateExpression: ptr("REMOVE x.y, z[1].a")}, none},
		"DELETE":                {UpdateItemInput{UpdateExpression: ptr("DELETE x :s"), ExpressionAttributeValues: Item{":s": set}}, none},
		"DELETE nested, REMOVE": {UpdateItemInput{UpdateExpression: ptr("DELETE x.y :s REMOVE z"), ExpressionAttributeValues: Item{":s": set}}, none},
		"REMOVE, SET":           {UpdateItemInput{UpdateExpression: ptr("REMOVE z SET x = :s"), ExpressionAttributeValues: Item{":s": set}}, 3},
		"REMOVE, ADD":           {UpdateItemInput{UpdateExpression: ptr("REMOVE z ADD x :s"), ExpressionAttributeValues: Item{":s": set}}, 3},
		"legacy DELETE":         {UpdateItemInput{AttributeUpdates: map[string]AttributeUpdate{"x": {Action: &deletion}}}, none},
		"legacy DELETE of set":  {UpdateItemInput{AttributeUpdates: map[string]AttributeUpdate{"x": {Action: &deletion, Value: &set}}}, none},
		"legacy DELETE, PUT":    {UpdateItemInput{AttributeUpdates: map[string]AttributeUpdate{"x": {Action: &deletion}, "y": {Value: &set}}}, 3},
	} {
		attributes := func(it Item) int {
			if it == nil {
				return none
			}
			return len(it)
		}
		remove(t, e, key)
		c.in.TableName, c.in.Key, c.in.ReturnValues, c.in.ReturnConsumedCapacity = ptr("tab"), key, "ALL_NEW", "TOTAL"
		out, err := e.UpdateItem(t.Context(), &c.in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := attributes(out.Attributes); got != c.want || out.ConsumedCapacity.CapacityUnits != 1 {
			t.Errorf("%s: the answer has %d attributes, want %d; %v units, want 1", name, got, c.want, out.ConsumedCapacity.CapacityUnits)
		}
		if got := attributes(stored(t, e, key)); got != c.want {
			t.Errorf("%s: the item has %d attributes, want %d", name, got, c.want)
		}
		if c.in.UpdateExpression == nil {
			continue
		}
		remove(t, e, key)
		_, err = e.TransactWriteItems(t.Context(), &TransactWriteItemsInput{TransactItems: []TransactWriteItem{{Update: &TransactAction{TableName: ptr("tab"), Key: key,
			UpdateExpression: c.in.UpdateExpression, ConditionExpression: c.in.ConditionExpression, ExpressionAttributeValues: c.in.ExpressionAttributeValues}}}})
		if got := attributes(stored(t, e, key)); err != nil || got != c.want {
			t.Errorf("%s in a transaction: the item has %d attributes, want %d; %v", name, got, c.want, err)
		}
	}
	// Where there is an item, the parent of a path must exist.
	put(t, e, key)
	_, err := e.UpdateItem(t.Context(), &UpdateItemInput{TableName: ptr("tab"), Key: key, UpdateExpression: ptr("REMOVE x.y")})
	if want := "ValidationException: The document path provided in the update expression is invalid for update"; err == nil || err.Error() != want {
		t.Errorf("REMOVE of a nested path of an item: %v, want %s", err, want)
	}
}

func remove(t *testing.T, e *Engine, key Item) {
	t.Helper()
	if _, err := e.DeleteItem(t.Context(), &DeleteItemInput{TableName: ptr("tab"), Key: key}); err != nil {
		t.Fatal(err)
	}
}

func stored(t *testing.T, e *Engine, key Item) Item {
	t.Helper()
	out, err := e.GetItem(t.Context(), &GetItemInput{TableName: ptr("tab"), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}
