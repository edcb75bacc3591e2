package dynamodb

import (
	"context"
	"maps"
	"slices"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// maxBatchGet and maxBatchTable bound a BatchGetItem: keys, and bytes of a
// table's items after which its other keys are left unprocessed (AWS's bound is
// per partition, which a table has one of here). maxBatchWrite bounds writes.
const (
	maxBatchGet   = 100
	maxBatchTable = 1<<20 + maxItemSize
	maxBatchWrite = 25
)

const duplicateKeys = "Provided list of item keys contains duplicates"

// BatchGetItem reads items of several tables.
func (e *Engine) BatchGetItem(ctx context.Context, in *BatchGetItemInput) (*BatchGetItemOutput, error) {
	paths, err := in.check()
	if err != nil {
		return nil, err
	}
	out := &BatchGetItemOutput{Responses: map[string][]Item{}, UnprocessedKeys: map[string]KeysAndAttributes{}}
	names := slices.Sorted(maps.Keys(in.RequestItems))
	tables := map[string]*table{}
	e.mu.RLock()
	for _, name := range names {
		if tables[name], err = e.table(ctx, &name); err != nil {
			break
		}
	}
	e.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		used, err := e.batchGet(tables[name], in.RequestItems[name], paths[name], out)
		if err != nil {
			return nil, err
		}
		if c := used.consumed(in.ReturnConsumedCapacity, name); c != nil {
			out.ConsumedCapacity = append(out.ConsumedCapacity, *c)
		}
	}
	return out, nil
}

// batchGet reads the keys of one table into out.
func (e *Engine) batchGet(t *table, want KeysAndAttributes, paths []expr.Path, out *BatchGetItemOutput) (used units, err error) {
	name := t.def.Description.TableName
	items, seen := []Item{}, map[string]bool{}
	for _, key := range want.Keys {
		if err := t.checkKey(key); err != nil {
			return used, err
		}
		if at := string(t.itemKey(key)); seen[at] {
			return used, invalid(duplicateKeys)
		} else {
			seen[at] = true
		}
	}
	size := 0
	for i, key := range want.Keys {
		it, err := e.get(t, key, paths, want.ConsistentRead)
		if err != nil {
			return used, err
		}
		if size += it.Size(); size >= maxBatchTable {
			rest := want
			rest.Keys = want.Keys[i:]
			out.UnprocessedKeys[name] = rest
			break
		}
		used.table += readUnits(it.Size(), want.ConsistentRead)
		if it != nil {
			items = append(items, projected(it, paths))
		}
	}
	out.Responses[name] = items
	return used, nil
}

// check returns the projection for each table.
func (in *BatchGetItemInput) check() (map[string][]expr.Path, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	all, n := map[string][]expr.Path{}, 0
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		r := in.RequestItems[name]
		p := params{projection: r.ProjectionExpression, names: r.ExpressionAttributeNames}
		paths, err := p.projectionOr(r.AttributesToGet, func() error { return nil })
		if err != nil {
			return nil, err
		}
		all[name] = paths
		for i, key := range r.Keys {
			if err := checkValues(key); err != nil {
				return nil, err
			}
			if slices.ContainsFunc(r.Keys[:i], func(k Item) bool { return value.EqualItems(k, key) }) {
				return nil, invalid(duplicateKeys)
			}
			if n++; n > maxBatchGet {
				return nil, invalid("Too many items requested for the BatchGetItem call")
			}
		}
	}
	return all, nil
}

// BatchWriteItem puts and deletes items of several tables. (All are one atomic
// batch here; AWS promises that of each by itself only.)
func (e *Engine) BatchWriteItem(ctx context.Context, in *BatchWriteItemInput) (*BatchWriteItemOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var ws []*write
	err := e.write(func() ([]*write, error) {
		seen := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
			t, err := e.table(ctx, &name)
			if err != nil {
				return nil, err
			}
			for _, r := range in.RequestItems[name] {
				w := &write{}
				if err := w.batched(t, r); err != nil {
					return nil, err
				}
				if at := string(t.itemKey(w.key)); seen[at] {
					return nil, invalid(duplicateKeys)
				} else {
					seen[at] = true
				}
				ws = append(ws, w)
			}
		}
		return ws, nil
	})
	if err != nil {
		return nil, err
	}
	return &BatchWriteItemOutput{UnprocessedItems: map[string][]WriteRequest{}, ConsumedCapacity: consumedByTable(ws, in.ReturnConsumedCapacity, 1)}, nil
}

// batched makes w one write of a batch, whose missing or mistyped keys have the
// shorter message.
func (w *write) batched(t *table, r WriteRequest) error {
	if r.DeleteRequest != nil {
		return w.remove(t, r.DeleteRequest.Key)
	}
	it := r.PutRequest.Item
	for _, a := range t.key.attrs() {
		if it[a.name].Kind != a.kind {
			return invalid(keyMismatch)
		}
	}
	return w.put(t, it)
}

func (in *BatchWriteItemInput) check() error {
	if err := validate(in); err != nil {
		return err
	}
	n := 0
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		for _, r := range in.RequestItems[name] {
			if (r.DeleteRequest == nil) == (r.PutRequest == nil) {
				return invalid("Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes")
			}
			if err := r.check(); err != nil {
				return err
			}
			if n++; n > maxBatchWrite {
				return invalid("Too many items requested for the BatchWriteItem call")
			}
		}
	}
	return nil
}

func (r WriteRequest) check() error {
	if r.DeleteRequest != nil {
		return checkValues(r.DeleteRequest.Key)
	}
	if err := checkValues(r.PutRequest.Item); err != nil {
		return err
	}
	return tooBig(r.PutRequest.Item, putTooBig)
}

// consumedByTable adds up the units of writes, each counted factor times.
func consumedByTable(ws []*write, want string, factor float64) []ConsumedCapacity {
	sums := map[string]*units{}
	for _, w := range ws {
		name := w.t.def.Description.TableName
		if sums[name] == nil {
			sums[name] = &units{}
		}
		sums[name].plus(w.units.times(factor))
	}
	var out []ConsumedCapacity
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if c := sums[name].consumed(want, name); c != nil {
			out = append(out, *c)
		}
	}
	return out
}
