package dynamodb

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

func units2(n int64) *Throughput {
	return &Throughput{ReadCapacityUnits: ptr(n), WriteCapacityUnits: ptr(n)}
}

func createIndex(name, hash string, t *Throughput) IndexUpdate {
	return IndexUpdate{Create: &CreateIndex{IndexName: &name, KeySchema: []KeySchemaElement{{&hash, ptr("HASH")}}, Projection: &Projection{ProjectionType: "ALL"}, ProvisionedThroughput: t}}
}

// provisionedTable makes the table tab, of pk (S) and the index "one" of g, with
// 5 units each.
func provisionedTable(t *testing.T, e *Engine) {
	t.Helper()
	_, err := e.CreateTable(t.Context(), &CreateTableInput{
		TableName: ptr("tab"), ProvisionedThroughput: units2(5), KeySchema: []KeySchemaElement{{ptr("pk"), ptr("HASH")}},
		AttributeDefinitions:   []AttributeDefinition{def("pk", "S"), def("g", "S")},
		GlobalSecondaryIndexes: []Index{{IndexName: ptr("one"), KeySchema: []KeySchemaElement{{ptr("g"), ptr("HASH")}}, Projection: &Projection{ProjectionType: "ALL"}, ProvisionedThroughput: units2(5)}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func codeOf(err error) string {
	if a := (*awswire.Error)(nil); errors.As(err, &a) {
		return a.Code
	}
	return fmt.Sprint(err)
}

func TestUpdateTableRefusals(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	provisionedTable(t, e)
	defs := []AttributeDefinition{def("h", "S")}
	update := func(n *Throughput) IndexUpdate {
		return IndexUpdate{Update: &UpdateIndex{IndexName: ptr("one"), ProvisionedThroughput: n}}
	}
	for name, c := range map[string]struct {
		in   UpdateTableInput
		want string
	}{
		"nothing":           {UpdateTableInput{}, "At least one of ProvisionedThroughput"},
		"same units":        {UpdateTableInput{ProvisionedThroughput: units2(5)}, "The provisioned throughput for the table will not change. The requested value equals the current value. Current ReadCapacityUnits provisioned for the table: 5."},
		"same index units":  {UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{update(units2(5))}}, "The provisioned throughput for the index will not change"},
		"too many units":    {UpdateTableInput{ProvisionedThroughput: units2(maxProvisioned + 1)}, "Given value 1000000000001 for ReadCapacityUnits is out of bounds"},
		"provisioned of":    {UpdateTableInput{BillingMode: "PROVISIONED"}, "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"},
		"units by request":  {UpdateTableInput{BillingMode: "PAY_PER_REQUEST", ProvisionedThroughput: units2(6)}, byRequestOnly},
		"empty update":      {UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{{}}}, "must not be null"},
		"one index twice":   {UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{update(units2(6)), {Delete: &DeleteIndex{ptr("one")}}}}, "Only one global secondary index update per index is allowed simultaneously. Index: one"},
		"two made":          {UpdateTableInput{AttributeDefinitions: defs, GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("two", "h", units2(1)), {Delete: &DeleteIndex{ptr("one")}}}}, "Only 1 online index can be created or deleted simultaneously per table"},
		"no such index":     {UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{{Delete: &DeleteIndex{ptr("none")}}}}, "Requested resource not found"},
		"index exists":      {UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("one", "g", units2(1))}}, "Attempting to create an index which already exists"},
		"no definitions":    {UpdateTableInput{GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("two", "g", units2(1))}}, "One or more parameter values were invalid: AttributeDefinitions is not specified for index: two"},
		"undefined key":     {UpdateTableInput{AttributeDefinitions: []AttributeDefinition{def("g", "S")}, GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("two", "h", units2(1))}}, "Some index key attributes are not defined in AttributeDefinitions. Keys: [h], AttributeDefinitions: [pk, g]"},
		"key of other type": {UpdateTableInput{AttributeDefinitions: []AttributeDefinition{def("g", "N")}, GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("two", "g", units2(1))}}, "Attributes cannot be redefined. Please check that your attribute has the same type as previously defined. Attribute: g, type: S, requested type: N"},
		"no units":          {UpdateTableInput{AttributeDefinitions: defs, GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("two", "h", nil)}}, "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: two"},
		"stream":            {UpdateTableInput{StreamSpecification: &StreamSpecification{StreamEnabled: ptr(true)}}, "Streams aren't supported here"},
		"replicas":          {UpdateTableInput{ReplicaUpdates: true}, "ReplicaUpdates is not supported here"},
	} {
		c.in.TableName = ptr("tab")
		if _, err := e.UpdateTable(t.Context(), &c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v\nwant %s", name, err, c.want)
		}
	}
	if _, err := e.UpdateTable(t.Context(), &UpdateTableInput{TableName: ptr("none"), ProvisionedThroughput: units2(1)}); codeOf(err) != "ResourceNotFoundException" {
		t.Errorf("a table that isn't there: %v", err)
	}
}

