package dynamodb

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// fill puts n items of the partition p, each with a text of that many bytes.
func fill(t *testing.T, e *Engine, n, bytes int) {
	t.Helper()
	for i := range n {
		put(t, e, Item{"pk": value.S("p"), "sk": value.N(fmt.Sprint(i)), "text": value.S(strings.Repeat("x", bytes))})
	}
}

// TestPageOfOneMegabyte: a page ends after the item with which it has 1 MB,
// before the filter.
func TestPageOfOneMegabyte(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	fill(t, e, 4, 390_000)
	in := &QueryInput{TableName: ptr("tab"), KeyConditionExpression: ptr("pk = :p"), FilterExpression: ptr("attribute_not_exists(#t)"),
		ExpressionAttributeNames: map[string]string{"#t": "text"}, ExpressionAttributeValues: Item{":p": value.S("p")}, ReturnConsumedCapacity: "TOTAL"}
	out, err := e.Query(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if out.Count != 0 || out.ScannedCount != 3 || out.LastEvaluatedKey["sk"].Str != "2" || out.ConsumedCapacity.CapacityUnits != 143 {
		t.Errorf("first page: %d of %d to %v, %+v", out.Count, out.ScannedCount, out.LastEvaluatedKey, out.ConsumedCapacity)
	}
	in.ExclusiveStartKey = out.LastEvaluatedKey
	if out, err = e.Query(t.Context(), in); err != nil || out.ScannedCount != 1 || out.LastEvaluatedKey != nil {
		t.Errorf("second page: %+v, %v", out, err)
	}
}

// TestBatchGetLeftOver: keys of a partition over 1 MB come back, and are billed as
// reads of nothing.
func TestBatchGetLeftOver(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	fill(t, e, 5, 390_000)
	var keys []Item
	for i := range 5 {
		keys = append(keys, Item{"pk": value.S("p"), "sk": value.N(fmt.Sprint(i))})
	}
	want := KeysAndAttributes{Keys: keys, ConsistentRead: true, ProjectionExpression: ptr("sk")}
	out, err := e.BatchGetItem(t.Context(), &BatchGetItemInput{RequestItems: map[string]KeysAndAttributes{"tab": want}, ReturnConsumedCapacity: "TOTAL"})
	if err != nil {
		t.Fatal(err)
	}
	rest := out.UnprocessedKeys["tab"]
	if len(out.Responses["tab"]) != 2 || len(rest.Keys) != 3 || !rest.ConsistentRead || *rest.ProjectionExpression != "sk" {
		t.Errorf("%d items, left over %+v", len(out.Responses["tab"]), rest)
	}
	if got := out.ConsumedCapacity[0].CapacityUnits; got != 2*96+3 {
		t.Errorf("used %v units", got)
	}
}

// TestBatchGetOf16MB: an answer holds 16 MB at most, whatever each table may
// give of it; asking for what is left over, again and again, gets all.
func TestBatchGetOf16MB(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	const tables, each, size = 15, 3, 390_000
	left := map[string]KeysAndAttributes{}
	for i := range tables {
		name := fmt.Sprintf("tab-%02d", i)
		makeTable(t, e, name)
		var keys []Item
		for j := range each {
			key := Item{"pk": value.S(fmt.Sprint(j)), "sk": value.N("1")}
			whole := maps.Clone(key)
			whole["text"] = value.S(strings.Repeat("x", size))
			if _, err := e.PutItem(t.Context(), &PutItemInput{TableName: &name, Item: whole}); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, key)
		}
		left[name] = KeysAndAttributes{Keys: keys}
	}
	for _, want := range []int{maxBatchBytes / size, tables*each - maxBatchBytes/size} {
		out, err := e.BatchGetItem(t.Context(), &BatchGetItemInput{RequestItems: left})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for _, shown := range out.Responses {
			got += len(shown)
		}
		if got != want {
			t.Errorf("%d items in an answer, want %d", got, want)
		}
		left = out.UnprocessedKeys
	}
	if len(left) != 0 {
		t.Errorf("keys of %d tables are never answered", len(left))
	}
}

