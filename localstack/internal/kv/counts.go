package kv

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// Counts are the operations of a store since it was opened. With them, tests
// check that the cost of an operation doesn't depend on what else is stored.
type Counts struct {
	Gets    int64 // lookups of one key
	Steps   int64 // of iterators, also over deleted keys
	Writes  int64 // of keys and ranges
	Batches int64 // applied
	Syncs   int64 // of the log
}

type counters struct{ gets, steps, writes, batches atomic.Int64 }

// Counts returns the counts so far.
func (s *Store) Counts() Counts {
	c := &s.counters
	return Counts{Gets: c.gets.Load(), Steps: c.steps.Load(), Writes: c.writes.Load(), Batches: c.batches.Load(), Syncs: s.syncer.syncs.Load()}
}

func (c *counters) scanned(it *pebble.Iterator) {
	stats := it.Stats()
	c.steps.Add(int64(stats.ForwardStepCount[pebble.InternalIterCall] + stats.ReverseStepCount[pebble.InternalIterCall]))
}

func (c *counters) applied(b *pebble.Batch) {
	c.batches.Add(1)
	c.writes.Add(int64(b.Count()))
}
