package dynamodb

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/engine"
	"github.com/errandhq/errand/localstack/internal/kv"
)

func openEngine(t testing.TB, fs vfs.FS, c clock.Clock) *Engine {
	t.Helper()
	return openWith(t, fs, engine.Config{Clock: c, Logf: t.Logf})
}

func openWith(t testing.TB, fs vfs.FS, c engine.Config) *Engine {
	t.Helper()
	store, err := kv.Open("db", kv.Options{FS: fs, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	c.Store = store
	e, err := Open(Config{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Close()
		if err := store.Close(); err != nil {
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
	passes := make(chan error, 1)
	e := openWith(t, vfs.NewMem(), engine.Config{Clock: c, PassEnded: func(name string, err error) {
		if name == "TTL sweep" {
			passes <- err
		}
	}})
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
	for _, it := range out.Items {
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
				for _, it := range out.Items {
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
