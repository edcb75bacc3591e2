package dynamodb

import (
	"fmt"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// backfillBatch is how many bytes of items one batch of a new index contains.
const backfillBatch = 4 << 20

// backfill fills the index called name of a definition that isn't used yet. No
// reader sees the entries before it is: if a crash leaves some, the next index with
// that number removes them.
// The caller holds e.mu for writing.
func (e *Engine) backfill(t *table, def definition, name string) error {
	if name == "" {
		return nil
	}
	next := newTable(def, t.writes)
	x := next.index(name)
	b := batch{e.Store.NewBatch(), e.Keys}
	b.DeletePrefix(entriesOf(t.no, x.no))
	size := 0
	prefix := entriesOf(t.no, 0)
	err := e.Keys.Scan(prefix, value.Successor(prefix), func(_, v []byte) (bool, error) {
		it, err := value.Decode(v)
		if err != nil {
			return false, err
		}
		key, projected := x.entry(next, it)
		if key == nil {
			return true, nil // the item has no key of the index, or one of another type
		}
		entry := projected.Encode()
		b.Set(key, entry)
		if size += len(key) + len(entry); size < backfillBatch {
			return true, nil
		}
		size = 0
		done := b
		b = batch{e.Store.NewBatch(), e.Keys}
		return true, done.b.Commit()
	})
	if err == nil {
		err = b.b.Commit()
	}
	if err != nil {
		return fmt.Errorf("fill the index %s: %w", name, err)
	}
	return nil
}
