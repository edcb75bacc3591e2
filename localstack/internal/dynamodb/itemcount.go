package dynamodb

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/errandhq/errand/localstack/internal/dynamodb/value"
)

// itemCountInterval is how often ItemCount and TableSizeBytes change, as on AWS.
const itemCountInterval = 6 * time.Hour

// countItems updates ItemCount and TableSizeBytes, table by table.
func (e *Engine) countItems() error {
	e.mu.RLock()
	tables := slices.Collect(maps.Values(e.tables))
	e.mu.RUnlock()
	for _, t := range tables {
		if e.IsClosing() {
			return nil
		}
		var n, size int64
		prefix := entriesOf(t.no, 0)
		err := e.Keys.Scan(prefix, value.Successor(prefix), func(_, b []byte) (bool, error) {
			it, err := value.Decode(b)
			n, size = n+1, size+int64(it.Size())
			return true, err
		})
		if err != nil {
			return fmt.Errorf("count the items of %s: %w", t.def.Description.TableName, err)
		}
		if err := e.setCounts(t, n, size); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) setCounts(t *table, n, size int64) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	now, ok := e.tables[t.def.id()]
	if !ok || now.no != t.no {
		return nil // deleted meanwhile
	}
	def := now.def
	def.Description.ItemCount, def.Description.TableSizeBytes = n, size
	_, err := e.redefine(def, now.writes, nil)
	return err
}
