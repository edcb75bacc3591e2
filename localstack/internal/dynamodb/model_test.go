package dynamodb

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// TestModel runs random operations, with restarts, against a map.
func TestModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{fs: vfs.NewCrashableMem(), items: map[string]Item{}}
		m.open(rt)
		defer func() {
			if err := m.close(); err != nil {
				rt.Error(err)
			}
		}()
		m.createTable(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"put": m.put, "update": m.update, "delete": m.delete, "get": m.get, "batch": m.batch, "transact": m.transact,
			"query": m.query, "scan": m.scan, "restart": m.restart,
		})
	})
}

// A machine is an engine and the model of its one table "tab": pk (S), sk (N),
// the local index "loc" of l that holds all, the global one "glo" of g and sk
// that holds v.
type machine struct {
	fs    *vfs.MemFS
	store *kv.Store
	e     *Engine
	items map[string]Item // by the text of the key
	token int
}

func (m *machine) open(t *rapid.T) {
	var err error
	if m.store, err = kv.Open("db", kv.Options{FS: m.fs}); err != nil {
		t.Fatal(err)
	}
	if m.e, err = Open(Config{Config: engine.Config{Store: m.store, Clock: newClock()}}); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) close() error {
	m.e.Close()
	return m.store.Close()
}

// restart cuts the power: only what was synced is left.
func (m *machine) restart(t *rapid.T) {
	after := m.fs.CrashClone(vfs.CrashCloneCfg{})
	if err := m.close(); err != nil {
		t.Fatal(err)
	}
	m.fs = after
	m.open(t)
	for _, in := range []*ScanInput{{}, {IndexName: ptr("loc")}, {IndexName: ptr("glo")}} {
		m.checkScan(t, in)
	}
}

