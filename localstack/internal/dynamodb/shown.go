package dynamodb

import (
	"fmt"

	"github.com/errandhq/errand/localstack/internal/dynamodb/expr"
	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// readStored returns what stands at a place, "" for nothing.
func readStored(from *kv.Space, at []byte) (value.Stored, error) {
	text, _, err := from.GetText(at)
	return value.Stored(text), err
}

// readItem returns the item at a place, nil for none.
func readItem(from *kv.Space, at []byte) (Item, error) {
	stored, err := readStored(from, at)
	if err != nil || stored == "" {
		return nil, err
	}
	it, err := stored.Item()
	if err != nil {
		return nil, unreadable(err)
	}
	return it, nil
}

func unreadable(err error) error { return fmt.Errorf("read an item: %w", err) }

// A Shown is an item, or part of one, in an answer. One that nobody had to look
// into is as it is stored.
type Shown struct {
	stored value.Stored
	item   Item // where stored is ""
}

// showing is what a projection, nil for none, leaves of an item.
func showing(stored value.Stored, projection []expr.Path) (*Shown, error) {
	if projection == nil {
		return &Shown{stored: stored}, nil
	}
	it, err := stored.Item()
	if err != nil {
		return nil, unreadable(err)
	}
	return &Shown{item: projected(it, projection)}, nil
}

// Item returns the item.
func (s Shown) Item() (Item, error) {
	if s.stored == "" {
		return s.item, nil
	}
	return s.stored.Item()
}

// AppendJSON appends the wire form.
func (s Shown) AppendJSON(b []byte) ([]byte, error) {
	if s.stored == "" {
		return s.item.AppendJSON(b)
	}
	return s.stored.AppendJSON(b)
}

// MarshalJSON is the wire form.
func (s Shown) MarshalJSON() ([]byte, error) { return s.AppendJSON(nil) }
