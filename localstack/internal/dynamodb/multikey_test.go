package dynamodb

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"pgregory.net/rapid"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// The matches of tournaments, as in AWS's guide: the index is of tournament and
// region, sorted by round (a number), bracket and match.
func matchesTable(name string) *CreateTableInput {
	key := func(kind string, names ...string) (els []KeySchemaElement) {
		for _, n := range names {
			els = append(els, KeySchemaElement{&n, &kind})
		}
		return els
	}
	return &CreateTableInput{
		TableName: &name, BillingMode: "PAY_PER_REQUEST", KeySchema: key("HASH", "match"),
		AttributeDefinitions: []AttributeDefinition{def("match", "S"), def("tournament", "S"), def("region", "S"), def("round", "N"), def("bracket", "S")},
		GlobalSecondaryIndexes: []Index{{
			IndexName: ptr("byRound"), Projection: &Projection{ProjectionType: "ALL"},
			KeySchema: append(key("HASH", "tournament", "region"), key("RANGE", "round", "bracket", "match")...),
		}},
	}
}

// TestManyKeyAttributes holds queries of an index whose keys have several
// attributes to a filter and a sort of all items.
func TestManyKeyAttributes(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	tables := 0
	rapid.Check(t, func(t *rapid.T) {
		tables++
		table := fmt.Sprintf("matches-%d", tables)
		if _, err := e.CreateTable(t.Context(), matchesTable(table)); err != nil {
			t.Fatal(err)
		}
		var all []Item
		for i := range rapid.IntRange(1, 25).Draw(t, "items") {
			it := drawMatch(t, i)
			if _, err := e.PutItem(t.Context(), &PutItemInput{TableName: &table, Item: it}); err != nil {
				t.Fatal(err)
			}
			all = append(all, it)
		}
		q := drawMatchQuery(t)
		q.in.TableName = &table
		var want []string
		for _, it := range all {
			if _, indexed := it["bracket"]; indexed && q.passes(it) {
				want = append(want, it["match"].Str)
			}
		}
		at := func(match string) Item {
			return all[slices.IndexFunc(all, func(it Item) bool { return it["match"].Str == match })]
		}
		slices.SortFunc(want, func(a, b string) int {
			x, y := at(a), at(b)
			return cmp.Or(value.CompareNumbers(x["round"].Str, y["round"].Str), strings.Compare(x["bracket"].Str, y["bracket"].Str), strings.Compare(a, b))
		})
		if q.in.ScanIndexForward != nil && !*q.in.ScanIndexForward {
			slices.Reverse(want)
		}
		var got []string
		for more := true; more; {
			out, err := e.Query(t.Context(), q.in)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range out.Items {
				got = append(got, it["match"].Str)
			}
			q.in.ExclusiveStartKey, more = out.LastEvaluatedKey, out.LastEvaluatedKey != nil
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: %v, want %v", *q.in.KeyConditionExpression, got, want)
		}
	})
}

// drawMatch draws an item, which may lack an attribute of the index's key.
func drawMatch(t *rapid.T, i int) Item {
	it := Item{
		"match": value.S(fmt.Sprint("m", i)), "tournament": value.S(rapid.SampledFrom([]string{"w", "w\x00"}).Draw(t, "tournament")),
		"region": value.S(rapid.SampledFrom([]string{"na", "eu"}).Draw(t, "region")), "round": value.N(fmt.Sprint(rapid.IntRange(-2, 11).Draw(t, "round"))),
	}
	if rapid.IntRange(0, 5).Draw(t, "lacks") > 0 {
		it["bracket"] = value.S(rapid.SampledFrom([]string{"a", "ab", "b", "a\x00"}).Draw(t, "bracket"))
	}
	return it
}

// A matchQuery is a query, and what it asks for.
type matchQuery struct {
	in     *QueryInput
	passes func(Item) bool
}

