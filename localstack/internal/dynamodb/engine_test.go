package dynamodb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

func openEngine(t testing.TB, fs vfs.FS, c clock.Clock) *Engine {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(Config{Store: store, Clock: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(e.Close(), store.Close()); err != nil {
			t.Error(err)
		}
	})
	return e
}

func newClock() *clock.Manual { return clock.NewManual(time.Unix(1_800_000_000, 0)) }

func ptr[T any](v T) *T { return &v }

func def(name, kind string) AttributeDefinition { return AttributeDefinition{&name, &kind} }

func schema(hash, sort string) []KeySchemaElement {
	return []KeySchemaElement{{&hash, ptr("HASH")}, {&sort, ptr("RANGE")}}
}

// makeTable makes a table of pk (S) and sk (N) with the index g of g (S) and sk
// that projects keys only.
func makeTable(t testing.TB, e *Engine, name string) {
	t.Helper()
	_, err := e.CreateTable(t.Context(), &CreateTableInput{
		TableName: &name, BillingMode: "PAY_PER_REQUEST", KeySchema: schema("pk", "sk"),
		AttributeDefinitions:   []AttributeDefinition{def("pk", "S"), def("sk", "N"), def("g", "S")},
		GlobalSecondaryIndexes: []Index{{IndexName: ptr("gsi"), KeySchema: schema("g", "sk"), Projection: &Projection{ProjectionType: "KEYS_ONLY"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, e *Engine, it Item) {
	t.Helper()
	if _, err := e.PutItem(t.Context(), &PutItemInput{TableName: ptr("tab"), Item: it}); err != nil {
		t.Fatal(err)
	}
}

func TestTTL(t *testing.T) {
	c := newClock()
	e := openEngine(t, vfs.NewMem(), c)
	passes := make(chan error, 1)
	e.upkeep.ran = func(err error) { passes <- err }
	makeTable(t, e, "tab")
	end := func(d time.Duration) value.Value { return value.N(fmt.Sprint(c.Now().Add(d).Unix())) }
	put(t, e, Item{"pk": value.S("before"), "sk": value.N("1"), "end": end(time.Second)})
	_, err := e.UpdateTimeToLive(t.Context(), &UpdateTimeToLiveInput{ptr("tab"), &TTLSpecification{ptr("end"), ptr(true)}})
	if err != nil {
		t.Fatal(err)
	}
	for pk, v := range map[string]value.Value{"soon": end(30 * time.Second), "later": end(90 * time.Second), "text": value.S("1"), "ancient": end(-6 * 365 * 24 * time.Hour)} {
		put(t, e, Item{"pk": value.S(pk), "sk": value.N("1"), "g": value.S("x"), "end": v})
	}
	put(t, e, Item{"pk": value.S("renewed"), "sk": value.N("1"), "end": end(time.Second)})
	put(t, e, Item{"pk": value.S("renewed"), "sk": value.N("1"), "end": end(time.Hour)})

	c.Advance(59 * time.Second)
	if got := scanned(t, e, nil); got != "ancient before later renewed soon text" {
		t.Errorf("before the pass: %s", got)
	}
	c.Advance(time.Second)
	if err := <-passes; err != nil {
		t.Fatal(err)
	}
	if got := scanned(t, e, nil); got != "ancient later renewed text" {
		t.Errorf("after the pass: %s", got)
	}
	if got := scanned(t, e, ptr("gsi")); got != "ancient later text" {
		t.Errorf("the index after the pass: %s", got)
	}
}

// scanned are the partition keys in the table or index, sorted.
func scanned(t testing.TB, e *Engine, index *string) string {
	t.Helper()
	out, err := e.Scan(t.Context(), &ScanInput{TableName: ptr("tab"), IndexName: index})
	if err != nil {
		t.Fatal(err)
	}
	var pks []string
	for _, it := range *out.Items {
		pks = append(pks, it["pk"].Str)
	}
	slices.Sort(pks)
	return strings.Join(pks, " ")
}

// TestPowerCut: what was answered is there after a power cut, what is there has
// its index entry, and what a reader had seen is there too.
func TestPowerCut(t *testing.T) {
	fs := vfs.NewCrashableMem()
	e := openEngine(t, fs, newClock())
	makeTable(t, e, "tab")
	const writers, each = 8, 25
	var mu sync.Mutex
	known := map[string]bool{} // answered to a writer, or shown to a reader
	var crashed *vfs.MemFS
	var atCrash []string
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				pk := fmt.Sprintf("%d-%d", w, i)
				if _, err := e.PutItem(t.Context(), &PutItemInput{TableName: ptr("tab"), Item: Item{"pk": value.S(pk), "sk": value.N("1"), "g": value.S("x")}}); err != nil {
					t.Error(err)
					return
				}
				out, err := e.Query(t.Context(), &QueryInput{TableName: ptr("tab"), IndexName: ptr("gsi"), KeyConditionExpression: ptr("g = :g"), ExpressionAttributeValues: Item{":g": value.S("x")}})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				known[pk] = true
				for _, it := range *out.Items {
					known[it["pk"].Str] = true
				}
				if crashed == nil && len(known) >= writers*each/2 {
					for k := range known {
						atCrash = append(atCrash, k)
					}
					crashed = fs.CrashClone(vfs.CrashCloneCfg{})
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	after := openEngine(t, crashed, newClock())
	there := strings.Fields(scanned(t, after, nil))
	for _, pk := range atCrash {
		if !slices.Contains(there, pk) {
			t.Errorf("%s was known and is gone", pk)
		}
	}
	if indexed := scanned(t, after, ptr("gsi")); indexed != strings.Join(there, " ") {
		t.Errorf("items %v, but the index has %s", there, indexed)
	}
}

// TestModel runs random writes and queries against a map.
func TestModel(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		name := fmt.Sprintf("model-%d", n)
		makeTable(t, e, name)
		defer func() {
			if _, err := e.DeleteTable(t.Context(), &TableNameInput{&name}); err != nil {
				rt.Fatal(err)
			}
		}()
		model := map[string]Item{}
		m := machine{rt, e, t, name, model}
		rt.Repeat(map[string]func(*rapid.T){"put": m.put, "update": m.update, "delete": m.delete, "get": m.get, "query": m.query})
	})
}

type machine struct {
	*rapid.T
	e     *Engine
	t     *testing.T
	table string
	items map[string]Item
}

func (m machine) key(t *rapid.T) (Item, string) {
	pk := rapid.SampledFrom([]string{"a", "b", "a\x00"}).Draw(t, "pk")
	sk := rapid.IntRange(-3, 12).Draw(t, "sk")
	return Item{"pk": value.S(pk), "sk": value.N(fmt.Sprint(sk))}, fmt.Sprintf("%s/%d", pk, sk)
}

func (m machine) put(t *rapid.T) {
	it, k := m.key(t)
	if g := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "g"); g != "" {
		it["g"] = value.S(g)
	}
	in := &PutItemInput{TableName: &m.table, Item: it, ReturnValues: "ALL_OLD"}
	fresh := rapid.Bool().Draw(t, "only if new")
	if fresh {
		in.ConditionExpression = ptr("attribute_not_exists(pk)")
	}
	out, err := m.e.PutItem(m.t.Context(), in)
	old, there := m.items[k]
	if fresh && there {
		if a := (*awswire.Error)(nil); !errors.As(err, &a) || a.Code != "ConditionalCheckFailedException" {
			t.Fatalf("put over %v: %v", old, err)
		}
		return
	}
	if err != nil || !value.EqualItems(out.Attributes, old) {
		t.Fatalf("put: %v, %v; want the old %v", out, err, old)
	}
	m.items[k] = it
}

func (m machine) update(t *rapid.T) {
	key, k := m.key(t)
	g := rapid.SampledFrom([]string{"x", "y"}).Draw(t, "g")
	out, err := m.e.UpdateItem(m.t.Context(), &UpdateItemInput{TableName: &m.table, Key: key, UpdateExpression: ptr("SET g = :g ADD n :one"),
		ExpressionAttributeValues: Item{":g": value.S(g), ":one": value.N("1")}, ReturnValues: "ALL_NEW"})
	want := Item{"g": value.S(g), "n": value.N("1"), "pk": key["pk"], "sk": key["sk"]}
	if n, ok := m.items[k]["n"]; ok {
		sum, _ := value.Add(n.Str, "1")
		want["n"] = value.N(sum)
	}
	if err != nil || !value.EqualItems(out.Attributes, want) {
		t.Fatalf("update: %v, %v; want %v", out, err, want)
	}
	m.items[k] = want
}

func (m machine) delete(t *rapid.T) {
	key, k := m.key(t)
	out, err := m.e.DeleteItem(m.t.Context(), &DeleteItemInput{TableName: &m.table, Key: key, ReturnValues: "ALL_OLD"})
	if err != nil || !value.EqualItems(out.Attributes, m.items[k]) {
		t.Fatalf("delete: %v, %v; want the old %v", out, err, m.items[k])
	}
	delete(m.items, k)
}

func (m machine) get(t *rapid.T) {
	key, k := m.key(t)
	out, err := m.e.GetItem(m.t.Context(), &GetItemInput{TableName: &m.table, Key: key, ConsistentRead: true})
	want, there := m.items[k]
	if err != nil || (out.Item != nil) != there || there && !value.EqualItems(*out.Item, want) {
		t.Fatalf("get: %v, %v; want %v", out, err, want)
	}
}

// query pages through a range of the table or the index, either way.
func (m machine) query(t *rapid.T) {
	attr, index := "pk", (*string)(nil)
	part := rapid.SampledFrom([]string{"a", "b", "a\x00", "x", "y"}).Draw(t, "partition")
	if part == "x" || part == "y" {
		attr, index = "g", ptr("gsi")
	}
	low, back := rapid.IntRange(-3, 12).Draw(t, "low"), rapid.Bool().Draw(t, "back")
	in := &QueryInput{TableName: &m.table, IndexName: index, KeyConditionExpression: ptr(attr + " = :p AND sk >= :low"), ScanIndexForward: ptr(!back),
		ExpressionAttributeValues: Item{":p": value.S(part), ":low": value.N(fmt.Sprint(low))}, Limit: ptr(rapid.Int32Range(1, 4).Draw(t, "limit"))}
	var got []string
	last := ""
	for {
		out, err := m.e.Query(m.t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range *out.Items {
			if c := value.CompareNumbers(it["sk"].Str, last); last != "" && (c < 0 && !back || c > 0 && back) {
				t.Fatalf("sort key %s after %s", it["sk"].Str, last)
			}
			last = it["sk"].Str
			got = append(got, it["pk"].Str+"/"+last)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; out.LastEvaluatedKey == nil {
			break
		}
	}
	var want []string
	for k, it := range m.items {
		if it[attr].Str == part && value.CompareNumbers(it["sk"].Str, fmt.Sprint(low)) >= 0 {
			want = append(want, k)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("query of %s = %s from %d: %v, want %v", attr, part, low, got, want)
	}
}