// TestProvisionedIndex: an index that a table with provisioned capacity gets has
// units of its own, which a later update changes.
func TestProvisionedIndex(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	provisionedTable(t, e)
	put(t, e, Item{"pk": value.S("p"), "h": value.S("h")})
	update := func(u IndexUpdate) {
		t.Helper()
		in := &UpdateTableInput{TableName: ptr("tab"), AttributeDefinitions: []AttributeDefinition{def("h", "S")}, GlobalSecondaryIndexUpdates: []IndexUpdate{u}}
		if _, err := e.UpdateTable(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	units := func(want int64) {
		t.Helper()
		d, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("tab")})
		if err != nil {
			t.Fatal(err)
		}
		x := d.Table.global("two")
		if x == nil || *x.ProvisionedThroughput.ReadCapacityUnits != want || *x.ProvisionedThroughput.WriteCapacityUnits != want || *x.WarmThroughput.ReadUnitsPerSecond != want {
			t.Errorf("%+v, want %d units", x, want)
		}
	}
	update(createIndex("two", "h", units2(7)))
	units(7)
	update(IndexUpdate{Update: &UpdateIndex{IndexName: ptr("two"), ProvisionedThroughput: units2(9)}})
	units(9)
	if got := scanned(t, e, ptr("two")); got != "p" {
		t.Errorf("the index has %q", got)
	}
}

// TestBackfill: an index of a table that has items holds them, through a
// restart too, but for those without its key; and is gone when it is deleted.
func TestBackfill(t *testing.T) {
	fs := vfs.NewCrashableMem()
	e := openEngine(t, fs, newClock())
	makeTable(t, e, "tab")
	for i := range 30 {
		it := Item{"pk": value.S(fmt.Sprint(i)), "sk": value.N("1"), "h": value.S("h")}
		switch i % 3 {
		case 1:
			it["h"] = value.N("1") // of another type
		case 2:
			delete(it, "h")
		}
		put(t, e, it)
	}
	in := &UpdateTableInput{TableName: ptr("tab"), AttributeDefinitions: []AttributeDefinition{def("h", "S")}, GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("byH", "h", nil)}}
	out, err := e.UpdateTable(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	if x := out.TableDescription.global("byH"); x == nil || x.IndexStatus != "CREATING" || out.TableDescription.TableStatus != "UPDATING" {
		t.Errorf("the answer: %+v", out.TableDescription)
	}
	put(t, e, Item{"pk": value.S("later"), "sk": value.N("1"), "h": value.S("h")})
	const want = "0 12 15 18 21 24 27 3 6 9 later"
	if got := scanned(t, e, ptr("byH")); got != want {
		t.Errorf("the index has %s, want %s", got, want)
	}
	e = openEngine(t, fs.CrashClone(vfs.CrashCloneCfg{}), newClock())
	if got := scanned(t, e, ptr("byH")); got != want {
		t.Errorf("after a restart the index has %s, want %s", got, want)
	}
	_, err = e.PutItem(t.Context(), &PutItemInput{TableName: ptr("tab"), Item: Item{"pk": value.S("x"), "sk": value.N("1"), "h": value.N("1")}})
	if err == nil || !strings.Contains(err.Error(), "Type mismatch for Index Key h Expected: S Actual: N IndexName: byH") {
		t.Errorf("an item with the new index's key of another type: %v", err)
	}
	if _, err := e.UpdateTable(t.Context(), &UpdateTableInput{TableName: ptr("tab"), GlobalSecondaryIndexUpdates: []IndexUpdate{{Delete: &DeleteIndex{ptr("byH")}}}}); err != nil {
		t.Fatal(err)
	}
	d, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("tab")})
	if err != nil || d.Table.global("byH") != nil || len(d.Table.AttributeDefinitions) != 3 {
		t.Errorf("after the deletion: %+v, %v", d.Table, err)
	}
	// The next index mustn't find what the last one left.
	if _, err := e.UpdateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if got := scanned(t, e, ptr("byH")); got != want {
		t.Errorf("made again, the index has %s, want %s", got, want)
	}
}