func drawMatchQuery(t *rapid.T) matchQuery {
	values := Item{":t": value.S("w"), ":r": value.S("na"), ":n": value.N(fmt.Sprint(rapid.IntRange(-2, 11).Draw(t, "n")))}
	same := func(it Item) bool { return it["tournament"].Str == "w" && it["region"].Str == "na" }
	round := func(it Item) int { return value.CompareNumbers(it["round"].Str, values[":n"].Str) }
	q := rapid.SampledFrom([]struct {
		text   string
		passes func(Item) bool
	}{
		{"", func(Item) bool { return true }},
		{" AND round = :n", func(it Item) bool { return round(it) == 0 }},
		{" AND round >= :n", func(it Item) bool { return round(it) >= 0 }},
		{" AND round < :n", func(it Item) bool { return round(it) < 0 }},
		{" AND begins_with(bracket, :b) AND round = :n", func(it Item) bool { return round(it) == 0 && strings.HasPrefix(it["bracket"].Str, "a") }},
		{" AND round = :n AND bracket = :b", func(it Item) bool { return round(it) == 0 && it["bracket"].Str == "a" }},
		{" AND round = :n AND bracket = :b AND #m > :m", func(it Item) bool { return round(it) == 0 && it["bracket"].Str == "a" && it["match"].Str > "m3" }},
	}).Draw(t, "query")
	for name, v := range map[string]value.Value{":b": value.S("a"), ":m": value.S("m3")} {
		if strings.Contains(q.text, name) {
			values[name] = v
		}
	}
	if q.text == "" {
		delete(values, ":n")
	}
	in := &QueryInput{IndexName: ptr("byRound"), KeyConditionExpression: ptr("tournament = :t AND #r = :r" + q.text), ExpressionAttributeValues: values,
		ExpressionAttributeNames: map[string]string{"#r": "region"}, ScanIndexForward: ptr(rapid.Bool().Draw(t, "forward")), Limit: ptr(rapid.Int32Range(1, 4).Draw(t, "limit"))}
	if strings.Contains(q.text, "#m") {
		in.ExpressionAttributeNames["#m"] = "match"
	}
	return matchQuery{in, func(it Item) bool { return same(it) && q.passes(it) }}
}

// TestManyKeyAttributesRefusals: what such an index can't have or be asked.
func TestManyKeyAttributesRefusals(t *testing.T) {
	e := openEngine(t, vfs.NewMem(), newClock())
	if _, err := e.CreateTable(t.Context(), matchesTable("tab")); err != nil {
		t.Fatal(err)
	}
	values := Item{":s": value.S("s"), ":n": value.N("1")}
	names := map[string]string{"#r": "region"}
	for text, want := range map[string]string{
		"tournament = :s":                                             "Query condition missed key schema element: region",
		"tournament = :s AND #r > :s":                                 "Query key condition not supported",
		"tournament = :s AND #r = :s AND bracket = :s":                "Query condition missed key schema element: round",
		"tournament = :s AND #r = :s AND round > :n AND bracket = :s": "Query key condition not supported",
		"tournament = :s AND #r = :s AND strange = :s":                "Query condition missed key schema element: round",
		"tournament = :s AND #r = :s AND round = :s":                  "Condition parameter type does not match schema type",
	} {
		in := &QueryInput{TableName: ptr("tab"), IndexName: ptr("byRound"), KeyConditionExpression: &text, ExpressionAttributeValues: maps.Clone(values), ExpressionAttributeNames: maps.Clone(names)}
		for name := range values {
			if !strings.Contains(text, name) {
				delete(in.ExpressionAttributeValues, name)
			}
		}
		if !strings.Contains(text, "#r") {
			in.ExpressionAttributeNames = nil
		}
		if _, err := e.Query(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for want, change := range map[string]func(*CreateTableInput){
		"All HASH key attributes must precede RANGE key attributes in the KeySchema": func(in *CreateTableInput) { slices.Reverse(in.GlobalSecondaryIndexes[0].KeySchema[1:]) },
		"The KeySchema exceeds the maximum allowed number of HASH key attributes": func(in *CreateTableInput) {
			for _, el := range in.GlobalSecondaryIndexes[0].KeySchema {
				*el.KeyType = "HASH"
			}
		},
		"The KeySchema contains multiple key attributes with the same name": func(in *CreateTableInput) {
			in.GlobalSecondaryIndexes[0].KeySchema[1].AttributeName = ptr("tournament")
			in.AttributeDefinitions = slices.DeleteFunc(in.AttributeDefinitions, func(d AttributeDefinition) bool { return *d.AttributeName == "region" })
		},
		"Some index key attributes are not defined": func(in *CreateTableInput) { in.GlobalSecondaryIndexes[0].KeySchema[3].AttributeName = ptr("other") },
		"Only global secondary indexes can have keys of several attributes": func(in *CreateTableInput) {
			in.KeySchema = schema("match", "bracket")
			in.LocalSecondaryIndexes = []LocalIndex{LocalIndex(in.GlobalSecondaryIndexes[0])}
		},
	} {
		in := matchesTable("other")
		change(in)
		if _, err := e.CreateTable(t.Context(), in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
