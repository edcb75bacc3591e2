package dynamodb

import (
	"fmt"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// readItem returns the item at a key of the store, nil if there is none.
func readItem(from *kv.Space, at []byte) (Item, error) { return readBy(from.GetText, at) }

func readBy(get func(key []byte) (stored string, ok bool, err error), at []byte) (Item, error) {
	stored, ok, err := get(at)
	if err != nil || !ok {
		return nil, err
	}
	it, err := value.Decode(stored)
	if err != nil {
		return nil, fmt.Errorf("read an item: %w", err)
	}
	return it, nil
}
