package dynamodb

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// An answer is the JSON of an output being put together: of the operations that
// come often, which encoding/json would walk by reflection, and read once more
// for each item in them.
type answer struct {
	json []byte
	err  error
}

func begin(b []byte) *answer { return &answer{json: append(b, '{')} }

// name begins a member, whose name needs no quoting.
func (a *answer) name(name string) {
	if a.json[len(a.json)-1] != '{' {
		a.json = append(a.json, ',')
	}
	a.json = append(append(append(a.json, '"'), name...), '"', ':')
}

// A shower appends its own JSON.
type shower interface {
	AppendJSON([]byte) ([]byte, error)
}

func (a *answer) add(s shower) {
	b, err := s.AppendJSON(a.json)
	if err != nil {
		a.fail(err)
		return
	}
	a.json = b
}

// rest adds what is seldom there.
func (a *answer) rest(name string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		a.fail(err)
		return
	}
	a.name(name)
	a.json = append(a.json, b...)
}

func (a *answer) fail(err error) {
	if a.err == nil {
		a.err = fmt.Errorf("encode an answer: %w", err)
	}
}

func (a *answer) list(shown []Shown) {
	a.json = append(a.json, '[')
	for i := range shown {
		if i > 0 {
			a.json = append(a.json, ',')
		}
		a.add(&shown[i])
	}
	a.json = append(a.json, ']')
}

func (a *answer) item(name string, it Item) {
	if len(it) > 0 {
		a.name(name)
		a.add(it)
	}
}

func (a *answer) number(name string, n int) {
	a.name(name)
	a.json = strconv.AppendInt(a.json, int64(n), 10)
}

func (a *answer) consumed(c *ConsumedCapacity) {
	if c != nil {
		a.rest("ConsumedCapacity", c)
	}
}

func (a *answer) end() ([]byte, error) { return append(a.json, '}'), a.err }

// AppendJSON appends the answer.
func (o *WriteOutput) AppendJSON(b []byte) ([]byte, error) {
	a := begin(b)
	a.item("Attributes", o.Attributes)
	a.consumed(o.ConsumedCapacity)
	if o.ItemCollectionMetrics != nil {
		a.rest("ItemCollectionMetrics", o.ItemCollectionMetrics)
	}
	return a.end()
}

// AppendJSON appends the answer.
func (o *GetItemOutput) AppendJSON(b []byte) ([]byte, error) {
	a := begin(b)
	if o.Item != nil {
		a.name("Item")
		a.add(o.Item)
	}
	a.consumed(o.ConsumedCapacity)
	return a.end()
}

// AppendJSON appends the answer.
func (o *PageOutput) AppendJSON(b []byte) ([]byte, error) {
	a := begin(b)
	if o.Items != nil {
		a.name("Items")
		a.list(*o.Items)
	}
	a.number("Count", o.Count)
	a.number("ScannedCount", o.ScannedCount)
	a.item("LastEvaluatedKey", o.LastEvaluatedKey)
	a.consumed(o.ConsumedCapacity)
	return a.end()
}

// AppendJSON appends the answer.
func (o *BatchGetItemOutput) AppendJSON(b []byte) ([]byte, error) {
	a := begin(b)
	a.name("Responses")
	a.json = append(a.json, '{')
	for table, shown := range o.Responses {
		a.name(table) // of letters and digits, as all table names
		a.list(shown)
	}
	a.json = append(a.json, '}')
	a.rest("UnprocessedKeys", o.UnprocessedKeys)
	if len(o.ConsumedCapacity) > 0 {
		a.rest("ConsumedCapacity", o.ConsumedCapacity)
	}
	return a.end()
}

// AppendJSON appends the answer.
func (o *TransactWriteItemsOutput) AppendJSON(b []byte) ([]byte, error) {
	a := begin(b)
	if len(o.ConsumedCapacity) > 0 {
		a.rest("ConsumedCapacity", o.ConsumedCapacity)
	}
	if len(o.ItemCollectionMetrics) > 0 {
		a.rest("ItemCollectionMetrics", o.ItemCollectionMetrics)
	}
	return a.end()
}
