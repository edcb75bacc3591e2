// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html

package dynamodb

import (
	"context"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// TransactGetItems reads items as of one moment.
func (e *Engine) TransactGetItems(ctx context.Context, in *TransactGetItemsInput) (*TransactGetItemsOutput, error) {
	paths, err := in.check()
	if err != nil {
		return nil, err
	}
	// Condition checks without a condition lock and read their items, and change
	// nothing.
	ws := make([]*write, len(in.TransactItems))
	err = e.write(func() ([]*write, error) {
		seen := map[string]bool{}
		for i, item := range in.TransactItems {
			t, err := e.findTable(ctx, item.Get.TableName)
			if err != nil {
				return nil, err
			}
			if err := t.checkKey(item.Get.Key); err != nil {
				return nil, err
			}
			ws[i] = &write{t: t, tableName: *item.Get.TableName, key: item.Get.Key}
			if at := string(t.itemKey(item.Get.Key)); seen[at] {
				return nil, invalid("Transaction request cannot include multiple operations on one item")
			} else {
				seen[at] = true
			}
		}
		return ws, nil
	})
	if err != nil {
		return nil, err
	}
	out := &TransactGetItemsOutput{Responses: make([]ItemResponse, len(ws))}
	for i, w := range ws {
		w.units = units{table: readUnits(w.old.Size(), true)}
		if w.old != nil {
			out.Responses[i].Item = projected(w.old, paths[i])
		}
	}
	out.Bill = billOf(ws, 2)
	out.ConsumedCapacity = consumedByTable(ws, in.ReturnConsumedCapacity, 2)
	for i := range out.ConsumedCapacity {
		out.ConsumedCapacity[i].asReads()
	}
	return out, nil
}

// check returns the projection of each item.
func (in *TransactGetItemsInput) check() ([][]expr.Path, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	all := make([][]expr.Path, len(in.TransactItems))
	for i, item := range in.TransactItems {
		g := item.Get
		p := params{projection: g.ProjectionExpression, names: g.ExpressionAttributeNames}
		var err error
		if all[i], err = p.projectionOr(nil, func() error { return checkValues(g.Key) }); err != nil {
			return nil, err
		}
	}
	return all, nil
}
