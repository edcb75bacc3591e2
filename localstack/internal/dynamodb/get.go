// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html

package dynamodb

import (
	"context"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
)

// GetItem reads an item. Even an eventually consistent read never returns a write
// that isn't on disk yet.
func (e *Engine) GetItem(ctx context.Context, in *GetItemInput) (*GetItemOutput, error) {
	paths, err := in.check()
	if err != nil {
		return nil, err
	}
	e.mu.RLock()
	t, err := e.findTable(ctx, in.TableName)
	e.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	it, size, err := e.get(t, in.Key, paths, in.ConsistentRead)
	if err != nil {
		return nil, err
	}
	u := units{table: readUnits(size, in.ConsistentRead)}
	return &GetItemOutput{Bill: u.bill(), Item: it, ConsumedCapacity: u.consumed(in.ReturnConsumedCapacity, *in.TableName)}, nil
}

// get reads the item with a key, nil if there is none, and returns its size and the
// parts of it at paths.
func (e *Engine) get(t *table, key Item, paths []expr.Path, consistent bool) (it Item, size int, err error) {
	if err := t.checkKey(key); err != nil {
		return nil, 0, err
	}
	if err := t.checkScalar(paths); err != nil {
		return nil, 0, err
	}
	at := t.itemKey(key)
	view, done := e.view(consistent, nil)
	defer done()
	it, err = readItem(view, at)
	if failed := e.stripes[stripeOf(at)].writes.wait(); failed != nil {
		return nil, 0, failed
	}
	if err != nil || it == nil {
		return nil, 0, err
	}
	return projected(it, paths), it.Size(), nil
}

func (in *GetItemInput) check() ([]expr.Path, error) {
	if err := validate(in); err != nil {
		return nil, err
	}
	p := params{projection: in.ProjectionExpression, names: in.ExpressionAttributeNames}
	paths, err := p.projectionOr(in.AttributesToGet, func() error { return checkValues(in.Key) })
	return paths, err
}

// projectionOr returns the projection of the expression, or of AttributesToGet, or
// nil. It calls between after the checks of the one and before those of the other,
// as AWS does.
func (p params) projectionOr(attributes []string, between func() error) ([]expr.Path, error) {
	if err := p.exclusive([]namedParam{{"ProjectionExpression", p.projection != nil}}, []namedParam{{"AttributesToGet", attributes != nil}}); err != nil {
		return nil, err
	}
	if err := between(); err != nil {
		return nil, err
	}
	paths, err := attributePaths(attributes)
	if err != nil {
		return nil, err
	}
	c, err := p.compile()
	if c.projection != nil {
		paths = c.projection
	}
	return paths, err
}
