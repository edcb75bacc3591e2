// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ItemCollectionMetrics.html

package dynamodb

import "github.com/errandhq/errand/localstack/internal/dynamodb/value"

// collection returns the size of the item collection that w wrote to, if the request
// asks for it and the table has local indexes: only such tables have collections.
func (e *Engine) collection(w *write, want string) (*ItemCollectionMetrics, error) {
	if want != "SIZE" || len(w.t.indexes) == 0 || !w.t.indexes[0].local {
		return nil, nil
	}
	name := w.t.key.attrs[0].name
	hash := w.key[name]
	size := 0
	for _, no := range w.t.localNumbers() {
		prefix := appendPartition(entriesOf(w.t.no, no), hash)
		err := e.Keys.Scan(prefix, value.Successor(prefix), func(_, v []byte) (bool, error) {
			it, err := value.Decode(v)
			size += it.Size()
			return true, err
		})
		if err != nil {
			return nil, err
		}
	}
	low := float64(size >> 30)
	return &ItemCollectionMetrics{ItemCollectionKey: Item{name: hash}, SizeEstimateRangeGB: [2]float64{low, low + 1}}, nil
}

// localNumbers returns the numbers of the table itself and of its local indexes.
func (t *table) localNumbers() []uint16 {
	nos := []uint16{0}
	for _, x := range t.indexes {
		if x.local {
			nos = append(nos, x.no)
		}
	}
	return nos
}

// collectionsByTable returns the collections that a batch or transaction wrote to,
// each once.
func (e *Engine) collectionsByTable(ws []*write, want string) (map[string][]ItemCollectionMetrics, error) {
	if want != "SIZE" {
		return nil, nil
	}
	var out map[string][]ItemCollectionMetrics
	seen := map[string]bool{}
	for _, w := range ws {
		at := string(appendPartition(entriesOf(w.t.no, 0), w.key[w.t.key.attrs[0].name]))
		if w.change == nil || seen[at] {
			continue
		}
		seen[at] = true
		m, err := e.collection(w, want)
		if err != nil {
			return nil, err
		}
		if m == nil {
			continue
		}
		if out == nil {
			out = map[string][]ItemCollectionMetrics{}
		}
		name := w.tableName
		out[name] = append(out[name], *m)
	}
	return out, nil
}
