package dynamodb

import "context"

// PutItem writes a whole item in the place of any that has its key.
func (e *Engine) PutItem(ctx context.Context, in *PutItemInput) (*WriteOutput, error) {
	cond, err := in.check()
	if err != nil {
		return nil, err
	}
	w := &write{named: *in.TableName, cond: cond, showOld: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	err = e.writeOne(ctx, w, in.TableName, func(t *table) error { return w.put(t, in.Item) })
	if err != nil {
		return nil, err
	}
	out := w.output(in.ReturnValues, in.ReturnConsumedCapacity)
	out.ItemCollectionMetrics, err = e.collection(w, in.ReturnItemCollectionMetrics)
	return out, err
}

// writeOne does what aim makes of w in a table.
func (e *Engine) writeOne(ctx context.Context, w *write, name *string, aim func(t *table) error) error {
	return e.write(func() ([]*write, error) {
		t, err := e.table(ctx, name)
		if err != nil {
			return nil, err
		}
		return []*write{w}, aim(t)
	})
}

// put makes w the write of a whole item.
func (w *write) put(t *table, it Item) error {
	w.t, w.key, w.whole = t, it, true
	w.change = func(Item) (Item, error) { return it, nil }
	return t.checkItem(it)
}

// remove makes w the removal of an item.
func (w *write) remove(t *table, key Item) error {
	w.t, w.key, w.whole = t, key, true
	w.change = func(Item) (Item, error) { return nil, nil }
	return t.checkKey(key)
}

// output is the answer with what ReturnValues wants, of what a whole item's
// write can give: NONE or ALL_OLD.
func (w *write) output(returnValues, returnCapacity string) *WriteOutput {
	out := &WriteOutput{Bill: w.units.bill(), ConsumedCapacity: w.units.consumed(returnCapacity, w.named)}
	if returnValues == "ALL_OLD" {
		out.Attributes = w.old
	}
	return out
}

// DeleteItem removes the item of a key; one that isn't there is no error.
func (e *Engine) DeleteItem(ctx context.Context, in *DeleteItemInput) (*WriteOutput, error) {
	cond, err := in.check()
	if err != nil {
		return nil, err
	}
	w := &write{named: *in.TableName, cond: cond, showOld: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	err = e.writeOne(ctx, w, in.TableName, func(t *table) error { return w.remove(t, in.Key) })
	if err != nil {
		return nil, err
	}
	out := w.output(in.ReturnValues, in.ReturnConsumedCapacity)
	out.ItemCollectionMetrics, err = e.collection(w, in.ReturnItemCollectionMetrics)
	return out, err
}
