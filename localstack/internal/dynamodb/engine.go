package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/errandhq/errand/internal/clock"
	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/kv"
)

// Config is what an Engine is made of.
type Config struct {
	Store *kv.Store
	Clock clock.Clock
	// Faults makes reads stale where AWS permits it; nil: they never are.
	Faults Faults
}

// An Engine holds the tables of all regions. It is safe for concurrent use.
type Engine struct {
	store  *kv.Store
	space  *kv.Space
	clock  clock.Clock
	faults Faults

	// mu guards the tables and their definitions. Operations on items hold it
	// for reading until their batch is applied, so that they work on one
	// definition; operations on tables hold it for writing.
	mu     sync.RWMutex
	tables map[tableID]*table
	lastNo uint64 // of a table; never given twice

	stripes [256]stripe
	upkeep  upkeep
}

// tableID is a table's name in its region.
type tableID struct{ region, name string }

// A stripe serialises the writes of the keys that fall on it, up to the point
// where they are applied.
type stripe struct {
	sync.Mutex
	writes inflight
}

// Open reads the tables in the store and starts the upkeep: a pass each minute
// of the clock that removes expired items. Close ends it; the store stays the
// caller's.
func Open(c Config) (*Engine, error) {
	if c.Store == nil || c.Clock == nil {
		return nil, errors.New("open dynamodb: no store or no clock")
	}
	if c.Faults == nil {
		c.Faults = noFaults{}
	}
	e := &Engine{store: c.Store, space: c.Store.Space('d'), clock: c.Clock, faults: c.Faults, tables: map[tableID]*table{}}
	if err := e.loadTables(); err != nil {
		return nil, fmt.Errorf("open dynamodb: %w", err)
	}
	e.upkeep.start(e)
	return e, nil
}

// Close ends the upkeep. No other call may be under way.
func (e *Engine) Close() error {
	e.upkeep.stop()
	return nil
}

func regionOf(ctx context.Context) string { return awswire.IdentityFrom(ctx).Region }

// table finds a table for an operation on items. The caller holds e.mu.
func (e *Engine) table(ctx context.Context, name *string) (*table, error) {
	t, ok := e.find(ctx, *name)
	if !ok {
		return nil, noSuchTable()
	}
	return t, nil
}
