// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html

package dynamodb

import (
	"context"
	"maps"
	"slices"
)

// maxBatchWrite is the maximum number of writes in a BatchWriteItem.
const maxBatchWrite = 25

// BatchWriteItem puts and deletes items of several tables, all in one atomic batch.
func (e *Engine) BatchWriteItem(ctx context.Context, in *BatchWriteItemInput) (*BatchWriteItemOutput, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	var ws []*write
	err := e.write(func() ([]*write, error) {
		seen := map[string]bool{}
		for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
			t, err := e.findTable(ctx, &name)
			if err != nil {
				return nil, err
			}
			for _, r := range in.RequestItems[name] {
				w := &write{tableName: name}
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
	out := &BatchWriteItemOutput{Bill: billOf(ws, 1), UnprocessedItems: map[string][]WriteRequest{}, ConsumedCapacity: consumedByTable(ws, in.ReturnConsumedCapacity, 1)}
	out.ItemCollectionMetrics, err = e.collectionsByTable(ws, in.ReturnItemCollectionMetrics)
	return out, err
}

// batched makes w a write of a batch, for which errors about missing or mistyped
// keys have a shorter message.
func (w *write) batched(t *table, r WriteRequest) error {
	if r.DeleteRequest != nil {
		return w.remove(t, r.DeleteRequest.Key)
	}
	it := r.PutRequest.Item
	for _, a := range t.key.attrs {
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

// consumedByTable returns the sum of the units of writes, each multiplied by factor.
func consumedByTable(ws []*write, want string, factor float64) []ConsumedCapacity {
	if want == "" || want == "NONE" {
		return nil
	}
	sums := map[string]*units{}
	for _, w := range ws {
		name := w.tableName
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
