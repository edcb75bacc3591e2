// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html

package dynamodb

import (
	"context"
	"maps"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// UpdateItem changes attributes of an item. If there is none, it creates one, unless
// the update only removes.
func (e *Engine) UpdateItem(ctx context.Context, in *UpdateItemInput) (*WriteOutput, error) {
	u, cond, err := in.check()
	if err != nil {
		return nil, err
	}
	w := &write{tableName: *in.TableName, cond: cond, returnOldOnFailure: in.ReturnValuesOnConditionCheckFailure == "ALL_OLD"}
	err = e.write(func() ([]*write, error) {
		t, err := e.findTable(ctx, in.TableName)
		if err != nil {
			return nil, err
		}
		return []*write{w}, w.update(t, in.Key, u)
	})
	if err != nil {
		return nil, err
	}
	out := w.output(in.ReturnValues, in.ReturnConsumedCapacity)
	switch in.ReturnValues {
	case "ALL_NEW":
		out.Attributes = w.new
	case "UPDATED_OLD":
		out.Attributes = u.updated(w.old)
	case "UPDATED_NEW":
		out.Attributes = u.updated(w.new)
	}
	out.ItemCollectionMetrics, err = e.collection(w, in.ReturnItemCollectionMetrics)
	return out, err
}

// updateOf is an update or, with nil, none: UpdateItem then creates an item with
// only the key.
type updateOf struct{ *expr.Update }

// updated returns the attributes of an item that the update names.
func (u updateOf) updated(it Item) Item {
	if u.Update == nil || it == nil {
		return nil
	}
	return expr.Project(it, u.Paths())
}

// update makes w update an item.
func (w *write) update(t *table, key Item, u updateOf) error {
	w.t, w.key = t, key
	w.change = func(old Item) (Item, error) {
		if old == nil && u.Update != nil && u.OnlyRemoves() {
			return nil, nil
		}
		it := old
		if it == nil {
			it = maps.Clone(key)
		}
		if u.Update == nil {
			return it, nil
		}
		it, err := u.Apply(it)
		if err != nil {
			return nil, asInvalid(err)
		}
		if err := checkValues(it); err != nil { // it may be nested too deeply now
			return nil, err
		}
		if err := t.checkUpdated(it); err != nil {
			return nil, err
		}
		return it, tooBig(it, updateTooBig)
	}
	if err := t.checkKey(key); err != nil {
		return err
	}
	return t.checkUpdate(u.Update)
}

// checkUpdated checks the index keys of an item after an update.
func (t *table) checkUpdated(it Item) error {
	for _, x := range t.indexes {
		for _, a := range x.key.attrs {
			if v, ok := it[a.name]; ok && v.Kind != a.kind {
				return invalid("The update expression attempted to update the secondary index key to unsupported type")
			}
		}
	}
	return t.checkIndexKeys(it)
}

func (in *UpdateItemInput) check() (u updateOf, cond *expr.Condition, err error) {
	if err := validate(in); err != nil {
		return u, nil, err
	}
	p := params{update: in.UpdateExpression, condition: in.ConditionExpression, names: in.ExpressionAttributeNames, values: in.ExpressionAttributeValues}
	err = p.exclusive(
		[]namedParam{{"UpdateExpression", p.update != nil}, {"ConditionExpression", p.condition != nil}},
		[]namedParam{{"AttributeUpdates", in.AttributeUpdates != nil}, {"Expected", in.Expected != nil}})
	if err != nil {
		return u, nil, err
	}
	if err := checkValues(in.Key); err != nil {
		return u, nil, err
	}
	legacy, err := legacyUpdate(in.AttributeUpdates)
	if err != nil {
		return u, nil, err
	}
	expected, err := expectedCondition(in.Expected, in.ConditionalOperator)
	if err != nil {
		return u, nil, err
	}
	c, err := p.compile()
	if err != nil {
		return u, nil, err
	}
	if c.update == nil {
		c.update = legacy
	}
	if c.condition == nil {
		c.condition = expected
	}
	return updateOf{c.update}, c.condition, nil
}