// TestBatchGetOfManyPartitions: 100 items of 50 KB are returned at once, since each is
// in a partition of its own, and 52 of 300 KB, as in AWS's documentation. A partition
// that is over its limit leaves the others alone.
func TestBatchGetOfManyPartitions(t *testing.T) {
	t.Parallel()
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	keys := func(partition string, n, size int) (keys []Item) {
		for i := range n {
			key := Item{"pk": value.S(strings.ReplaceAll(partition, "N", fmt.Sprint(i))), "sk": value.N(fmt.Sprint(i))}
			item := maps.Clone(key)
			item["x"] = value.S(strings.Repeat("x", size<<10))
			put(t, e, item)
			keys = append(keys, key)
		}
		return keys
	}
	one := keys("one", 22, 50)
	for _, c := range []struct {
		name              string
		keys              []Item
		want, unprocessed int
	}{
		{"100 of 50 KB", keys("small N", 100, 50), 100, 0},
		{"60 of 300 KB", keys("large N", 60, 300), 52, 8},
		{"a partition of 22 of 50 KB, and another", append(one, keys("other N", 5, 50)...), 25, 2},
	} {
		out, err := e.BatchGetItem(t.Context(), &BatchGetItemInput{RequestItems: map[string]KeysAndAttributes{"tab": {Keys: c.keys}}})
		if err != nil {
			t.Fatal(c.name, err)
		}
		if got, rest := len(out.Responses["tab"]), len(out.UnprocessedKeys["tab"].Keys); got != c.want || rest != c.unprocessed {
			t.Errorf("%s: %d items, %d keys unprocessed, want %d and %d", c.name, got, rest, c.want, c.unprocessed)
		}
	}
	// A provisioned table is one partition.
	if _, err := e.UpdateTable(t.Context(), &UpdateTableInput{TableName: ptr("tab"), BillingMode: "PROVISIONED", ProvisionedThroughput: units2(1),
		GlobalSecondaryIndexUpdates: []IndexUpdate{{Update: &UpdateIndex{IndexName: ptr("gsi"), ProvisionedThroughput: units2(1)}}}}); err != nil {
		t.Fatal(err)
	}
	out, err := e.BatchGetItem(t.Context(), &BatchGetItemInput{RequestItems: map[string]KeysAndAttributes{"tab": {Keys: keys("small N", 100, 50)}}})
	if got := len(out.Responses["tab"]); err != nil || got != 28 {
		t.Errorf("provisioned: %d items, %v; want 28", got, err)
	}
}

// TestNegativeSortKey: the range of one negative number holds no other.
func TestNegativeSortKey(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	for i := range 25 {
		put(t, e, Item{"pk": value.S("p"), "sk": value.N(fmt.Sprint(2 - i))})
	}
	for text, want := range map[string]int{"sk = :n": 1, "sk <= :n": 21, "sk < :n": 20, "sk > :n": 4, "sk BETWEEN :n AND :n": 1} {
		out, err := e.Query(t.Context(), &QueryInput{TableName: ptr("tab"), KeyConditionExpression: ptr("pk = :p AND " + text), ExpressionAttributeValues: Item{":p": value.S("p"), ":n": value.N("-2")}})
		if err != nil || out.Count != want {
			t.Errorf("%s: %d items, %v; want %d", text, out.Count, err, want)
		}
	}
}

