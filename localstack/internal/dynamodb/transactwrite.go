// https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html

package dynamodb

import (
	"context"
	"errors"
	"strings"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// maxTransaction is the maximum number of bytes of items in a transaction.
const maxTransaction = 4 << 20

// TransactWriteItems makes all of its actions or none, in one atomic batch. A
// repetition with the same client token within ten minutes has no effect.
// Errors: TransactionCanceledException, whose CancellationReasons has a
// CancellationReason for each action; IdempotentParameterMismatchException.
func (e *Engine) TransactWriteItems(ctx context.Context, in *TransactWriteItemsInput) (*TransactWriteItemsOutput, error) {
	ws, prepare, err := e.transaction(ctx, in)
	if err != nil {
		return nil, err
	}
	var lock []byte
	var also func(*kv.Batch) error
	if in.ClientRequestToken != nil {
		lock = clientTokenKey(regionOf(ctx), *in.ClientRequestToken)
		also = func(b *kv.Batch) error { return e.useClientToken(b, lock, in) }
	}
	err = e.writeWith(prepare, lock, also)
	if r := (*repeated)(nil); errors.As(err, &r) {
		return &TransactWriteItemsOutput{Bill: r.bill(), ConsumedCapacity: r.consumed(in.ReturnConsumedCapacity)}, nil
	}
	if err != nil {
		return nil, cancelled(ws, err)
	}
	out := &TransactWriteItemsOutput{Bill: billOf(ws, 2), ConsumedCapacity: consumedByTable(ws, in.ReturnConsumedCapacity, 2)}
	for i := range out.ConsumedCapacity {
		out.ConsumedCapacity[i].asWrites()
	}
	out.ItemCollectionMetrics, err = e.collectionsByTable(ws, in.ReturnItemCollectionMetrics)
	return out, err
}

// transaction creates the writes. prepare does the part that depends on tables.
func (e *Engine) transaction(ctx context.Context, in *TransactWriteItemsInput) (ws []*write, prepare func() ([]*write, error), err error) {
	if err := validate(in); err != nil {
		return nil, nil, err
	}
	bind := make([]func(*table) error, len(in.TransactItems))
	names := make([]*string, len(in.TransactItems))
	size := 0
	for i, item := range in.TransactItems {
		w := &write{}
		ws = append(ws, w)
		if names[i], bind[i], err = w.action(item); err != nil {
			return nil, nil, err
		}
		w.tableName = *names[i]
		if item.Put != nil {
			size += item.Put.Item.Size()
		}
	}
	if size > maxTransaction {
		return nil, nil, invalid("Transaction request size exceeds the maximum size limit of 4 MB")
	}
	return ws, func() ([]*write, error) {
		seen := map[string]bool{}
		for i, w := range ws {
			t, err := e.findTable(ctx, names[i])
			if err != nil {
				return nil, err
			}
			if err := bind[i](t); err != nil {
				return nil, err
			}
			w.at = t.itemKey(w.key)
			if seen[string(w.at)] {
				return nil, invalid("Transaction request cannot include multiple operations on one item")
			}
			seen[string(w.at)] = true
		}
		return ws, nil
	}, nil
}

// action parses one action into w. bind does the part that needs the table.
func (w *write) action(item TransactWriteItem) (name *string, bind func(*table) error, err error) {
	a, kind, err := item.only()
	if err != nil {
		return nil, nil, err
	}
	p := params{condition: a.ConditionExpression, names: a.ExpressionAttributeNames, values: a.ExpressionAttributeValues}
	exprs := []namedParam{{"ConditionExpression", p.condition != nil}}
	if kind == "Update" {
		p.update = a.UpdateExpression
		exprs = append([]namedParam{{"UpdateExpression", p.update != nil}}, exprs...)
	}
	if err := p.exclusive(exprs, nil); err != nil {
		return nil, nil, err
	}
	subject := a.Key
	if kind == "Put" {
		subject = a.Item
	}
	if err := checkValues(subject); err != nil {
		return nil, nil, err
	}
	if err := tooBig(subject, putTooBig); err != nil {
		return nil, nil, err
	}
	c, err := p.compile()
	if err != nil {
		return nil, nil, err
	}
	w.cond, w.returnOldOnFailure = c.condition, a.ReturnValuesOnConditionCheckFailure == "ALL_OLD"
	return a.TableName, func(t *table) error {
		switch kind {
		case "Put":
			return w.put(t, subject)
		case "Delete":
			return w.remove(t, subject)
		case "Update":
			return w.update(t, subject, updateOf{c.update})
		}
		w.t, w.key = t, subject
		return t.checkKey(subject)
	}, nil
}

// only returns the one action that item must have, and its kind.
func (item TransactWriteItem) only() (a *TransactAction, kind string, err error) {
	n := 0
	for _, one := range [...]struct {
		kind   string
		action *TransactAction
	}{{"ConditionCheck", item.ConditionCheck}, {"Put", item.Put}, {"Delete", item.Delete}, {"Update", item.Update}} {
		if one.action != nil {
			a, kind = one.action, one.kind
			n++
		}
	}
	if n != 1 {
		return nil, "", invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	}
	var missing string
	switch {
	case kind == "Put" && a.Item == nil:
		missing = "item"
	case kind != "Put" && a.Key == nil:
		missing = "key"
	case kind == "ConditionCheck" && a.ConditionExpression == nil:
		missing = "conditionExpression"
	case kind == "Update" && a.UpdateExpression == nil:
		missing = "updateExpression"
	default:
		return a, kind, nil
	}
	return nil, "", invalid("1 validation error detected: Value null at 'transactItems.1.member.%s%s.%s' failed to satisfy constraint: Member must not be null",
		strings.ToLower(kind[:1]), kind[1:], missing)
}

// cancelled returns the error of a transaction if err is that of one of its writes,
// and err itself otherwise.
func cancelled(ws []*write, err error) error {
	reasons := make([]CancellationReason, len(ws))
	codes := make([]string, len(ws))
	found := false
	for i, w := range ws {
		reasons[i] = CancellationReason{Code: "None"}
		var e *awswire.Error
		if errors.As(w.err, &e) {
			found = true
			reasons[i] = reasonOf(e)
		}
		codes[i] = reasons[i].Code
	}
	if !found {
		return err
	}
	e := badRequest("TransactionCanceledException", "Transaction cancelled, please refer cancellation reasons for specific reasons [%s]", strings.Join(codes, ", "))
	e.Fields = map[string]any{"CancellationReasons": reasons}
	return e
}

func reasonOf(e *awswire.Error) CancellationReason {
	r := CancellationReason{Message: e.Message, Code: strings.TrimSuffix(e.Code, "Exception")}
	switch r.Code {
	case "Validation":
		r.Code = "ValidationError"
	case "ConditionalCheckFailed":
		r.Item, _ = e.Fields["Item"].(Item)
	}
	return r
}
