package dynamodb

import (
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// A table is a table's definition, prepared for operations. It is immutable: a new
// definition makes a new table with the same no.
type table struct {
	def     definition
	no      uint64
	key     keySchema
	indexes []*index // local ones first
	checked []*index // in the order in which AWS checks them: global ones first
	ttl     string   // the attribute, or ""

	writes *inflight // shared by all tables with the same no
}

// A definition is the stored form of a table, in JSON.
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
	projects map[string]bool // without ALL: the attributes that it holds, including keys
}

// A keySchema is the attributes of a key: first those of the partition key, then
// those of the sort key. A table and a local index have at most one of each; a
// global index may have four of each.
type keySchema struct {
	attrs  []keyAttr
	hashes int // how many of them belong to the partition key
}

type keyAttr struct {
	name string
	kind value.Kind
}

func (k keySchema) hash() []keyAttr { return k.attrs[:k.hashes] }
func (k keySchema) sort() []keyAttr { return k.attrs[k.hashes:] }

// sortName is the first attribute of the sort key, "" if there is none.
func (k keySchema) sortName() string {
	if len(k.sort()) == 0 {
		return ""
	}
	return k.sort()[0].name
}

func (k keySchema) has(attr string) bool {
	return slices.ContainsFunc(k.attrs, func(a keyAttr) bool { return a.name == attr })
}

// in reports whether the item has the whole key, with the right types.
func (k keySchema) in(it Item) bool {
	return !slices.ContainsFunc(k.attrs, func(a keyAttr) bool { return it[a.name].Kind != a.kind })
}

// partition returns the values of the partition key of an item that has them.
func (k keySchema) partition(it Item) []value.Value {
	vs := make([]value.Value, k.hashes)
	for i, a := range k.hash() {
		vs[i] = it[a.name]
	}
	return vs
}

// append appends the key of it, which must have one.
func (k keySchema) append(dst []byte, it Item) []byte {
	dst = appendPartition(dst, k.partition(it)...)
	for _, a := range k.sort() {
		dst = value.AppendKey(dst, it[a.name])
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
	locals := len(d.LocalSecondaryIndexes)
	t.checked = slices.Concat(t.indexes[locals:], t.indexes[:locals])
	return t
}

func newKeySchema(elements []KeySchemaElement, defs []AttributeDefinition) keySchema {
	var k keySchema
	for _, el := range elements {
		a := keyAttr{name: *el.AttributeName}
		for _, d := range defs {
			if *d.AttributeName == a.name {
				a.kind = value.KindOf(*d.AttributeType)
			}
		}
		if k.attrs = append(k.attrs, a); *el.KeyType == "HASH" {
			k.hashes = len(k.attrs)
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
		for _, a := range k.attrs {
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

// itemKey returns the item's key in the store.
func (t *table) itemKey(it Item) []byte { return t.key.append(entriesOf(t.no, 0), it) }

// entry returns the attributes of an item that the index holds. It is nil for an
// item without the whole key, which the index doesn't contain.
func (x *index) entry(t *table, it Item) (key []byte, projected Item) {
	if it == nil || !x.key.in(it) {
		return nil, nil
	}
	return x.entryKey(t, it), x.project(it)
}

// entryKey returns the key in the store of the entry of it, an item or a start key.
func (x *index) entryKey(t *table, it Item) []byte {
	key := x.key.append(entriesOf(t.no, x.no), it)
	var own []value.Value
	for _, a := range t.key.attrs {
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
	for _, a := range t.key.attrs {
		k[a.name] = it[a.name]
	}
	return k
}