// TestDeleteOfManyTables: a table takes nothing with it that isn't its own,
// whatever its number.
func TestDeleteOfManyTables(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	const tables = 131 // their numbers get a byte that is no ASCII
	name := func(i int) *string { return ptr(fmt.Sprintf("tab-%d", i)) }
	for i := range tables {
		makeTable(t, e, *name(i))
		if _, err := e.PutItem(t.Context(), &PutItemInput{TableName: name(i), Item: Item{"pk": value.S("p"), "sk": value.N("1")}}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range tables - 1 {
		if _, err := e.DeleteTable(t.Context(), &TableNameInput{name(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := e.Scan(t.Context(), &ScanInput{TableName: name(tables - 1)}); err != nil || out.Count != 1 {
		t.Errorf("the last table has %d items, %v", out.Count, err)
	}
}

// TestSegments: the segments of a scan share the items out, and a start key is
// good in its own segment only.
func TestSegments(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	for i := range 60 {
		put(t, e, Item{"pk": value.S(fmt.Sprint(i)), "sk": value.N("1")})
	}
	const total = 7
	seen := map[string]int32{}
	for s := range int32(total) {
		in := &ScanInput{TableName: ptr("tab"), Segment: &s, TotalSegments: ptr[int32](total), Limit: ptr[int32](3)}
		for {
			out, err := e.Scan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range out.Items {
				if other, twice := seen[it["pk"].Str]; twice {
					t.Errorf("%s is in the segments %d and %d", it["pk"].Str, other, s)
				}
				seen[it["pk"].Str] = s
			}
			if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
				break
			}
		}
	}
	if len(seen) != 60 {
		t.Errorf("the segments have %d items of 60", len(seen))
	}
	for pk, s := range seen {
		wrong := (s + 1) % total
		_, err := e.Scan(t.Context(), &ScanInput{TableName: ptr("tab"), Segment: &wrong, TotalSegments: ptr[int32](total), ExclusiveStartKey: Item{"pk": value.S(pk), "sk": value.N("1")}})
		if err == nil || !strings.Contains(err.Error(), "Please use ExclusiveStartKey with correct Segment. TotalSegments: 7 Segment: "+fmt.Sprint(wrong)) {
			t.Errorf("start key of segment %d in %d: %v", s, wrong, err)
		}
	}
}

// localTable makes the table tab with a local index "loc" of l (N) that
// projects keys and "in", and a global one "glo" of g that projects keys.
func localTable(t *testing.T, e *Engine) {
	t.Helper()
	_, err := e.CreateTable(t.Context(), &CreateTableInput{
		TableName: ptr("tab"), BillingMode: "PAY_PER_REQUEST", KeySchema: schema("pk", "sk"),
		AttributeDefinitions:   []AttributeDefinition{def("pk", "S"), def("sk", "N"), def("l", "N"), def("g", "S")},
		LocalSecondaryIndexes:  []LocalIndex{{IndexName: ptr("loc"), KeySchema: schema("pk", "l"), Projection: &Projection{ProjectionType: "INCLUDE", NonKeyAttributes: []string{"in"}}}},
		GlobalSecondaryIndexes: []Index{{IndexName: ptr("glo"), KeySchema: schema("g", "sk"), Projection: &Projection{ProjectionType: "KEYS_ONLY"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestFetchBack: a local index fetches what it doesn't project from the table,
// which is billed; a global one refuses.
func TestFetchBack(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	localTable(t, e)
	put(t, e, Item{"pk": value.S("p"), "sk": value.N("1"), "l": value.N("9"), "g": value.S("g"), "in": value.S("i"), "out": value.S(strings.Repeat("o", 9000))})
	query := func(in QueryInput) (*PageOutput, error) {
		in.TableName, in.ReturnConsumedCapacity = ptr("tab"), "INDEXES"
		in.KeyConditionExpression, in.ExpressionAttributeValues = ptr("pk = :p"), Item{":p": value.S("p")}
		if *in.IndexName == "glo" {
			in.KeyConditionExpression, in.ExpressionAttributeValues = ptr("g = :p"), Item{":p": value.S("g")}
		}
		return e.Query(t.Context(), &in)
	}
	for _, c := range []struct {
		in    QueryInput
		attrs string
		table float64
	}{
		{QueryInput{IndexName: ptr("loc")}, "in l pk sk", 0},
		{QueryInput{IndexName: ptr("loc"), ProjectionExpression: ptr("sk, l")}, "l sk", 0},
		{QueryInput{IndexName: ptr("loc"), ProjectionExpression: ptr("sk, g")}, "g sk", 1.5},
		{QueryInput{IndexName: ptr("loc"), Select: "ALL_ATTRIBUTES"}, "g in l out pk sk", 1.5},
		{QueryInput{IndexName: ptr("glo"), Select: "ALL_PROJECTED_ATTRIBUTES"}, "g pk sk", 0},
	} {
		out, err := query(c.in)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(out.Items[0].Names(), " "); got != c.attrs || out.ConsumedCapacity.Table.CapacityUnits != c.table {
			t.Errorf("%+v: %s for %v units of the table, want %s for %v", c.in, got, out.ConsumedCapacity.Table.CapacityUnits, c.attrs, c.table)
		}
	}
	for want, in := range map[string]QueryInput{
		"Select type ALL_ATTRIBUTES is not supported for global secondary index glo": {IndexName: ptr("glo"), Select: "ALL_ATTRIBUTES"},
		"Global secondary index glo does not project [in]":                           {IndexName: ptr("glo"), ProjectionExpression: ptr("#i"), ExpressionAttributeNames: map[string]string{"#i": "in"}},
		"Consistent reads are not supported on global secondary indexes":             {IndexName: ptr("glo"), ConsistentRead: true},
		"ALL_ATTRIBUTES is not supported":                                            {IndexName: ptr("glo"), Select: "ALL_ATTRIBUTES", FilterExpression: ptr("pk.x = :p")},
	} {
		if _, err := query(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestItemCollectionMetrics(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	localTable(t, e)
	makeTable(t, e, "noLocal")
	item := func(i int) Item { return Item{"pk": value.S("p"), "sk": value.N(fmt.Sprint(i)), "l": value.N("1")} }
	out, err := e.PutItem(t.Context(), &PutItemInput{TableName: ptr("tab"), Item: item(1), ReturnItemCollectionMetrics: "SIZE"})
	if err != nil || out.ItemCollectionMetrics == nil || out.ItemCollectionMetrics.SizeEstimateRangeGB != [2]float64{0, 1} || out.ItemCollectionMetrics.ItemCollectionKey["pk"].Str != "p" {
		t.Errorf("put: %+v, %v", out, err)
	}
	none, err := e.PutItem(t.Context(), &PutItemInput{TableName: ptr("noLocal"), Item: item(1), ReturnItemCollectionMetrics: "SIZE"})
	if err != nil || none.ItemCollectionMetrics != nil {
		t.Errorf("of a table without local indexes: %+v, %v", none, err)
	}
	writes := map[string][]WriteRequest{"tab": {{PutRequest: &PutRequest{item(2)}}, {PutRequest: &PutRequest{item(3)}}}, "noLocal": {{PutRequest: &PutRequest{item(2)}}}}
	batch, err := e.BatchWriteItem(t.Context(), &BatchWriteItemInput{RequestItems: writes, ReturnItemCollectionMetrics: "SIZE"})
	if err != nil || len(batch.ItemCollectionMetrics) != 1 || len(batch.ItemCollectionMetrics["tab"]) != 1 {
		t.Errorf("batch: %+v, %v", batch, err)
	}
}

// TestTransactionUnits: transactions are billed double, and say as what.
func TestTransactionUnits(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	it := Item{"pk": value.S("p"), "sk": value.N("1"), "g": value.S("g")}
	in := &TransactWriteItemsInput{ReturnConsumedCapacity: "INDEXES", ClientRequestToken: ptr("t"),
		TransactItems: []TransactWriteItem{{Put: &TransactAction{TableName: ptr("tab"), Item: it}}}}
	out, err := e.TransactWriteItems(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	c := out.ConsumedCapacity[0]
	if c.CapacityUnits != 4 || *c.WriteCapacityUnits != 4 || c.ReadCapacityUnits != nil || *c.Table.WriteCapacityUnits != 2 || *c.GlobalSecondaryIndexes["gsi"].WriteCapacityUnits != 2 {
		t.Errorf("write: %+v", c)
	}
	if out, err = e.TransactWriteItems(t.Context(), in); err != nil || out.ConsumedCapacity[0].WriteCapacityUnits != nil || *out.ConsumedCapacity[0].ReadCapacityUnits != 2 {
		t.Errorf("repeated: %+v, %v", out, err)
	}
	got, err := e.TransactGetItems(t.Context(), &TransactGetItemsInput{ReturnConsumedCapacity: "TOTAL",
		TransactItems: []TransactGetItem{{Get: &TransactGet{TableName: ptr("tab"), Key: Item{"pk": it["pk"], "sk": it["sk"]}}}}})
	if err != nil || *got.ConsumedCapacity[0].ReadCapacityUnits != 2 {
		t.Errorf("get: %+v, %v", got, err)
	}
}