// TestAbandonedBackfill: entries that a crash left of an unfinished index don't
// come to light in the one that gets its number.
func TestAbandonedBackfill(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	it := Item{"pk": value.S("p"), "sk": value.N("1"), "h": value.S("h")}
	put(t, e, it)
	in := &UpdateTableInput{TableName: ptr("tab"), AttributeDefinitions: []AttributeDefinition{def("h", "S")}, GlobalSecondaryIndexUpdates: []IndexUpdate{createIndex("byH", "h", nil)}}
	tab := e.tables[tableID{awswire.DefaultRegion, "tab"}]
	unfinished, err := in.apply(tab.def.clone(), e.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.backfill(tab, unfinished, "byH"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.DeleteItem(t.Context(), &DeleteItemInput{TableName: ptr("tab"), Key: Item{"pk": it["pk"], "sk": it["sk"]}}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.UpdateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if got := scanned(t, e, ptr("byH")); got != "" {
		t.Errorf("the index of an empty table has %s", got)
	}
}

func TestThroughputAndBilling(t *testing.T) {
	c := newClock()
	e := openEngine(t, vfs.NewMem(), c)
	provisionedTable(t, e)
	update := func(in UpdateTableInput) error {
		in.TableName = ptr("tab")
		_, err := e.UpdateTable(t.Context(), &in)
		return err
	}
	describe := func() *TableDescription {
		d, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("tab")})
		if err != nil {
			t.Fatal(err)
		}
		return d.Table
	}
	for i := range int64(4) {
		if err := update(UpdateTableInput{ProvisionedThroughput: units2(4 - i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := update(UpdateTableInput{ProvisionedThroughput: units2(9)}); err != nil {
		t.Fatal(err)
	}
	if err := update(UpdateTableInput{ProvisionedThroughput: units2(8)}); codeOf(err) != "LimitExceededException" {
		t.Errorf("a fifth decrease in an hour: %v", err)
	}
	c.Advance(time.Hour)
	if err := update(UpdateTableInput{ProvisionedThroughput: units2(8)}); err != nil {
		t.Errorf("a decrease an hour later: %v", err)
	}
	if p := describe().ProvisionedThroughput; *p.ReadCapacityUnits != 8 || p.NumberOfDecreasesToday != 5 || p.LastIncreaseDateTime == nil || *p.LastDecreaseDateTime != *p.LastIncreaseDateTime+3600 {
		t.Errorf("throughput: %+v", p)
	}
	if err := update(UpdateTableInput{BillingMode: "PAY_PER_REQUEST"}); err != nil {
		t.Fatal(err)
	}
	d := describe()
	if d.BillingModeSummary.BillingMode != "PAY_PER_REQUEST" || *d.ProvisionedThroughput.ReadCapacityUnits != 0 || *d.GlobalSecondaryIndexes[0].ProvisionedThroughput.WriteCapacityUnits != 0 || *d.WarmThroughput.ReadUnitsPerSecond != warmReads {
		t.Errorf("paid by request: %+v", d)
	}
	err := update(UpdateTableInput{BillingMode: "PROVISIONED", ProvisionedThroughput: units2(3)})
	if err == nil || !strings.Contains(err.Error(), "ProvisionedThroughput must be specified for index: one") {
		t.Errorf("provisioned again, but for the index: %v", err)
	}
	if err := update(UpdateTableInput{BillingMode: "PROVISIONED", ProvisionedThroughput: units2(3), GlobalSecondaryIndexUpdates: []IndexUpdate{{Update: &UpdateIndex{IndexName: ptr("one"), ProvisionedThroughput: units2(2)}}}}); err != nil {
		t.Fatal(err)
	}
	if d := describe(); d.billingMode() != "PROVISIONED" || *d.ProvisionedThroughput.ReadCapacityUnits != 3 || *d.global("one").ProvisionedThroughput.ReadCapacityUnits != 2 {
		t.Errorf("provisioned again: %+v", d)
	}
	if err := update(UpdateTableInput{DeletionProtectionEnabled: ptr(true)}); err != nil {
		t.Fatal(err)
	}
	if _, err := e.DeleteTable(t.Context(), &TableNameInput{ptr("tab")}); codeOf(err) != "ValidationException" {
		t.Errorf("a protected table was deleted: %v", err)
	}
}

// TestAmbiguousIndexUpdate: one element creates or deletes, and nothing changes
// if it says both.
func TestAmbiguousIndexUpdate(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	makeTable(t, e, "tab")
	create := &CreateIndex{IndexName: ptr("new"), KeySchema: schema("g", "sk"), Projection: &Projection{ProjectionType: "ALL"}}
	for _, u := range []IndexUpdate{
		{Create: create, Delete: &DeleteIndex{ptr("gone")}},
		{Create: create, Update: &UpdateIndex{IndexName: ptr("gsi"), ProvisionedThroughput: units2(1)}},
	} {
		_, err := e.UpdateTable(t.Context(), &UpdateTableInput{TableName: ptr("tab"), AttributeDefinitions: []AttributeDefinition{def("g", "S"), def("sk", "N")}, GlobalSecondaryIndexUpdates: []IndexUpdate{u}})
		if err == nil || !strings.HasPrefix(err.Error(), "ValidationException: One or more parameter values were invalid: Only one global secondary index action is allowed per GlobalSecondaryIndexUpdate object") {
			t.Errorf("%v", err)
		}
	}
	out, err := e.DescribeTable(t.Context(), &TableNameInput{ptr("tab")})
	if err != nil || len(out.Table.GlobalSecondaryIndexes) != 1 {
		t.Errorf("%+v, %v", out, err)
	}
}
