package dynamodb

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// TestAnswers: what outputs write themselves is what encoding/json would.
func TestAnswers(t *testing.T) {
	it := Item{"pk": value.S(`<"é`), "n": value.N("1.5")}
	stored := Shown{stored: value.Stored(it.Encode())}
	used := &ConsumedCapacity{TableName: "tab", CapacityUnits: 0.5}
	metrics := ItemCollectionMetrics{ItemCollectionKey: it, SizeEstimateRangeGB: [2]float64{0, 1}}
	type (
		write    WriteOutput
		get      GetItemOutput
		page     PageOutput
		batch    BatchGetItemOutput
		transact TransactWriteItemsOutput
	)
	for _, w := range []WriteOutput{{}, {Attributes: it, ConsumedCapacity: used, ItemCollectionMetrics: &metrics}} {
		sameJSON(t, &w, write(w))
	}
	for _, g := range []GetItemOutput{{}, {Item: &stored, ConsumedCapacity: used}, {Item: &Shown{}}} {
		sameJSON(t, &g, get(g))
	}
	for _, p := range []PageOutput{{}, {Items: &[]Shown{}}, {Items: &[]Shown{stored, {item: it}}, Count: 2, ScannedCount: 3, LastEvaluatedKey: it, ConsumedCapacity: used}} {
		sameJSON(t, &p, page(p))
	}
	for _, o := range []BatchGetItemOutput{
		{Responses: map[string][]Shown{}, UnprocessedKeys: map[string]KeysAndAttributes{}},
		{Responses: map[string][]Shown{"a": {stored}, "b": {}}, UnprocessedKeys: map[string]KeysAndAttributes{"a": {Keys: []Item{it}}}, ConsumedCapacity: []ConsumedCapacity{*used}},
	} {
		sameJSON(t, &o, batch(o))
	}
	for _, o := range []TransactWriteItemsOutput{{}, {ConsumedCapacity: []ConsumedCapacity{*used}, ItemCollectionMetrics: map[string][]ItemCollectionMetrics{"a": {metrics}}}} {
		sameJSON(t, &o, transact(o))
	}
}

// sameJSON compares what out writes with what plain, the same without its
// method, is written as.
func sameJSON(t *testing.T, out shower, plain any) {
	t.Helper()
	got, err := out.AppendJSON([]byte("room"))
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	var a, b any
	if err := json.Unmarshal(got[len("room"):], &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal(want, &b); err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("%s, want %s", got, want)
	}
}
