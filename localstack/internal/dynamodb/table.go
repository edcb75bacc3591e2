package dynamodb

import (
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// A table is what operations need of a table, derived from its definition. It
// is never changed: a new definition makes a new table with the same no.
type table struct {
	def     definition
	no      uint64
	key     keySchema
	indexes []*index // local ones first
	ttl     string   // the attribute, or ""

	writes *inflight // shared by all tables of one no
}

// A definition is what is kept of a table, as JSON.
type definition struct {
	Region      string
	No          uint64
	NextIndexNo uint16
	IndexNos    map[string]uint16
	Description TableDescription
	TTL         string
	Tags        map[string]string
}

// An index is a secondary index.
type index struct {
	no       uint16
	name     string
	local    bool
	key      keySchema
	all      bool            // projection ALL
	projects map[string]bool // otherwise: the attributes it holds, keys too
}

// A keySchema is the attributes of a key. sort has no name where there is none.
type keySchema struct{ hash, sort keyAttr }

type keyAttr struct {
	name string
	kind value.Kind
}

// attrs are the attributes of the key, in order.
func (k keySchema) attrs() []keyAttr {
	if k.sort.name == "" {
		return []keyAttr{k.hash}
	}
	return []keyAttr{k.hash, k.sort}
}

func (k keySchema) has(attr string) bool {
	return attr == k.hash.name || attr == k.sort.name && attr != ""
}

// in reports whether the item has all of the key, by the right types.
func (k keySchema) in(it Item) bool {
	return !slices.ContainsFunc(k.attrs(), func(a keyAttr) bool { return it[a.name].Kind != a.kind })
}

// append appends the key of it, which has one.
func (k keySchema) append(dst []byte, it Item) []byte {
	dst = appendPartition(dst, it[k.hash.name])
	if k.sort.name != "" {
		dst = value.AppendKey(dst, it[k.sort.name])
	}
	return dst
}

func newTable(def definition, writes *inflight) *table {
	d := def.Description
	t := &table{def: def, no: def.No, ttl: def.TTL, writes: writes, key: newKeySchema(d.KeySchema, d.AttributeDefinitions)}
	for _, ix := range d.LocalSecondaryIndexes {
		t.indexes = append(t.indexes, t.newIndex(Index(ix), true))
	}
	for _, ix := range d.GlobalSecondaryIndexes {
		t.indexes = append(t.indexes, t.newIndex(ix, false))
	}
	return t
}

func newKeySchema(elements []KeySchemaElement, defs []AttributeDefinition) keySchema {
	var k keySchema
	for i, el := range elements {
		a := keyAttr{name: *el.AttributeName}
		for _, d := range defs {
			if *d.AttributeName == a.name {
				a.kind = value.KindOf(*d.AttributeType)
			}
		}
		if i == 0 {
			k.hash = a
		} else {
			k.sort = a
		}
	}
	return k
}

func (t *table) newIndex(ix Index, local bool) *index {
	x := &index{
		no: t.def.IndexNos[*ix.IndexName], name: *ix.IndexName, local: local,
		key: newKeySchema(ix.KeySchema, t.def.Description.AttributeDefinitions),
		all: ix.Projection.ProjectionType == "ALL",
	}
	x.projects = map[string]bool{}
	for _, k := range []keySchema{t.key, x.key} {
		for _, a := range k.attrs() {
			x.projects[a.name] = true
		}
	}
	for _, name := range ix.Projection.NonKeyAttributes {
		x.projects[name] = true
	}
	return x
}

func (t *table) index(name string) *index {
	for _, x := range t.indexes {
		if x.name == name {
			return x
		}
	}
	return nil
}

// itemKey is where the item stands in the space.
func (t *table) itemKey(it Item) []byte { return t.key.append(entriesOf(t.no, 0), it) }

// entry is what the index holds of an item, nil for nothing: an item without
// the whole key isn't in it.
func (x *index) entry(t *table, it Item) (key []byte, projected Item) {
	if it == nil || !x.key.in(it) {
		return nil, nil
	}
	return x.entryKey(t, it), x.project(it)
}

// entryKey is where the entry of it, an item or a start key, stands.
func (x *index) entryKey(t *table, it Item) []byte {
	key := x.key.append(entriesOf(t.no, x.no), it)
	var own []value.Value
	for _, a := range t.key.attrs() {
		own = append(own, it[a.name])
	}
	h := value.Hash(own...)
	return t.key.append(append(key, h[:]...), it)
}

func (x *index) project(it Item) Item {
	if x.all {
		return it
	}
	out := Item{}
	for name := range x.projects {
		if v, ok := it[name]; ok {
			out[name] = v
		}
	}
	return out
}

// keyOf returns the key attributes of an item.
func (t *table) keyOf(it Item) Item {
	k := Item{}
	for _, a := range t.key.attrs() {
		k[a.name] = it[a.name]
	}
	return k
}
