// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html

package dynamodb

import (
	"context"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// PutItem writes a whole item, and replaces one with the same key.
func (e *Engine) PutItem(ctx context.Context, in *PutItemInput) (*WriteOutput, error) {
	cond, err := in.check()
	if err != nil {
		return nil, err
	}
	w := &write{tableName: *in.TableName, cond: cond, returnOldOnFailure: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	err = e.writeOne(ctx, w, in.TableName, func(t *table) error { return w.put(t, in.Item) })
	if err != nil {
		return nil, err
	}
	out := w.output(in.ReturnValues, in.ReturnConsumedCapacity)
	out.ItemCollectionMetrics, err = e.collection(w, in.ReturnItemCollectionMetrics)
	return out, err
}

// writeOne makes the write that aim sets up in w.
func (e *Engine) writeOne(ctx context.Context, w *write, name *string, aim func(t *table) error) error {
	return e.write(func() ([]*write, error) {
		t, err := e.findTable(ctx, name)
		if err != nil {
			return nil, err
		}
		return []*write{w}, aim(t)
	})
}

// put makes w write a whole item.
func (w *write) put(t *table, it Item) error {
	w.t, w.key, w.wholeItem = t, it, true
	w.change = func(Item) (Item, error) { return it, nil }
	return t.checkItem(it)
}

// output returns the response with what ReturnValues asks for. For the write of a
// whole item that is NONE or ALL_OLD.
func (w *write) output(returnValues, returnCapacity string) *WriteOutput {
	out := &WriteOutput{Bill: w.units.bill(), ConsumedCapacity: w.units.consumed(returnCapacity, w.tableName)}
	if returnValues == "ALL_OLD" {
		out.Attributes = w.old
	}
	return out
}

const onlyAllOld = "ReturnValues can only be ALL_OLD or NONE"

func (in *PutItemInput) check() (*expr.Condition, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	p := params{condition: in.ConditionExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	if err := p.exclusive([]namedParam{{"ConditionExpression", p.condition != nil}}, []namedParam{{"Expected", in.Expected != nil}}); err != nil {
		return nil, err
	}
	if err := checkValues(in.Item); err != nil {
		return nil, err
	}
	if in.ReturnValues != "" && in.ReturnValues != "ALL_OLD" && in.ReturnValues != "NONE" {
		return nil, invalid(onlyAllOld)
	}
	if err := tooBig(in.Item, putTooBig); err != nil {
		return nil, err
	}
	return p.conditionOr(in.Expected, in.ConditionalOperator)
}

// conditionOr returns the condition of the expression, or that of Expected, or nil.
func (p params) conditionOr(legacy map[string]Expected, operator string) (*expr.Condition, error) {
	expected, err := expectedCondition(legacy, operator)
	if err != nil {
		return nil, err
	}
	c, err := p.compile()
	if c.condition == nil {
		c.condition = expected
	}
	return c.condition, err
}
