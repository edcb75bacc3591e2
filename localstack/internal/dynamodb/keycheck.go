package dynamodb

import (
	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// Limits of a key's parts and of an item, in bytes.
const (
	maxHashKey  = 2048
	maxSortKey  = 1024
	maxItemSize = 400 << 10
)

const keyMismatch = "The provided key element does not match the schema"

// checkKey checks a key in the input of GetItem and similar operations.
func (t *table) checkKey(key Item) error {
	if len(key) != len(t.key.attrs) {
		return invalid(keyMismatch)
	}
	return t.key.check(key)
}

// check checks the attributes of k in key.
func (k keySchema) check(key Item) error {
	for i, a := range k.attrs {
		if err := a.check(key[a.name], i < k.hashes); err != nil {
			return err
		}
	}
	return nil
}

// check checks one attribute of a key.
func (a keyAttr) check(v value.Value, hash bool) error {
	if v.Kind != a.kind {
		return invalid(keyMismatch)
	}
	if word, empty := emptyKey(v); empty {
		return invalid(paramsInvalid+"The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", word, a.name)
	}
	return checkKeySize(v, hash)
}

func emptyKey(v value.Value) (word string, empty bool) {
	word = "string"
	if v.Kind == value.KindB {
		word = "binary"
	}
	return word, v.Kind != value.KindN && v.Str == ""
}

func checkKeySize(v value.Value, hash bool) error {
	switch {
	case v.Kind == value.KindN:
		return nil
	case hash && len(v.Str) > maxHashKey:
		return invalid(paramsInvalid + "Size of hashkey has exceeded the maximum size limit of2048 bytes")
	case !hash && len(v.Str) > maxSortKey:
		return invalid(paramsInvalid + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
	}
	return nil
}

// checkItem checks the key attributes of a whole item. Those of the table must
// exist. Those of an index may be missing, but must not be of another type.
func (t *table) checkItem(it Item) error {
	for i, a := range t.key.attrs {
		v, ok := it[a.name]
		if !ok {
			return invalid(paramsInvalid+"Missing the key %s in the item", a.name)
		}
		if v.Kind != a.kind {
			return invalid(paramsInvalid+"Type mismatch for key %s expected: %s actual: %s", a.name, a.kind, v.Kind)
		}
		if word, empty := emptyKey(v); empty {
			return invalid("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty %s value. Key: %s", word, a.name)
		}
		if err := checkKeySize(v, i == 0); err != nil {
			return err
		}
	}
	return t.checkIndexKeys(it)
}

func (t *table) checkIndexKeys(it Item) error {
	for _, x := range t.checked {
		for i, a := range x.key.attrs {
			v, ok := it[a.name]
			if !ok {
				continue
			}
			if v.Kind != a.kind {
				return indexMismatch(x, a, v.Kind)
			}
			if word, empty := emptyKey(v); empty && !t.key.has(a.name) {
				return invalid("One or more parameter values are not valid. A value specified for a secondary index key is not supported. "+
					"The AttributeValue for a key attribute cannot contain an empty %s value. IndexName: %s, IndexKey: %s", word, x.name, a.name)
			}
			if err := checkKeySize(v, i < x.key.hashes); err != nil {
				return err
			}
		}
	}
	return nil
}

func indexMismatch(x *index, a keyAttr, actual value.Kind) error {
	return invalid(paramsInvalid+"Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s", a.name, a.kind, actual, x.name)
}

// checkUpdate checks an update's effect on keys, as far as it doesn't depend on the
// item.
func (t *table) checkUpdate(u *expr.Update) error {
	if u == nil {
		return nil
	}
	paths := u.Paths()
	for _, a := range t.key.attrs {
		for _, p := range paths {
			if p[0].Name == a.name {
				return invalid(paramsInvalid+"Cannot update attribute %s. This attribute is part of the key", a.name)
			}
		}
	}
	for _, x := range t.checked {
		for _, a := range x.key.attrs {
			if k := u.Kind(a.name); k != value.Invalid && k != a.kind {
				return indexMismatch(x, a, k)
			}
		}
	}
	return t.checkScalar(u.AllPaths())
}

// checkScalar fails for paths into key attributes.
func (t *table) checkScalar(paths []expr.Path) error {
	const format = "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: %s: %s"
	nested := map[string]bool{}
	for _, p := range paths {
		nested[p[0].Name] = nested[p[0].Name] || len(p) > 1
	}
	for _, a := range t.key.attrs {
		if nested[a.name] {
			return invalid(format, "Key", a.name)
		}
	}
	for _, x := range t.checked {
		for _, a := range x.key.attrs {
			if nested[a.name] {
				return invalid(format, "IndexKey", a.name)
			}
		}
	}
	return nil
}