func (m *machine) createTable(t *rapid.T) {
	_, err := m.e.CreateTable(t.Context(), &CreateTableInput{
		TableName: ptr("tab"), BillingMode: "PAY_PER_REQUEST", KeySchema: schema("pk", "sk"),
		AttributeDefinitions:   []AttributeDefinition{def("pk", "S"), def("sk", "N"), def("l", "N"), def("g", "S")},
		LocalSecondaryIndexes:  []LocalIndex{{IndexName: ptr("loc"), KeySchema: schema("pk", "l"), Projection: &Projection{ProjectionType: "ALL"}}},
		GlobalSecondaryIndexes: []Index{{IndexName: ptr("glo"), KeySchema: schema("g", "sk"), Projection: &Projection{ProjectionType: "INCLUDE", NonKeyAttributes: []string{"v"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func keyText(it Item) string { return it["pk"].Str + "/" + it["sk"].Str }

var (
	partitions = []string{"a", "b", "a\x00", "é", "\U0001f600"}
	numbers    = []string{"-1.5", "-1", "0", "0.25", "2", "10", "3e1"}
)

func drawKey(t *rapid.T, label string) Item {
	return Item{"pk": value.S(rapid.SampledFrom(partitions).Draw(t, label+" pk")), "sk": value.N(rapid.SampledFrom(numbers).Draw(t, label+" sk"))}
}

func drawItem(t *rapid.T) Item {
	it := drawKey(t, "item")
	if rapid.Bool().Draw(t, "has l") {
		it["l"] = value.N(rapid.SampledFrom(numbers).Draw(t, "l"))
	}
	if rapid.Bool().Draw(t, "has g") {
		it["g"] = value.S(rapid.SampledFrom([]string{"x", "y"}).Draw(t, "g"))
	}
	if rapid.Bool().Draw(t, "has v") {
		it["v"] = rapid.SampledFrom([]value.Value{value.S(""), value.N("1"), value.L(value.Null()), value.SS("p", "q"), value.S("v"), value.N("-2"), value.L(), value.S(strings.Repeat("v", 300_000))}).Draw(t, "v")
	}
	return it
}

// A guard is a condition, and what the model says of it.
type guard struct {
	expr  string
	holds func(Item) bool
}

var guards = []guard{
	{"", func(Item) bool { return true }},
	{"attribute_not_exists(pk)", func(it Item) bool { return it == nil }},
	{"attribute_exists(pk) AND NOT attribute_exists(v)", func(it Item) bool { _, v := it["v"]; return it != nil && !v }},
	{"g = g2 OR l > sk OR size(v) = size(g)", func(it Item) bool {
		l, ok := it["l"]
		g, v := it["g"], it["v"]
		n, sized := 0, true
		switch v.Kind {
		case value.KindS:
			n = len(v.Str)
		case value.KindL:
			n = len(v.List)
		case value.KindSS:
			n = len(v.Set)
		default:
			sized = false
		}
		return ok && value.CompareNumbers(l.Str, it["sk"].Str) > 0 || sized && g.Kind == value.KindS && n == len(g.Str)
	}},
}

func (g guard) param() *string {
	if g.expr == "" {
		return nil
	}
	return &g.expr
}

func drawGuard(t *rapid.T) guard { return rapid.SampledFrom(guards).Draw(t, "condition") }

// refused checks that err is the one for a condition that doesn't hold.
func refused(t *rapid.T, err error, old Item) {
	var a *awswire.Error
	if !errors.As(err, &a) || a.Code != "ConditionalCheckFailedException" {
		t.Fatalf("the condition doesn't hold for %v: %v", old, err)
	}
	if shown, _ := a.Fields["Item"].(Item); !value.EqualItems(shown, old) {
		t.Fatalf("the error shows %v of %v", shown, old)
	}
}

func (m *machine) put(t *rapid.T) {
	it, g := drawItem(t), drawGuard(t)
	old := m.items[keyText(it)]
	out, err := m.e.PutItem(t.Context(), &PutItemInput{TableName: ptr("tab"), Item: it, ReturnValues: "ALL_OLD", ConditionExpression: g.param(), ReturnValuesOnConditionCheckFailure: "ALL_OLD"})
	if !g.holds(old) {
		refused(t, err, old)
		return
	}
	if err != nil || !value.EqualItems(out.Attributes, old) {
		t.Fatalf("put: %v, %v; want the old %v", out, err, old)
	}
	m.items[keyText(it)] = it
}

func (m *machine) delete(t *rapid.T) {
	key, g := drawKey(t, "item"), drawGuard(t)
	old := m.items[keyText(key)]
	out, err := m.e.DeleteItem(t.Context(), &DeleteItemInput{TableName: ptr("tab"), Key: key, ReturnValues: "ALL_OLD", ConditionExpression: g.param(), ReturnValuesOnConditionCheckFailure: "ALL_OLD"})
	if !g.holds(old) {
		refused(t, err, old)
		return
	}
	if err != nil || !value.EqualItems(out.Attributes, old) {
		t.Fatalf("delete: %v, %v; want the old %v", out, err, old)
	}
	delete(m.items, keyText(key))
}

// A change is an update, and what the model makes of an item by it.
type modelChange struct {
	expr   string
	values Item
	apply  func(Item)
}

var changes = []modelChange{
	{"SET g = :g, l = :l", Item{":g": value.S("y"), ":l": value.N("7")}, func(it Item) { it["g"], it["l"] = value.S("y"), value.N("7") }},
	{"REMOVE g, v", nil, func(it Item) { delete(it, "g"); delete(it, "v") }},
	{"ADD c :one SET v = if_not_exists(v, :v)", Item{":one": value.N("1"), ":v": value.S("new")}, func(it Item) {
		it["c"] = value.N(sum(it["c"], "1"))
		if _, ok := it["v"]; !ok {
			it["v"] = value.S("new")
		}
	}},
	{"SET c = if_not_exists(c, :zero) - :half, l = sk", Item{":zero": value.N("0"), ":half": value.N("0.5")}, func(it Item) {
		it["c"], it["l"] = value.N(sum(it["c"], "-0.5")), it["sk"]
	}},
	{"ADD s :s", Item{":s": value.SS("m", "n")}, func(it Item) { it["s"] = value.SS("m", "n") }},
}

func sum(old value.Value, add string) string {
	if old.Kind == value.Invalid {
		return value.N(add).Str
	}
	s, _ := value.Add(old.Str, add)
	return s
}

// updated is what the change makes of old, nil for no item.
func (c modelChange) updated(key, old Item) Item {
	if old == nil && strings.HasPrefix(c.expr, "REMOVE") {
		return nil
	}
	it := maps.Clone(key)
	maps.Copy(it, old)
	c.apply(it)
	return it
}

func (m *machine) update(t *rapid.T) {
	key, g, c := drawKey(t, "item"), drawGuard(t), rapid.SampledFrom(changes).Draw(t, "update")
	old := m.items[keyText(key)]
	out, err := m.e.UpdateItem(t.Context(), &UpdateItemInput{TableName: ptr("tab"), Key: key, UpdateExpression: &c.expr, ExpressionAttributeValues: c.values,
		ReturnValues: "ALL_NEW", ConditionExpression: g.param(), ReturnValuesOnConditionCheckFailure: "ALL_OLD"})
	if !g.holds(old) {
		refused(t, err, old)
		return
	}
	want := c.updated(key, old)
	if err != nil || !value.EqualItems(out.Attributes, want) {
		t.Fatalf("update: %v, %v; want %v", out, err, want)
	}
	if m.items[keyText(key)] = want; want == nil {
		delete(m.items, keyText(key))
	}
}

func (m *machine) get(t *rapid.T) {
	keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) Item { return drawKey(t, "item") }), 1, 5, keyText).Draw(t, "keys")
	var gets []TransactGetItem
	for _, k := range keys {
		out, err := m.e.GetItem(t.Context(), &GetItemInput{TableName: ptr("tab"), Key: k})
		if err != nil {
			t.Fatal(err)
		}
		m.same(t, k, out.Item)
		gets = append(gets, TransactGetItem{&TransactGet{TableName: ptr("tab"), Key: k}})
	}
	tx, err := m.e.TransactGetItems(t.Context(), &TransactGetItemsInput{TransactItems: gets})
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range keys {
		m.same(t, k, tx.Responses[i].Item)
	}
	batch, err := m.e.BatchGetItem(t.Context(), &BatchGetItemInput{RequestItems: map[string]KeysAndAttributes{"tab": {Keys: keys}}})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]Item{}
	for _, it := range batch.Responses["tab"] {
		found[keyText(it)] = it
	}
	left := batch.UnprocessedKeys["tab"].Keys
	for _, k := range keys {
		if slices.ContainsFunc(left, func(l Item) bool { return value.EqualItems(l, k) }) {
			continue
		}
		if it, ok := found[keyText(k)]; ok {
			m.same(t, k, it)
		} else {
			m.same(t, k, nil)
		}
	}
}

func (m *machine) same(t *rapid.T, key, got Item) {
	want, there := m.items[keyText(key)]
	if (got != nil) != there || there && !value.EqualItems(got, want) {
		t.Fatalf("get %q: %v; want %v", keyText(key), got, want)
	}
}

func (m *machine) batch(t *rapid.T) {
	items := rapid.SliceOfNDistinct(rapid.Custom(drawItem), 1, 6, keyText).Draw(t, "items")
	var ws []WriteRequest
	for i, it := range items {
		if rapid.Bool().Draw(t, fmt.Sprint("delete ", i)) {
			ws = append(ws, WriteRequest{DeleteRequest: &DeleteRequest{Item{"pk": it["pk"], "sk": it["sk"]}}})
			delete(m.items, keyText(it))
			continue
		}
		ws = append(ws, WriteRequest{PutRequest: &PutRequest{it}})
		m.items[keyText(it)] = it
	}
	if _, err := m.e.BatchWriteItem(t.Context(), &BatchWriteItemInput{RequestItems: map[string][]WriteRequest{"tab": ws}}); err != nil {
		t.Fatal(err)
	}
}

// transact does some actions, or none where a condition doesn't hold; and the
// same again, which does nothing.
func (m *machine) transact(t *rapid.T) {
	items := rapid.SliceOfNDistinct(rapid.Custom(drawItem), 1, 4, keyText).Draw(t, "items")
	var actions []TransactWriteItem
	next, reasons, cancelled := map[string]Item{}, []string{}, false
	for i, it := range items {
		g, key, old := drawGuard(t), Item{"pk": it["pk"], "sk": it["sk"]}, m.items[keyText(it)]
		a := &TransactAction{TableName: ptr("tab"), Key: key, ConditionExpression: g.param()}
		switch rapid.IntRange(0, 3).Draw(t, fmt.Sprint("action ", i)) {
		case 0:
			a.Key, a.Item = nil, it
			actions, next[keyText(it)] = append(actions, TransactWriteItem{Put: a}), it
		case 1:
			actions, next[keyText(it)] = append(actions, TransactWriteItem{Delete: a}), nil
		case 2:
			c := changes[i%len(changes)]
			a.UpdateExpression, a.ExpressionAttributeValues = &c.expr, c.values
			actions, next[keyText(it)] = append(actions, TransactWriteItem{Update: a}), c.updated(key, old)
		case 3:
			if g.expr == "" {
				g = guards[1]
				a.ConditionExpression = g.param()
			}
			actions = append(actions, TransactWriteItem{ConditionCheck: a})
		}
		reason := "None"
		if !g.holds(old) {
			reason, cancelled = "ConditionalCheckFailed", true
		}
		reasons = append(reasons, reason)
	}
	m.token++
	in := &TransactWriteItemsInput{TransactItems: actions, ClientRequestToken: ptr(fmt.Sprint("token-", m.token))}
	_, err := m.e.TransactWriteItems(t.Context(), in)
	if cancelled {
		var a *awswire.Error
		if !errors.As(err, &a) || a.Code != "TransactionCanceledException" || !strings.HasSuffix(a.Message, "["+strings.Join(reasons, ", ")+"]") {
			t.Fatalf("transaction: %v; want it cancelled: %v", err, reasons)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.e.TransactWriteItems(t.Context(), in); err != nil {
		t.Fatalf("the same transaction again: %v", err)
	}
	for k, it := range next {
		if m.items[k] = it; it == nil {
			delete(m.items, k)
		}
	}
}

// A range is a condition on a sort key, and what the model says of it.
type keyRange struct {
	expr  string
	holds func(sort string) bool
}

func ranges(attr string) []keyRange {
	cmp := func(s, than string) int { return value.CompareNumbers(s, value.N(than).Str) }
	return []keyRange{
		{"", func(string) bool { return true }},
		{" AND " + attr + " = :two", func(s string) bool { return cmp(s, "2") == 0 }},
		{" AND " + attr + " < :two", func(s string) bool { return cmp(s, "2") < 0 }},
		{" AND " + attr + " <= :two", func(s string) bool { return cmp(s, "2") <= 0 }},
		{" AND :two < " + attr, func(s string) bool { return cmp(s, "2") > 0 }},
		{" AND " + attr + " >= :two", func(s string) bool { return cmp(s, "2") >= 0 }},
		{" AND " + attr + " BETWEEN :minus AND :two", func(s string) bool { return cmp(s, "-1") >= 0 && cmp(s, "2") <= 0 }},
	}
}

// query pages through a range of the table or of an index, either way, with a
// filter or without.
func (m *machine) query(t *rapid.T) {
	source := rapid.SampledFrom([]string{"", "loc", "glo"}).Draw(t, "index")
	hash, sort := "pk", "sk"
	part := rapid.SampledFrom(partitions).Draw(t, "partition")
	in := &QueryInput{TableName: ptr("tab")}
	switch source {
	case "loc":
		in.IndexName, sort = &source, "l"
	case "glo":
		in.IndexName, hash, part = &source, "g", rapid.SampledFrom([]string{"x", "y"}).Draw(t, "g")
	}
	r := rapid.SampledFrom(ranges(sort)).Draw(t, "range")
	back, filtered := rapid.Bool().Draw(t, "back"), rapid.Bool().Draw(t, "filter")
	in.KeyConditionExpression, in.ScanIndexForward = ptr(hash+" = :p"+r.expr), ptr(!back)
	in.ExpressionAttributeValues = Item{":p": value.S(part)}
	for name, n := range map[string]string{":two": "2", ":minus": "-1"} {
		if strings.Contains(r.expr, name) {
			in.ExpressionAttributeValues[name] = value.N(n)
		}
	}
	if filtered {
		in.FilterExpression = ptr("attribute_exists(v)")
	}
	if n := rapid.Int32Range(0, 4).Draw(t, "limit"); n > 0 {
		in.Limit = &n
	}
	var got, want []string
	last, scanned, inRange := "", 0, 0
	for {
		out, err := m.e.Query(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		scanned += out.ScannedCount
		for _, it := range out.Items {
			if c := value.CompareNumbers(it[sort].Str, last); last != "" && (c < 0 && !back || c > 0 && back) {
				t.Fatalf("sort key %s after %s", it[sort].Str, last)
			}
			last = it[sort].Str
			got = append(got, keyText(it))
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
			break
		}
	}
	for k, it := range m.items {
		if it[hash].Str != part || it[hash].Kind != value.KindS || it[sort].Kind != value.KindN || !r.holds(it[sort].Str) {
			continue
		}
		inRange++
		if _, ok := it["v"]; ok || !filtered {
			want = append(want, k)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) || scanned != inRange {
		t.Fatalf("query %s of %q: %q of %d read, want %q of %d", *in.KeyConditionExpression, source, got, scanned, want, inRange)
	}
}

func (m *machine) scan(t *rapid.T) {
	in := &ScanInput{}
	if x := rapid.SampledFrom([]string{"", "loc", "glo"}).Draw(t, "index"); x != "" {
		in.IndexName = &x
	}
	if n := rapid.Int32Range(0, 5).Draw(t, "limit"); n > 0 {
		in.Limit = &n
	}
	in.TotalSegments = ptr(rapid.Int32Range(1, 4).Draw(t, "segments"))
	m.checkScan(t, in)
}

// checkScan reads all segments, and holds what it finds to what the table or
// index should have: the items, whole or projected.
func (m *machine) checkScan(t *rapid.T, in *ScanInput) {
	in.TableName = ptr("tab")
	if in.TotalSegments == nil {
		in.TotalSegments = ptr[int32](1)
	}
	got := map[string]Item{}
	for s := range *in.TotalSegments {
		in.Segment, in.ExclusiveStartKey = &s, nil
		for {
			out, err := m.e.Scan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range out.Items {
				if _, twice := got[keyText(it)]; twice {
					t.Fatalf("%q came twice", keyText(it))
				}
				got[keyText(it)] = it
			}
			if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
				break
			}
		}
	}
	want := 0
	for k, it := range m.items {
		expected, in := projection(in.IndexName, it)
		if !in {
			continue
		}
		want++
		if !value.EqualItems(got[k], expected) {
			t.Fatalf("%q is %v, want %v", k, got[k], expected)
		}
	}
	if len(got) != want {
		t.Fatalf("%d items, want %d", len(got), want)
	}
}

// projection is what the table, or an index of it, holds of an item.
func projection(index *string, it Item) (held Item, in bool) {
	switch {
	case index == nil:
		return it, true
	case *index == "loc":
		_, in = it["l"]
		return it, in
	}
	held = Item{}
	for _, a := range []string{"pk", "sk", "g", "v"} {
		if v, ok := it[a]; ok {
			held[a] = v
		}
	}
	_, in = it["g"]
	return held, in
}
