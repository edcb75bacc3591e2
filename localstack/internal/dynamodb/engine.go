package dynamodb

import (
	"context"
	"fmt"
	"sync"

	"github.com/errandhq/errand/localstack/internal/awswire"
	"github.com/errandhq/errand/localstack/internal/engine"
)

// Config is what an Engine is made of.
type Config struct {
	engine.Config
	// Faults makes reads stale where AWS permits it; nil: they never are.
	Faults Faults
}

// An Engine holds the tables of all regions. It is safe for concurrent use.
type Engine struct {
	*engine.Frame
	faults Faults

	// mu guards the tables and their definitions. Operations on items hold it
	// for reading until their batch is applied, so that they work on one
	// definition; operations on tables hold it for writing.
	mu     sync.RWMutex
	tables map[tableID]*table
	lastNo uint64 // of a table; never given twice

	stripes [256]stripe
}

// tableID is a table's name in its region.
type tableID struct{ region, name string }

// A stripe serialises the writes of the keys that hash to it, until they are applied.
type stripe struct {
	sync.Mutex
	writes inflight
}

// Open reads the tables in the store and starts the background passes.
func Open(c Config) (*Engine, error) {
	if c.Faults == nil {
		c.Faults = noFaults{}
	}
	e := &Engine{Frame: engine.New("dynamodb", 'd', c.Config), faults: c.Faults, tables: map[tableID]*table{}}
	if err := e.loadTables(); err != nil {
		return nil, fmt.Errorf("open dynamodb: %w", err)
	}
	e.StartPass("TTL sweep", engine.Every(ttlSweepInterval), e.sweepExpiredItems)
	e.StartPass("client token sweep", engine.Every(tokenSweepInterval), e.sweepClientTokens)
	e.StartPass("item count", engine.Every(itemCountInterval), e.countItems)
	return e, nil
}

func regionOf(ctx context.Context) string { return awswire.IdentityFrom(ctx).Region }

// findTable is findTableNamed with the error of operations on items. The caller holds e.mu.
func (e *Engine) findTable(ctx context.Context, name *string) (*table, error) {
	t, ok := e.lookUpTable(ctx, *name)
	if !ok {
		return nil, noSuchTable()
	}
	return t, nil
}
