// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html

package dynamodb

import (
	"context"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// DeleteItem removes the item with a key. A missing item is no error.
func (e *Engine) DeleteItem(ctx context.Context, in *DeleteItemInput) (*WriteOutput, error) {
	cond, err := in.check()
	if err != nil {
		return nil, err
	}
	w := &write{tableName: *in.TableName, cond: cond, returnOldOnFailure: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	err = e.writeOne(ctx, w, in.TableName, func(t *table) error { return w.remove(t, in.Key) })
	if err != nil {
		return nil, err
	}
	out := w.output(in.ReturnValues, in.ReturnConsumedCapacity)
	out.ItemCollectionMetrics, err = e.collection(w, in.ReturnItemCollectionMetrics)
	return out, err
}

// remove makes w remove an item.
func (w *write) remove(t *table, key Item) error {
	w.t, w.key, w.wholeItem = t, key, true
	w.change = func(Item) (Item, error) { return nil, nil }
	return t.checkKey(key)
}

func (in *DeleteItemInput) check() (*expr.Condition, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	p := params{condition: in.ConditionExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	if err := p.exclusive([]namedParam{{"ConditionExpression", p.condition != nil}}, []namedParam{{"Expected", in.Expected != nil}}); err != nil {
		return nil, err
	}
	if err := checkValues(in.Key); err != nil {
		return nil, err
	}
	if in.ReturnValues != "" && in.ReturnValues != "ALL_OLD" && in.ReturnValues != "NONE" {
		return nil, invalid(onlyAllOld)
	}
	return p.conditionOr(in.Expected, in.ConditionalOperator)
}
